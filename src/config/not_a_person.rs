//! The rules of `accounts.not-a-person`, which say that an entry is not a person's.

use std::fmt;

/// The form of a rule, for messages.
pub(super) const FORM: &str = "write a username (\"scanner\", \"svc-*\"), an attribute with a value \
                               (\"employeeType=room*\"), or an attribute with bits of a number \
                               (\"userAccountControl&14336\")";

/// A rule that says that an entry belongs to a service, a machine, a room or a shared mailbox.
/// Upper and lower case are the same; `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAPerson {
    /// The username matches the pattern.
    Username(String),
    /// A value of the attribute matches the pattern.
    Value {
        /// The attribute, as written.
        attribute: String,
        /// The pattern; `*` stands for any text.
        pattern: String,
    },
    /// A value of the attribute is a number with one of these bits.
    Bits {
        /// The attribute, as written.
        attribute: String,
        /// The bits; not zero.
        bits: u64,
    },
}

impl NotAPerson {
    /// Returns the attribute of the rule besides the username, in lower case.
    pub fn attribute_key(&self) -> Option<String> {
        match self {
            Self::Username(_) => None,
            Self::Value { attribute, .. } | Self::Bits { attribute, .. } => {
                Some(attribute.to_ascii_lowercase())
            }
        }
    }

    /// Reads a rule; `None` if the text is not a rule.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let at = text.find(['=', '&']);
        let Some((attribute, rest)) = at.and_then(|at| text.split_at_checked(at)) else {
            // A rule that matches everybody is a mistake.
            let names_somebody = text.chars().any(|c| c != '*' && !c.is_whitespace());
            return names_somebody.then(|| Self::Username(text.to_owned()));
        };
        let attribute = attribute.trim().to_owned();
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-;.".contains(&b);
        if attribute.is_empty() || !attribute.bytes().all(is_name) {
            return None;
        }
        let (sign, value) = rest.split_at_checked(1)?;
        let value = value.trim();
        if sign == "=" {
            let pattern = value.to_owned();
            return (!pattern.is_empty()).then_some(Self::Value { attribute, pattern });
        }
        let bits = value.parse().ok().filter(|bits| *bits != 0)?;
        Some(Self::Bits { attribute, bits })
    }
}

impl fmt::Display for NotAPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Username(pattern) => f.write_str(pattern),
            Self::Value { attribute, pattern } => write!(f, "{attribute}={pattern}"),
            Self::Bits { attribute, bits } => write!(f, "{attribute}&{bits}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_written_again() {
        for text in [
            "scanner",
            "svc-*",
            "*$",
            "employeeType=room*",
            "isCriticalSystemObject=TRUE",
            "userAccountControl&14336",
            "description=a=b",
        ] {
            let rule = NotAPerson::parse(text).unwrap();
            assert_eq!(rule.to_string(), text);
        }
        let spaced = NotAPerson::parse(" userAccountControl & 2 ").unwrap();
        assert_eq!(spaced.to_string(), "userAccountControl&2");
    }

    #[test]
    fn what_would_be_everybody_or_nobody_is_no_rule() {
        for text in [
            "", " ", "*", "**", "=x", "a=", "a&", "a&0", "a&-1", "a&x", "a b=c",
        ] {
            assert_eq!(NotAPerson::parse(text), None, "{text:?}");
        }
    }
}

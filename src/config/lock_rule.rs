//! The rules of `accounts.lock`, which say whether an account is locked.

use std::fmt;

use super::NotAPerson;

/// A rule that says whether an account is locked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockRule {
    /// AD: bit 2 of `userAccountControl`; absent means unknown.
    UserAccountControl,
    /// AD: `accountExpires` in the past; 0, 2^63-1 and absent mean never.
    AccountExpires,
    /// OpenLDAP's ppolicy: `pwdAccountLockedTime` is `000001010000Z`; a date is temporary. Absent
    /// means not locked where the right to read it is known, else unknown unless another rule shows
    /// that the account is not locked.
    PwdAccountLockedTime,
    /// 389: `nsAccountLock` is true; absent means not locked. The server computes it: an export has
    /// the attributes from which it is computed (`nsRoleDN`, the containers of FreeIPA).
    NsAccountLock,
    /// eDirectory: `loginDisabled` is true; absent means not locked.
    LoginDisabled,
    /// `userPassword` has a `!` before its hash and is not `{CRYPT}!!`; not readable means unknown.
    UserPassword,
    /// `shadowExpire`, days since 1970, in the past; absent means not expired, 0 unknown.
    ShadowExpire,
    /// `loginShell` is a shell that refuses (`/sbin/nologin`, `/bin/false`, …).
    LoginShell,
    /// A value of an attribute of the directory's own matches a pattern: `attribute=value`, where
    /// `*` is any text. Absent means not locked if the right to read the attribute is known,
    /// otherwise unknown unless another rule shows that the account is not locked.
    Value {
        /// The attribute, as written.
        attribute: String,
        /// The pattern; `*` stands for any text.
        pattern: String,
    },
    /// A value of such an attribute is a number with one of these bits: `attribute&bits`.
    Bits {
        /// The attribute, as written.
        attribute: String,
        /// The bits; not zero.
        bits: u64,
    },
}

impl LockRule {
    /// The rules that have the name of their attribute, by that name.
    pub(super) const NAMES: [(&'static str, Self); 8] = [
        ("userAccountControl", Self::UserAccountControl),
        ("accountExpires", Self::AccountExpires),
        ("pwdAccountLockedTime", Self::PwdAccountLockedTime),
        ("nsAccountLock", Self::NsAccountLock),
        ("loginDisabled", Self::LoginDisabled),
        ("userPassword", Self::UserPassword),
        ("shadowExpire", Self::ShadowExpire),
        ("loginShell", Self::LoginShell),
    ];

    /// Returns the attribute of the rule.
    pub fn attribute(&self) -> &str {
        if let Self::Value { attribute, .. } | Self::Bits { attribute, .. } = self {
            return attribute;
        }
        Self::NAMES
            .iter()
            .find(|(_, rule)| rule == self)
            .map_or("", |(name, _)| name)
    }

    /// Reads a rule; `None` if the text is not a rule.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut names = Self::NAMES.into_iter();
        if let Some((_, rule)) = names.find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Some(rule);
        }
        match NotAPerson::parse(text)? {
            NotAPerson::Username(_) => None,
            NotAPerson::Value { attribute, pattern } => Some(Self::Value { attribute, pattern }),
            NotAPerson::Bits { attribute, bits } => Some(Self::Bits { attribute, bits }),
        }
    }
}

impl fmt::Display for LockRule {
    /// Writes the rule as in the configuration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { attribute, pattern } => write!(f, "{attribute}={pattern}"),
            Self::Bits { attribute, bits } => write!(f, "{attribute}&{bits}"),
            known => f.write_str(known.attribute()),
        }
    }
}

//! Attributes with immutable ids: `accounts.id` and its like.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The attribute with an immutable id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdAttribute {
    /// Its name, in lower case.
    pub name: String,
    /// How its value becomes text.
    pub form: IdForm,
}

impl IdAttribute {
    /// Returns an attribute whose values have the form that is usual for it.
    pub fn usual(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let form = IdForm::usual(&name);
        Self { name, form }
    }

    /// Reads `attribute` or `attribute:form`.
    ///
    /// # Errors
    /// Returns the word after the colon, if it is not the name of a form.
    pub fn parse(text: &str) -> Result<Self, &str> {
        let Some((name, word)) = text.split_once(':') else {
            return Ok(Self::usual(text));
        };
        let word = word.trim_start();
        let mut forms = IdForm::NAMES.iter();
        let found = forms.find(|(known, _)| known.eq_ignore_ascii_case(word));
        Ok(Self {
            form: found.ok_or(word)?.1,
            ..Self::usual(name.trim_end())
        })
    }
}

impl fmt::Display for IdAttribute {
    /// Writes the name, and the form where it is not the usual one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.form == IdForm::usual(&self.name) {
            return Ok(());
        }
        let mut forms = IdForm::NAMES.iter();
        let form = forms.find(|(_, form)| *form == self.form);
        write!(f, ":{}", form.map_or("", |(word, _)| word))
    }
}

impl Serialize for IdAttribute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IdAttribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|word| de::Error::custom(format!("{word:?} is no form of ids")))
    }
}

/// How the value of an id attribute becomes its canonical text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdForm {
    /// It is text: trimmed, in lower case.
    Text,
    /// Sixteen bytes of a Windows GUID: the first three fields are little-endian ([MS-DTYP] 2.3.4).
    Guid,
    /// Bytes, written in hex (eDirectory's `GUID` and others).
    Hex,
}

impl IdForm {
    /// The words used in the configuration, each with its form.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("text", Self::Text),
        ("guid", Self::Guid),
        ("hex", Self::Hex),
    ];

    /// Returns the usual form of a well-known attribute, given in lower case.
    fn usual(attribute: &str) -> Self {
        match attribute {
            "objectguid" | "ms-ds-consistencyguid" => Self::Guid,
            "guid" | "objectsid" => Self::Hex,
            _ => Self::Text,
        }
    }
}

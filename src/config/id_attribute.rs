//! Attributes with immutable ids: `accounts.id` and its like.

use std::fmt;

/// The attribute with an immutable id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdAttribute {
    /// Its name.
    pub name: String,
    /// How its value becomes text.
    pub form: IdForm,
}

impl IdAttribute {
    /// Reads what [`IdAttribute`] shows.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, form) = match text.split_once(" as ") {
            Some((name, form)) => {
                let mut forms = IdForm::NAMES.iter();
                (name, forms.find(|(word, _)| *word == form)?.1)
            }
            None => (text, IdForm::usual(text)),
        };
        Some(Self {
            name: name.to_owned(),
            form,
        })
    }
}

impl fmt::Display for IdAttribute {
    /// The name in lower case, and the form where it is not the usual one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.to_ascii_lowercase();
        let form = IdForm::NAMES.iter().find(|(_, form)| *form == self.form);
        match form {
            Some((word, form)) if *form != IdForm::usual(&name) => write!(f, "{name} as {word}"),
            _ => f.write_str(&name),
        }
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
    /// The words used in the configuration.
    pub(super) const NAMES: [(&'static str, Self); 3] = [
        ("text", Self::Text),
        ("guid", Self::Guid),
        ("hex", Self::Hex),
    ];

    /// The form that the values of a well-known attribute, in lower case, have.
    pub(super) fn usual(attribute: &str) -> Self {
        match attribute {
            "objectguid" | "ms-ds-consistencyguid" => Self::Guid,
            "guid" | "objectsid" => Self::Hex,
            _ => Self::Text,
        }
    }
}

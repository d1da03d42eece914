//! Answers as JSON for programs. Times are written as RFC 3339, and no character steers a terminal.

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use crate::model::{Timestamp, printable};

/// Writes a value as indented JSON.
///
/// # Errors
/// An error if the value has no form in JSON.
pub fn text(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&Timed(value)).map(|json| escaped(&json))
}

/// Writes characters that must not be shown as escapes, which every reader of JSON understands.
/// Outside of texts JSON contains only line ends of this kind.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        let harmless = c == '\n'
            || (c.is_ascii() && !c.is_control())
            || (!c.is_ascii() && printable(c.encode_utf8(&mut [0; 4])).starts_with(c));
        if harmless {
            text.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

/// A value whose times are written as RFC 3339.
struct Timed<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> Serialize for Timed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Times(serializer))
    }
}

/// A serializer that writes [`Timestamp`] as RFC 3339, and passes on everything else.
struct Times<S>(S);

/// Defines methods that pass a plain value on.
macro_rules! plain {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.0.$method(value)
        })*
    };
}

impl<S: Serializer> Serializer for Times<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Times<S::SerializeSeq>;
    type SerializeTuple = Times<S::SerializeTuple>;
    type SerializeTupleStruct = Times<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Times<S::SerializeTupleVariant>;
    type SerializeMap = Times<S::SerializeMap>;
    type SerializeStruct = Times<S::SerializeStruct>;
    type SerializeStructVariant = Times<S::SerializeStructVariant>;

    plain!(
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_f32: f32,
        serialize_f64: f64,
        serialize_char: char,
        serialize_str: &str,
        serialize_bytes: &[u8],
        serialize_unit_struct: &'static str
    );

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.0.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&Timed(value))
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.0.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        if name != Timestamp::NAME {
            return self.0.serialize_newtype_struct(name, &Timed(value));
        }
        let millis = serde_json::to_value(value).map_err(S::Error::custom)?;
        let time = Timestamp(millis.as_i64().unwrap_or_default());
        self.0.serialize_str(&time.rfc3339())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0
            .serialize_newtype_variant(name, index, variant, &Timed(value))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.0.serialize_seq(len).map(Times)
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.0.serialize_tuple(len).map(Times)
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.0.serialize_tuple_struct(name, len).map(Times)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.0
            .serialize_tuple_variant(name, index, variant, len)
            .map(Times)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.0.serialize_map(len).map(Times)
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        self.0.serialize_struct(name, len).map(Times)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.0
            .serialize_struct_variant(name, index, variant, len)
            .map(Times)
    }
}

/// Defines the serializers for the parts of compound values.
macro_rules! parts {
    ($($trait:ident: $method:ident($($key:ident)?)),*) => {
        $(impl<S: $trait> $trait for Times<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $($key: &'static str,)?
                value: &T,
            ) -> Result<(), S::Error> {
                self.0.$method($($key,)? &Timed(value))
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        })*
    };
}

parts!(
    SerializeSeq: serialize_element(),
    SerializeTuple: serialize_element(),
    SerializeTupleStruct: serialize_field(),
    SerializeTupleVariant: serialize_field(),
    SerializeStruct: serialize_field(key),
    SerializeStructVariant: serialize_field(key)
);

impl<S: SerializeMap> SerializeMap for Times<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.0.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.0.serialize_value(&Timed(value))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use serde::Serialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Serialize)]
    struct Report {
        at: Timestamp,
        never: Option<Timestamp>,
        all: Vec<(u8, Timestamp)>,
        by_name: BTreeMap<String, Kind>,
        took: Duration,
        number: i64,
    }

    #[derive(Serialize)]
    enum Kind {
        One(Timestamp),
        Two(Timestamp, bool),
        Named { at: Option<Timestamp> },
        Nothing,
    }

    #[test]
    fn a_time_is_rfc_3339_wherever_it_is_and_nothing_else_changes() {
        let at = Timestamp(1_767_225_600_123);
        let report = Report {
            at,
            never: None,
            all: vec![(1, at)],
            by_name: [
                ("a".into(), Kind::One(at)),
                ("b".into(), Kind::Two(at, true)),
                ("c".into(), Kind::Named { at: Some(at) }),
                ("d".into(), Kind::Nothing),
            ]
            .into(),
            took: Duration::from_millis(1_500),
            number: 1_767_225_600_123,
        };
        let text = text(&report).unwrap();
        let time = "2026-01-01T00:00:00.123Z";
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            json!({
                "at": time,
                "never": null,
                "all": [[1, time]],
                "by_name": {
                    "a": {"One": time},
                    "b": {"Two": [time, true]},
                    "c": {"Named": {"at": time}},
                    "d": "Nothing",
                },
                "took": {"secs": 1, "nanos": 500_000_000},
                "number": 1_767_225_600_123_i64,
            })
        );
    }

    #[test]
    fn it_says_the_same_without_steering() {
        let dn = "a\u{9b}2J\u{202e}\u{2028}\u{e0041}\u{7f}\n";
        let value = json!({"dn": dn, "name": "👩\u{200d}👧 ö"});
        let text = text(&value).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.contains("👩") && text.contains('ö'), "{text}");
        assert!(text.contains("\\u009b2J\\u202e"), "{text}");
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(steers), "{text:?}");
    }
}

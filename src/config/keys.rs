//! Finds all keys by asking the raw structs: they are deserialised from a source that offers every
//! field that they have. So no list of keys is maintained by hand.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, Error};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};

use super::raw::RawConfig;

/// Returns the dotted paths of all keys and sections that a configuration may have, for example
/// `provider.bind-password` and `guard`.
pub fn all() -> BTreeSet<String> {
    let seen = RefCell::new(BTreeSet::new());
    // The probe answers every question. An error does not matter, because the keys that were seen
    // until then are valid.
    let _ = RawConfig::deserialize(Probe {
        path: String::new(),
        seen: &seen,
    });
    seen.into_inner()
}

#[derive(Clone)]
struct Probe<'a> {
    path: String,
    seen: &'a RefCell<BTreeSet<String>>,
}

/// The mark by which `toml` asks for the position of a value.
const SPANNED: &str = "$__serde_spanned_private_";

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str("")
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(false)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i64(0)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(One(Some(self)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(Fields {
            probe: self,
            rest: fields,
            current: "",
        })
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct tuple tuple_struct map enum identifier ignored_any
    }
}

/// A list with one element, so that the keys of the element are seen.
struct One<'a>(Option<Probe<'a>>);

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        self.0
            .take()
            .map(|probe| seed.deserialize(probe))
            .transpose()
    }
}

struct Fields<'a> {
    probe: Probe<'a>,
    rest: &'static [&'static str],
    current: &'static str,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((first, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        (self.current, self.rest) = (first, rest);
        seed.deserialize(BorrowedStrDeserializer::new(first))
            .map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let mut probe = self.probe.clone();
        if let Some(part) = self.current.strip_prefix(SPANNED) {
            return match part {
                "value" => seed.deserialize(probe),
                _ => seed.deserialize(0_u64.into_deserializer()),
            };
        }
        if self.current.is_empty() {
            return Err(Error::custom("a value without a key"));
        }
        if !probe.path.is_empty() {
            probe.path.push('.');
        }
        probe.path.push_str(self.current);
        probe.seen.borrow_mut().insert(probe.path.clone());
        seed.deserialize(probe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_all_depths_are_found() {
        let all = all();
        for key in [
            "provider",
            "provider.urls",
            "provider.bind-password.file",
            "policy.attributes.first-name",
            "mattermost.url",
            "team.display-name",
            "control.socket",
        ] {
            assert!(all.contains(key), "{key} in {all:?}");
        }
        assert!(all.iter().all(|key| !key.contains('$')), "{all:?}");
    }
}

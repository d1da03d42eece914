//! The configuration as it is written: every key is optional, and nothing is checked yet.
//!
//! Values keep their position in the text, so that a problem can name the line. There is no
//! `flatten` and no untagged enum: both lose positions and let unknown keys through.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::Spanned;

/// An optional key, with its position.
pub(super) type Key<T> = Option<Spanned<T>>;

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Default, Deserialize, Serialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
        pub(super) struct $name {
            $(pub(super) $field: $kind,)*
        }
    };
}

section! {
    /// The whole file.
    RawConfig {
        provider: Vec<Spanned<RawProvider>>,
        accounts: RawAccounts,
        mattermost: Key<RawMattermost>,
        policy: RawPolicy,
        guard: RawGuard,
        team: Option<Vec<Spanned<RawTeam>>>,
        schedule: RawSchedule,
        state: RawState,
        control: RawControl,
    }
}

section! {
    /// `[[provider]]`
    RawProvider {
        name: Key<String>,
        kind: Key<String>,
        urls: Key<Vec<Spanned<String>>>,
        path: Key<String>,
        schema: Key<String>,
        base: Key<String>,
        group_base: Key<String>,
        start_tls: Key<bool>,
        bind: Key<String>,
        bind_dn: Key<String>,
        bind_password: Key<RawSecret>,
        danger_bind_without_tls: Key<bool>,
        ca_file: Key<String>,
        certificate_sha256: Key<String>,
        danger_accept_any_certificate: Key<bool>,
        page_size: Key<i64>,
        connect_timeout: Key<Scalar>,
        read_deadline: Key<Scalar>,
        sentinels: Key<Vec<Spanned<String>>>,
    }
}

section! {
    /// `[accounts]`
    RawAccounts {
        filter: Key<String>,
        id: Key<String>,
        second_anchor: Key<String>,
        username: Key<String>,
        email: Key<Vec<Spanned<String>>>,
        first_name: Key<Vec<Spanned<String>>>,
        last_name: Key<Vec<Spanned<String>>>,
        full_name: Key<Vec<Spanned<String>>>,
        nickname: Key<Vec<Spanned<String>>>,
        position: Key<Vec<Spanned<String>>>,
        locale: Key<Vec<Spanned<String>>>,
        lock: Key<Vec<Spanned<String>>>,
        not_a_person: Key<Vec<Spanned<String>>>,
        group_filter: Key<String>,
        group_id: Key<String>,
        group_name: Key<String>,
        group_members: Key<Vec<Spanned<String>>>,
        group_member_usernames: Key<Vec<Spanned<String>>>,
    }
}

section! {
    /// `[mattermost]`
    RawMattermost {
        url: Key<String>,
        token: Key<RawSecret>,
        socket: Key<String>,
        ca_file: Key<String>,
        certificate_sha256: Key<String>,
        danger_accept_any_certificate: Key<bool>,
        danger_token_without_tls: Key<bool>,
        requests_per_second: Key<Scalar>,
        burst: Key<i64>,
        concurrency: Key<i64>,
        timeout: Key<Scalar>,
        initial_password: Key<RawSecret>,
    }
}

section! {
    /// `[policy]`
    RawPolicy {
        adopt: Key<String>,
        grace: Key<Scalar>,
        protect: Key<Vec<Spanned<String>>>,
        first_admin: Key<String>,
        seat_order: Key<Vec<Spanned<String>>>,
        reactivated_by_hand: Key<String>,
        flap_limit: Key<Scalar>,
        purge_after: Key<Scalar>,
        attributes: RawAttributes,
    }
}

section! {
    /// `[policy.attributes]`
    RawAttributes {
        username: Key<String>,
        email: Key<String>,
        first_name: Key<String>,
        last_name: Key<String>,
        nickname: Key<String>,
        position: Key<String>,
        locale: Key<String>,
    }
}

section! {
    /// `[guard]`
    RawGuard {
        locked: Key<Scalar>,
        missing: Key<Scalar>,
        adopt: Key<Scalar>,
        r#move: Key<Scalar>,
        create: Key<Scalar>,
        reactivate: Key<Scalar>,
        rename: Key<Scalar>,
        email: Key<Scalar>,
        privileged: Key<Scalar>,
    }
}

section! {
    /// `[[team]]`
    RawTeam {
        display_name: Key<String>,
        name: Key<String>,
    }
}

section! {
    /// `[schedule]`
    RawSchedule {
        interval: Key<Scalar>,
        jitter: Key<Scalar>,
        max_backoff: Key<Scalar>,
    }
}

section! {
    /// `[state]`
    RawState {
        directory: Key<String>,
        keep: Key<Scalar>,
    }
}

section! {
    /// `[control]`
    RawControl {
        socket: Key<String>,
    }
}

/// Where a secret is. Everything else that is written there is dropped, so that nothing quotes it.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum RawSecret {
    /// `{ file = "…" }`
    File(String),
    /// `{ credential = "…" }`
    Credential(String),
    /// Neither, or both, or the secret itself.
    Wrong,
}

impl<'de> Deserialize<'de> for RawSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("secret", &["file", "credential"], SecretVisitor)
    }
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = RawSecret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ file = \"…\" } or { credential = \"…\" }")
    }

    fn visit_str<E>(self, _: &str) -> Result<RawSecret, E> {
        Ok(RawSecret::Wrong)
    }

    fn visit_bool<E>(self, _: bool) -> Result<RawSecret, E> {
        Ok(RawSecret::Wrong)
    }

    fn visit_i64<E>(self, _: i64) -> Result<RawSecret, E> {
        Ok(RawSecret::Wrong)
    }

    fn visit_u64<E>(self, _: u64) -> Result<RawSecret, E> {
        Ok(RawSecret::Wrong)
    }

    fn visit_f64<E>(self, _: f64) -> Result<RawSecret, E> {
        Ok(RawSecret::Wrong)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawSecret, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(RawSecret::Wrong)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut keys: A) -> Result<RawSecret, A::Error> {
        let mut found = None;
        let mut wrong = false;
        while let Some(key) = keys.next_key::<String>()? {
            let value = keys.next_value::<Scalar>()?.0;
            let source = match key.as_str() {
                "file" => RawSecret::File(value),
                "credential" => RawSecret::Credential(value),
                _ => RawSecret::Wrong,
            };
            wrong |= source == RawSecret::Wrong || found.replace(source).is_some();
        }
        Ok(if wrong {
            RawSecret::Wrong
        } else {
            found.unwrap_or(RawSecret::Wrong)
        })
    }
}

impl Serialize for RawSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::File(path) => map.serialize_entry("file", path)?,
            Self::Credential(name) => map.serialize_entry("credential", name)?,
            Self::Wrong => {}
        }
        map.end()
    }
}

/// A text or a number, as text: for keys that allow both `5` and `"auto"`, or for which a missing
/// unit needs a better message than "wrong type".
pub(super) struct Scalar(pub(super) String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;
        impl Visitor<'_> for ScalarVisitor {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes or a number")
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.to_owned()))
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Scalar, E> {
                Ok(Scalar(flag.to_string()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }
        }
        deserializer.deserialize_any(ScalarVisitor)
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<i64>() {
            Ok(number) => serializer.serialize_i64(number),
            Err(_) => serializer.serialize_str(&self.0),
        }
    }
}

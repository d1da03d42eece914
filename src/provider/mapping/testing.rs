//! Mappings and entries for tests.

use std::time::Duration;

use crate::config::{EmailSource, GroupMembers, LockRule, Mapping, Schema};
use crate::model::{Entry, IdAttribute, IdForm, Now, ProfileField, Timestamp};

pub(crate) fn rfc2307() -> Mapping {
    let id = IdAttribute {
        name: "entryuuid".into(),
        form: IdForm::Text,
    };
    Mapping {
        schema: Schema::Rfc2307,
        base: "dc=directory,dc=nh".into(),
        group_base: "dc=directory,dc=nh".into(),
        filter: "(objectClass=posixAccount)".into(),
        group_filter: "(objectClass=posixGroup)".into(),
        id: id.clone(),
        anchor: None,
        new_id: None,
        group_id: id,
        username: "uid".into(),
        email: vec![
            EmailSource::Attribute("mail".into()),
            EmailSource::Template("{uid}@example.org".into()),
        ],
        fields: fields(),
        full_name: vec!["displayname".into(), "cn".into()],
        locks: vec![
            LockRule::PwdAccountLockedTime,
            LockRule::UserPassword,
            LockRule::ShadowExpire,
        ],
        not_a_person: Vec::new(),
        group_name: "cn".into(),
        group_members: vec![
            GroupMembers::Usernames("memberuid".into()),
            GroupMembers::Dns("member".into()),
        ],
    }
}

pub(crate) fn ad() -> Mapping {
    let id = IdAttribute {
        name: "objectguid".into(),
        form: IdForm::Guid,
    };
    Mapping {
        schema: Schema::Ad,
        base: "dc=ad,dc=example,dc=org".into(),
        group_base: "dc=ad,dc=example,dc=org".into(),
        filter: "(sAMAccountType=805306368)".into(),
        group_filter: "(objectClass=group)".into(),
        id: id.clone(),
        anchor: None,
        new_id: None,
        group_id: id,
        username: "samaccountname".into(),
        email: vec![EmailSource::Attribute("mail".into())],
        fields: fields(),
        full_name: vec!["displayname".into()],
        locks: vec![LockRule::UserAccountControl, LockRule::AccountExpires],
        not_a_person: Vec::new(),
        group_name: "cn".into(),
        group_members: vec![GroupMembers::Dns("member".into())],
    }
}

fn fields() -> Vec<(ProfileField, Vec<String>)> {
    vec![
        (ProfileField::FirstName, vec!["givenname".into()]),
        (ProfileField::LastName, vec!["sn".into()]),
        (ProfileField::Position, vec!["title".into()]),
        (ProfileField::Locale, vec!["preferredlanguage".into()]),
    ]
}

pub(crate) fn now() -> Now {
    Now {
        wall: Timestamp(1_767_225_600_000),
        boot: Duration::ZERO,
        boot_id: "boot".into(),
    }
}

pub(crate) fn entry(dn: &str, values: &[(&str, &[u8])]) -> Entry {
    let mut entry = Entry {
        dn: dn.into(),
        ..Entry::default()
    };
    for (name, value) in values {
        let values = entry.attributes.entry((*name).into()).or_default();
        values.push(value.to_vec());
    }
    entry
}

pub(crate) fn texts(dn: &str, values: &[(&str, &str)]) -> Entry {
    let values: Vec<_> = values.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
    entry(dn, &values)
}

/// A person below `ou=People` whose id ends with `n`.
pub(crate) fn person(uid: &str, n: u32, more: &[(&str, &str)]) -> Entry {
    let id = uuid(n);
    let mut values = vec![("uid", uid), ("entryuuid", id.as_str())];
    values.extend_from_slice(more);
    texts(&format!("uid={uid},ou=People,dc=directory,dc=nh"), &values)
}

pub(crate) fn uuid(n: u32) -> String {
    format!("00000000-0000-0000-0000-{n:012}")
}

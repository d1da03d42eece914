//! One entry at a time: usernames, addresses, names, and what cannot be read.

use super::super::testing::{ad, entry, now, person as person_entry, rfc2307, texts, uuid};
use super::*;
use crate::config::EmailSource;
use crate::model::Timestamp;

fn account(entry: &Entry) -> Account {
    person(entry, &rfc2307(), &now()).unwrap().account
}

fn with_bytes(attribute: &str, value: &[u8]) -> Entry {
    let mut entry = person_entry("alice", 1, &[]);
    let values = entry.attributes.entry(attribute.into()).or_default();
    values.push(value.to_vec());
    entry
}

#[test]
fn an_entry_as_nethserver_7_writes_it() {
    let entry = person_entry(
        "alice",
        1,
        &[
            ("cn", "Alice Jordan"),
            ("sn", "alice"),
            ("mail", "Alice@Example.org "),
            ("title", " Head of\nSales "),
        ],
    );
    let account = account(&entry);
    assert_eq!(account.username, "alice");
    assert_eq!(
        account.profile,
        Profile::from([
            (ProfileField::FirstName, "Alice".into()),
            (ProfileField::LastName, "Jordan".into()),
            (ProfileField::Position, "Head of Sales".into()),
        ])
    );
    let emails: Vec<_> = account
        .emails
        .iter()
        .map(|e| (e.source.as_str(), e.values.join(" ")))
        .collect();
    assert_eq!(
        emails,
        [
            ("mail", "alice@example.org".to_owned()),
            ("{uid}@example.org", "alice@example.org".to_owned())
        ]
    );
    assert!(account.unreadable.is_empty());
}

#[test]
fn an_entry_as_nethserver_8_writes_it() {
    let entry = person_entry(
        "alice",
        1,
        &[
            ("cn", "Alice\n"),
            ("sn", " Maria Jordan\n"),
            ("displayname", "Alice Maria Jordan"),
        ],
    );
    let account = account(&entry);
    assert_eq!(account.profile[&ProfileField::FirstName], "Alice");
    assert_eq!(account.profile[&ProfileField::LastName], "Maria Jordan");
}

#[test]
fn an_entry_of_an_active_directory() {
    let entry = entry(
        "CN=Alice Jordan,OU=Staff,DC=ad,DC=example,DC=org",
        &[
            ("objectguid", &[7; 16]),
            ("samaccountname", b"AJordan"),
            ("useraccountcontrol", b"514"),
            ("accountexpires", b"134116128000000000"),
            ("givenname", b"Alice"),
            ("sn", b"Jordan"),
            ("preferredlanguage", b"de-DE"),
        ],
    );
    let person = person(&entry, &ad(), &now()).unwrap();
    assert_eq!(person.account.username, "AJordan");
    assert_eq!(person.account.profile[&ProfileField::Locale], "de");
    let emails = person.account.emails;
    assert!(emails.iter().all(|e| e.values.is_empty()), "{emails:?}");
    assert_eq!(person.account.expires, Some(Timestamp(1_767_139_200_000)));
    let Judgement::Settled(AccountState::Locked {
        attribute, value, ..
    }) = person.judgement
    else {
        panic!("not locked");
    };
    assert_eq!(
        (attribute.as_str(), value.as_str()),
        ("userAccountControl", "514")
    );
}

#[test]
fn of_several_usernames_the_one_in_the_rdn() {
    let several = |dn: &str| {
        let id = uuid(1);
        let values = [
            ("entryuuid", id.as_str()),
            ("uid", "zoe"),
            ("uid", "Alice"),
            ("uid", "bob"),
        ];
        account(&texts(dn, &values)).username
    };
    assert_eq!(several("uid=alice,dc=nh"), "Alice");
    assert_eq!(several("uid=bob+cn=x,dc=nh"), "bob");
    assert_eq!(several("cn=zoe,dc=nh"), "Alice");
}

#[test]
fn a_username_that_is_missing_or_unreadable_is_told_with_the_id() {
    let id = uuid(1);
    let unusable = |entry: Entry| person(&entry, &rfc2307(), &now()).unwrap_err();
    let why = |entry: Entry| match unusable(entry) {
        Unusable::Known(known, why) => {
            assert_eq!(known.as_str(), id);
            why
        }
        other => panic!("{other:?}"),
    };
    let missing = why(texts("cn=a", &[("entryuuid", &id), ("uid", " \u{200b}")]));
    assert!(missing.contains("no uid"), "{missing}");
    let bytes = why(entry(
        "cn=a",
        &[("entryuuid", id.as_bytes()), ("uid", b"\xe4")],
    ));
    assert!(bytes.contains("UTF-8"), "{bytes}");
    let one_of_two = [
        ("entryuuid", id.as_bytes()),
        ("uid", b"\xe4".as_slice()),
        ("uid", b"alice"),
    ];
    assert!(why(entry("cn=a", &one_of_two)).contains("UTF-8"));
    assert_eq!(account(&entry("uid=alice", &one_of_two)).username, "alice");
    let nameless = unusable(texts("cn=a", &[("uid", "a")]));
    assert!(matches!(nameless, Unusable::NoId(NoId::Unreadable(_))));
}

#[test]
fn addresses_are_trimmed_lower_case_and_sorted() {
    let entry = person_entry(
        "alice",
        1,
        &[
            ("mail", "Z@x.org"),
            ("mail", " a@x.org\n"),
            ("mail", "z@X.org"),
            ("mail", ""),
        ],
    );
    assert_eq!(account(&entry).emails[0].values, ["a@x.org", "z@x.org"]);
}

/// Whoever wrote a second username into the directory changes nobody's address.
#[test]
fn a_template_is_filled_with_each_username() {
    let entry = person_entry("alice", 1, &[("uid", "aaa"), ("uid", "alice@REALM")]);
    let account = account(&entry);
    assert_eq!(account.username, "alice");
    assert_eq!(account.other_usernames, ["aaa", "alice@REALM"]);
    assert_eq!(
        account.emails[1].values,
        [
            "alice@example.org",
            "aaa@example.org",
            "alice@realm@example.org"
        ]
    );
}

#[test]
fn a_template_without_its_values_offers_nothing() {
    let mut mapping = rfc2307();
    mapping.email = vec![
        EmailSource::Template("{employeeNumber}@example.org".into()),
        EmailSource::Template("{ UID }.{cn}@example.org".into()),
        EmailSource::Template("odd{uid@example.org".into()),
    ];
    let entry = person_entry("alice", 1, &[("cn", "b"), ("cn", "a")]);
    let account = person(&entry, &mapping, &now()).unwrap().account;
    let offers: Vec<_> = account
        .emails
        .iter()
        .map(|e| (e.source.as_str(), e.values.join(" ")))
        .collect();
    let offer = |source, value: &str| (source, value.to_owned());
    assert_eq!(
        offers,
        [
            offer("employeenumber", ""),
            offer("{ UID }.{cn}@example.org", "alice.a@example.org"),
            offer("odd{uid@example.org", "odd{uid@example.org"),
        ]
    );
}

#[test]
fn what_is_no_text_is_unreadable_and_not_emptied() {
    use AccountPart::{Email, Field};
    use ProfileField::{FirstName, LastName, Locale, Position};
    let parts = |attribute: &str| -> Vec<AccountPart> {
        let account = account(&with_bytes(attribute, b"M\xfcller"));
        assert!(account.unreadable.values().all(|name| name == attribute));
        for part in account.unreadable.keys() {
            if let Field(field) = part {
                assert!(!account.profile.contains_key(field));
            }
        }
        account.unreadable.into_keys().collect()
    };
    assert_eq!(parts("mail"), [Email]);
    assert_eq!(parts("title"), [Field(Position)]);
    assert_eq!(parts("preferredlanguage"), [Field(Locale)]);
    assert_eq!(parts("sn"), [Field(FirstName), Field(LastName)]);
    assert_eq!(parts("displayname"), [Field(FirstName), Field(LastName)]);
    assert_eq!(parts("description"), []);
}

#[test]
fn only_the_part_that_cannot_be_read_is_unknown() {
    let mut entry = with_bytes("sn", b"M\xfcller");
    entry
        .attributes
        .insert("givenname".into(), vec![b"Alice".to_vec()]);
    let account = account(&entry);
    assert_eq!(account.profile[&ProfileField::FirstName], "Alice");
    let parts: Vec<_> = account.unreadable.into_keys().collect();
    assert_eq!(parts, [AccountPart::Field(ProfileField::LastName)]);
    // A whole name is of no interest where both parts are known.
    let mut entry = with_bytes("displayname", b"M\xfcller");
    entry
        .attributes
        .insert("givenname".into(), vec![b"Alice".to_vec()]);
    entry
        .attributes
        .insert("sn".into(), vec![b"Jordan".to_vec()]);
    let account = super::person(&entry, &rfc2307(), &now()).unwrap().account;
    assert!(account.unreadable.is_empty());
    assert_eq!(account.profile[&ProfileField::LastName], "Jordan");
}

#[test]
fn fields_that_the_mapping_leaves_out_stay_out() {
    let mut mapping = rfc2307();
    mapping
        .fields
        .retain(|(field, _)| *field == ProfileField::Position);
    let entry = person_entry(
        "alice",
        1,
        &[("cn", "Alice Jordan"), ("preferredlanguage", "de")],
    );
    let account = person(&entry, &mapping, &now()).unwrap().account;
    assert!(account.profile.is_empty());
}

#[test]
fn a_second_anchor_has_one_canonical_form_and_blank_is_none() {
    let mut mapping = rfc2307();
    mapping.anchor = Some(crate::model::IdAttribute {
        name: "employeenumber".into(),
        form: crate::model::IdForm::Text,
    });
    let anchor = |values: &[&[u8]]| {
        let mut entry = person_entry("anna", 1, &[]);
        let values = values.iter().map(|v| v.to_vec()).collect();
        entry.attributes.insert("employeenumber".into(), values);
        person(&entry, &mapping, &now()).unwrap().account.anchor
    };
    assert_eq!(
        anchor(&[b" A-007 "]).as_deref(),
        Some("employeenumber=a-007")
    );
    assert_eq!(anchor(&[b"a-007"]), anchor(&[b"A-007\n"]));
    let unusable: [&[&[u8]]; 4] = [&[], &[b"  "], &[b"1", b"2"], &[b"\xff"]];
    for unusable in unusable {
        assert_eq!(anchor(unusable), None, "{unusable:?}");
    }
}

/// What nobody sees makes another name of one that looks the same; what is made of it is for people.
#[test]
fn a_username_shows_what_nobody_sees() {
    for (raw, shown) in [
        ("al\u{ad}ice", "al\u{fffd}ice"),
        ("alice\u{200b}", "alice\u{fffd}"),
        ("\u{feff}alice", "\u{fffd}alice"),
        ("al\u{1}ice", "al\u{fffd}ice"),
        (" alice ", "alice"),
    ] {
        let account = account(&person_entry(raw, 1, &[]));
        assert_eq!(account.username, shown, "{raw:?}");
        let emails: Vec<_> = account.emails.iter().flat_map(|c| &c.values).collect();
        assert_eq!(emails, ["alice@example.org"], "{raw:?}");
    }
}

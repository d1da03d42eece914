//! RFC 2849, and the habits of `ldapsearch` and `slapcat`.

use proptest::prelude::*;

use super::*;

fn items(text: &[u8]) -> Vec<Item> {
    let wanted = ["cn", "uid", "description", "objectguid"];
    let wanted = wanted.iter().map(|n| n.to_string()).collect();
    let mut records = Records::new(text, &wanted);
    std::iter::from_fn(|| records.next().unwrap()).collect()
}

fn one(text: &str) -> Entry {
    match items(text.as_bytes()).as_slice() {
        [Item::Entry(entry)] => entry.clone(),
        other => panic!("{other:?}"),
    }
}

fn bad(text: &str) -> Bad {
    let mut items = items(text.as_bytes());
    match (items.pop(), items.is_empty()) {
        (Some(Item::Bad(bad)), true) => bad,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_entry_in_all_its_forms() {
    let entry = one(
        "version: 1\n# a comment\n#  that is folded\ndn: cn=Alice Jordan,\n  dc=x\n\
         changetype: add\ncn: Alice \n  Jordan\nCN;lang-DE: Alise\nuid:alice\nuid::Ym9i\n\
         description:\n# inside\nobjectGUID:: AP8=\nmail: not wanted\njpegPhoto:: not base64!\n",
    );
    assert_eq!(entry.dn, "cn=Alice Jordan, dc=x");
    let want: [(&str, &[&[u8]]); 5] = [
        ("cn", &[b"Alice  Jordan"]),
        ("cn;lang-de", &[b"Alise"]),
        ("description", &[b""]),
        ("objectguid", &[&[0, 0xff]]),
        ("uid", &[b"alice", b"bob"]),
    ];
    let read: Vec<_> = entry.attributes.iter().collect();
    assert_eq!(read.len(), want.len(), "{read:?}");
    for ((name, values), (want_name, want_values)) in read.into_iter().zip(want) {
        assert_eq!(
            (name.as_str(), values.as_slice()),
            (
                want_name,
                &*want_values.iter().map(|v| v.to_vec()).collect::<Vec<_>>()
            )
        );
    }
}

#[test]
fn names_in_base64_and_raw_utf8() {
    assert_eq!(one("dn:: Y249TcO8bGxlcg==\ncn: a\n").dn, "cn=Müller");
    assert_eq!(
        one("dn: cn=Müller\ncn: Müller\n").attributes["cn"],
        ["Müller".as_bytes()]
    );
    assert_eq!(one("dn:\ncn: root\n").dn, "");
    assert_eq!(
        one("\n\n\ndn: cn=a\r\ncn: a\r\n\r\n").attributes["cn"],
        [b"a"]
    );
}

#[test]
fn what_is_refused_names_its_line() {
    for (text, line, dn, why) in [
        (
            "dn: cn=a\nchangetype: modify\nreplace: cn\n",
            2,
            Some("cn=a"),
            "changetype: add",
        ),
        ("dn: cn=a\nchangetype: delete\n", 2, Some("cn=a"), "change"),
        ("dn: cn=a\ncontrol: 1.2 true\n", 2, Some("cn=a"), "control"),
        ("dn: cn=a\ncn: a\n-\n", 3, Some("cn=a"), "change"),
        (
            "dn: cn=a\ndescription:< file:///etc/shadow\n",
            2,
            Some("cn=a"),
            "URL",
        ),
        ("dn: cn=a\ncn:: a$b\n", 2, Some("cn=a"), "base64"),
        ("dn: cn=a\ncn:: YWJ\n", 2, Some("cn=a"), "base64"),
        ("dn: cn=a\ncn a\n", 2, Some("cn=a"), "name: value"),
        ("dn: cn=a\ncn: a\ndn: cn=b\n", 3, Some("cn=a"), "second dn"),
        ("cn: a\n", 1, None, "begin with dn"),
        ("\n continued\n", 2, None, "folded"),
        ("version: 2\n", 1, None, "version"),
        ("dn: alice\ncn: a\n", 1, None, "no DN"),
        ("dn:: /w==\ncn: a\n", 1, None, "UTF-8"),
        ("dn:< file:///x\n", 1, None, "URL"),
        ("result: none\n", 1, None, "no number"),
    ] {
        let bad = bad(text);
        assert_eq!((bad.line, bad.dn.as_deref()), (line, dn), "{text}");
        assert!(bad.why.contains(why), "{text}: {}", bad.why);
    }
}

/// `ldapsearch -t` writes photographs to files of their own: whoever reads none is not concerned.
#[test]
fn a_url_of_an_attribute_that_is_not_read_hurts_nobody() {
    let entry = one("dn: cn=a\njpegPhoto:< file:///tmp/a\ncn: a\n");
    assert_eq!(entry.attributes["cn"], [b"a"]);
}

#[test]
fn what_is_left_of_a_record_with_a_bad_value_is_kept() {
    let rest = |text: &str| {
        let entry = bad(text).entry?;
        Some((
            entry.dn,
            entry.attributes.into_keys().collect::<Vec<_>>().join(" "),
        ))
    };
    let kept = |dn: &str, names: &str| Some((dn.to_owned(), names.to_owned()));
    assert_eq!(rest("dn: cn=a\ncn:: $\nuid: a\n"), kept("cn=a", "uid"));
    assert_eq!(
        rest("dn: cn=a\ncn:< file:///x\nuid: a\n"),
        kept("cn=a", "uid")
    );
    assert_eq!(rest("dn: alice\nuid: a\n"), kept("", "uid"));
    assert_eq!(
        rest("dn: cn=a\nuid: a\noops\nuid: b\n"),
        kept("cn=a", "uid")
    );
    // Where one entry ends and the next begins cannot be told any more.
    for torn in [
        "dn: cn=a\nuid: a\ndn: cn=b\nuid: b\n",
        "dn: cn=a\nchangetype: modify\nreplace: uid\nuid: b\n",
        "uid: a\n",
    ] {
        assert_eq!(rest(torn), None, "{torn}");
    }
}

#[test]
fn a_bad_record_ends_at_its_blank_line() {
    let items = items(b"dn: cn=a\noops\ncn: a\ncn:: $\n\ndn: cn=b\ncn: b\n");
    let [Item::Bad(bad), Item::Entry(entry)] = items.as_slice() else {
        panic!("{items:?}");
    };
    assert_eq!((bad.line, entry.dn.as_str()), (2, "cn=b"));
}

#[test]
fn the_end_of_an_ldapsearch_dump() {
    let text =
        b"# extended LDIF\n#\n# LDAPv3\n#\n\n# a, x\ndn: cn=a,dc=x\ncn: a\n\n# search reference\n\
        ref: ldap://other/dc=x\n\n# search result\nsearch: 2\nresult: 4 Size limit exceeded\n\
        control: 1.2.840.113556.1.4.319 false MAUCAQAEAA==\npagedresults: cookie=AAAA\n\n\
        # refldaps://third/dc=y??base\n# numResponses: 3\n# numEntries: 1\n# numReferences: 1\n";
    let items = items(text);
    let [
        Item::Begun(Program::Ldapsearch),
        Item::Entry(_),
        Item::Referral(first),
        Item::Ended,
        Item::Result { code: 4, message },
        Item::Cookie { more: true },
        Item::Referral(second),
        Item::Count(1),
    ] = items.as_slice()
    else {
        panic!("{items:?}");
    };
    assert_eq!(message, "Size limit exceeded");
    assert_eq!(
        (first.as_str(), second.as_str()),
        ("ldap://other/dc=x", "ldaps://third/dc=y??base")
    );
    let done = super::tests::items(b"search: 3\nresult: 0 Success\npagedresults: cookie=\n");
    assert_eq!(done[1], Item::Cookie { more: false });
}

#[test]
fn the_end_of_the_file_is_described() {
    let wanted = BTreeSet::new();
    for (text, newline, closed) in [
        ("dn: cn=a\ncn: a\n\n", true, true),
        ("dn: cn=a\ncn: a\n\n# end\n", true, true),
        ("dn: cn=a\ncn: a\n", true, false),
        ("dn: cn=a\ncn: a", false, false),
        ("dn: cn=a\ncn: a\n# end\n", true, true),
        ("dn: cn=a\n# inside\ncn: a\n", true, false),
        ("", true, true),
    ] {
        let mut records = Records::new(text.as_bytes(), &wanted);
        while records.next().unwrap().is_some() {}
        assert_eq!(records.ends_with_newline(), newline, "{text:?}");
        // The end may be seen only by the call that returns nothing.
        assert_eq!(records.closed(), closed, "{text:?}");
        assert_eq!(records.bytes(), text.len() as u64);
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(parts in proptest::collection::vec(prop_oneof![
        Just(b"dn: cn=a,dc=x\n".to_vec()), Just(b"cn:: ".to_vec()), Just(b"\n".to_vec()), Just(b" ".to_vec()),
        Just(b"uid: ".to_vec()), Just(b"result: ".to_vec()), Just(b"# numEntries: 7\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ], 0..30)) {
        let text = parts.concat();
        let items = items(&text);
        prop_assert!(items.len() <= text.len());
    }

    #[test]
    fn what_is_written_is_read(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 1..5), width in 1usize..20) {
        let mut text = "dn: cn=a,dc=x\n".to_owned();
        for value in &values {
            let line = format!("cn:: {}", STANDARD.encode(value));
            let (first, rest) = line.split_at(line.len().min(width));
            text.push_str(first);
            for piece in rest.as_bytes().chunks(width) {
                text.push_str("\n ");
                text.push_str(std::str::from_utf8(piece).unwrap());
            }
            text.push('\n');
        }
        prop_assert_eq!(&one(&text).attributes["cn"], &values);
    }
}

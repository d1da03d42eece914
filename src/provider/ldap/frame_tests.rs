use proptest::prelude::*;

use super::*;

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(contents.len()).unwrap().to_be_bytes();
    [&[tag, 0x84], &length[..], contents].concat()
}

fn message(id: u8, operation: &[u8], rest: &[u8]) -> Vec<u8> {
    let parts = [&element(ber::INTEGER, &[id]), operation, rest].concat();
    element(ber::SEQUENCE, &parts)
}

fn done(code: &[u8], text: &[u8]) -> Vec<u8> {
    let parts = [
        element(ber::ENUMERATED, code),
        element(ber::OCTET_STRING, b""),
        element(ber::OCTET_STRING, text),
    ];
    element(SEARCH_DONE, &parts.concat())
}

fn entry_of(values: &[u8]) -> Vec<u8> {
    let attribute = [element(ber::OCTET_STRING, b"cn"), element(ber::SET, values)].concat();
    let list = element(ber::SEQUENCE, &element(ber::SEQUENCE, &attribute));
    element(
        SEARCH_ENTRY,
        &[element(ber::OCTET_STRING, b"cn=a"), list].concat(),
    )
}

fn nested(levels: usize) -> Vec<u8> {
    (0..levels).fold(Vec::new(), |inner, _| element(ber::SEQUENCE, &inner))
}

#[test]
fn answers_as_servers_send_them_pass() {
    let control = element(
        ber::SEQUENCE,
        &[
            element(ber::OCTET_STRING, b"1.2.840.113556.1.4.319"),
            element(ber::BOOLEAN, &[0]),
            element(ber::OCTET_STRING, &[0x30, 0]),
        ]
        .concat(),
    );
    for whole in [
        message(1, &done(&[0], b""), &[]),
        message(
            1,
            &done(&[4], "trop d'entrées".as_bytes()),
            &element(CONTROLS, &control),
        ),
        message(1, &entry_of(&element(ber::OCTET_STRING, &[0xff, 0])), &[]),
        message(
            2,
            &element(SEARCH_REFERENCE, &element(ber::OCTET_STRING, b"ldap://x")),
            &[],
        ),
    ] {
        assert!(matches!(check(&whole), Ok(Message::Answer { .. })));
        assert_eq!(complete(&whole), Ok(Some(whole.len())));
        assert_eq!(complete(&whole[..whole.len() - 1]), Ok(None));
    }
}

#[test]
fn a_notice_of_disconnection_is_recognised_also_as_ad_writes_it() {
    let parts = [
        element(ber::ENUMERATED, &[52]),
        element(ber::OCTET_STRING, b""),
        element(ber::OCTET_STRING, b"bye"),
    ];
    let response = element(EXTENDED_RESPONSE, &parts.concat());
    let name = element(MISPLACED_NAME, b"1.3.6.1.4.1.1466.20036");
    for rest in [&[][..], &name] {
        let Ok(Message::Notice(outcome)) = check(&message(0, &response, rest)) else {
            panic!("not recognised");
        };
        assert_eq!((outcome.code, outcome.text.as_str()), (52, "bye"));
    }
}

#[test]
fn what_the_library_would_choke_on_is_refused() {
    let no_value = element(ber::SEQUENCE, &element(ber::OCTET_STRING, b"cn"));
    let control = element(ber::SEQUENCE, &element(ber::BOOLEAN, &[]));
    let bad = [
        ("no operation", message(1, &[], &[])),
        ("empty", element(ber::SEQUENCE, &[])),
        ("id missing", element(ber::SEQUENCE, &done(&[0], b""))),
        ("id 0", message(0, &done(&[0], b""), &[])),
        (
            "result without parts",
            message(1, &element(SEARCH_DONE, &[]), &[]),
        ),
        (
            "code that wraps to 0",
            message(1, &done(&[1, 0, 0, 0, 0], b""), &[]),
        ),
        ("negative code", message(1, &done(&[0xff], b""), &[])),
        ("text not UTF-8", message(1, &done(&[0], &[0xe9]), &[])),
        ("constructed value", message(1, &entry_of(&nested(1)), &[])),
        ("unasked operation", message(1, &element(0x69, &[]), &[])),
        ("primitive operation", message(1, &element(0x44, &[]), &[])),
        (
            "control",
            message(1, &done(&[0], b""), &element(CONTROLS, &control)),
        ),
        (
            "part after controls",
            message(1, &done(&[0], b""), &no_value),
        ),
        ("indefinite", vec![ber::SEQUENCE, 0x80, 0, 0]),
        ("inner too long", vec![ber::SEQUENCE, 3, ber::INTEGER, 9, 1]),
        ("high tag", vec![ber::SEQUENCE, 3, 0x1f, 0x81, 0]),
    ];
    for (what, bytes) in bad {
        assert!(check(&bytes).is_err(), "{what}");
    }
}

#[test]
fn an_answer_has_to_fit_its_request() {
    let search = message(7, &element(SEARCH_REQUEST, b""), &[]);
    assert_eq!(request(&search), Ok((7, SEARCH_REQUEST)));
    assert_eq!(is_last(SEARCH_REQUEST, SEARCH_ENTRY), Some(false));
    assert_eq!(is_last(SEARCH_REQUEST, SEARCH_DONE), Some(true));
    assert_eq!(is_last(BIND_REQUEST, BIND_RESPONSE), Some(true));
    assert_eq!(is_last(SEARCH_REQUEST, BIND_RESPONSE), None);
    assert_eq!(is_last(BIND_REQUEST, SEARCH_DONE), None);
    assert_eq!(is_last(EXTENDED_REQUEST, INTERMEDIATE), None);
}

#[test]
fn deep_nesting_ends_at_the_bound_and_not_at_the_stack() {
    let deep = message(1, &element(INTERMEDIATE, &nested(30_000)), &[]);
    assert_eq!(check(&deep), Err("too deeply nested elements"));
}

#[test]
fn sizes_are_bounded_before_anything_is_stored() {
    assert_eq!(
        complete(&[ber::SEQUENCE, 0x84, 0, 0x10, 0, 0]),
        Err("a message of more than 1 MiB")
    );
    assert_eq!(complete(&[ber::SEQUENCE, 0x84, 0, 0x0f, 0, 0]), Ok(None));
    assert!(
        length(&[
            ber::SEQUENCE,
            0x88,
            0xff,
            0xff,
            0xff,
            0xff,
            0xff,
            0xff,
            0xff,
            0xff
        ])
        .is_err()
    );
    assert!(complete(b"HTTP/1.1 400 Bad Request").is_err());
    let many = message(
        1,
        &element(INTERMEDIATE, &[0x04, 0].repeat(MAX_ELEMENTS)),
        &[],
    );
    assert_eq!(check(&many), Err("too many elements"));
}

proptest! {
    /// What passes is parsed by the library without a panic, and read to its end.
    #[test]
    fn whatever_passes_does_not_break_the_library(
        seed in prop::sample::select(vec![
            message(1, &done(&[0], b"ok"), &element(CONTROLS, &[])),
            message(1, &entry_of(&element(ber::OCTET_STRING, b"v")), &[]),
        ]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = seed;
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if matches!(complete(&bytes), Ok(Some(n)) if n == bytes.len()) && check(&bytes).is_ok() {
            let (rest, tag) = ldap3::asn1::parse_tag(&bytes).expect("the library parses it");
            prop_assert!(rest.is_empty());
            prop_assert!(tag.expect_constructed().is_some_and(|parts| parts.len() >= 2));
        }
    }
}

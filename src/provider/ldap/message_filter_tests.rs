use super::*;
use crate::provider::ldap::frame::{MAX_MESSAGE, SEARCH_ENTRY};

const SEARCH_REQUEST: u8 = 0x63;
const SEARCH_DONE: u8 = 0x65;
const INTERMEDIATE: u8 = 0x79;
const LARGEST: usize = 2 << 20;

fn message(id: u8, operation: &[u8]) -> Vec<u8> {
    let id = ber::element(ber::INTEGER, &[id]);
    ber::element(ber::SEQUENCE, &[&id, operation].concat())
}

fn entry(dn: &[u8], values: &[u8]) -> Vec<u8> {
    let name = ber::element(ber::OCTET_STRING, b"title");
    let attribute = [name, ber::element(ber::SET, values)].concat();
    let list = ber::element(ber::SEQUENCE, &ber::element(ber::SEQUENCE, &attribute));
    let parts = [ber::element(ber::OCTET_STRING, dn), list].concat();
    message(1, &ber::element(SEARCH_ENTRY, &parts))
}

fn large(dn: &[u8]) -> Vec<u8> {
    entry(dn, &ber::element(ber::OCTET_STRING, &vec![b'x'; LARGEST]))
}

fn done() -> Vec<u8> {
    let parts = [
        ber::element(ber::ENUMERATED, &[0]),
        ber::element(ber::OCTET_STRING, b""),
        ber::element(ber::OCTET_STRING, b""),
    ];
    message(1, &ber::element(SEARCH_DONE, &parts.concat()))
}

/// What goes on of bytes that come so many at a time, and what is left.
fn sift(bytes: &[u8], at_a_time: usize) -> Result<Vec<u8>, Ended> {
    let largest = AtomicUsize::new(LARGEST);
    let mut message_filter = MessageFilter::new(&largest);
    let mut open = BTreeMap::from([(1, SEARCH_REQUEST)]);
    let (mut buffer, mut passed) = (Vec::new(), Vec::new());
    for some in bytes.chunks(at_a_time) {
        buffer.extend_from_slice(some);
        passed.extend(message_filter.pass(&mut buffer, &mut open)?);
        assert!(buffer.len() <= LARGEST + at_a_time, "{}", buffer.len());
    }
    Ok(passed)
}

fn violation(bytes: &[u8]) -> &'static str {
    match sift(bytes, 64 << 10) {
        Err(Ended::Violation(what)) => what,
        other => panic!("{other:?}"),
    }
}

/// The entry that stands in has the number of octets as its value.
fn stand_in(dn: &[u8], octets: usize) -> Vec<u8> {
    let begun = frame::Beginning {
        id: 1,
        tag: SEARCH_ENTRY,
        dn: Some(dn),
    };
    begun.instead(octets)
}

#[test]
fn an_entry_that_is_too_large_is_passed_over_by_its_length() {
    let small = entry(b"uid=b", &ber::element(ber::OCTET_STRING, b"x"));
    let huge = large(b"uid=a");
    let all = [&small[..], &huge, &small, &huge, &huge, &done()].concat();
    let standing = stand_in(b"uid=a", huge.len());
    let expected = [&small[..], &standing, &small, &standing, &standing, &done()].concat();
    for at_a_time in [1_000, 64 << 10, all.len()] {
        assert_eq!(sift(&all, at_a_time).unwrap(), expected, "{at_a_time}");
    }
}

#[test]
fn a_dn_that_is_itself_too_long_is_not_waited_for() {
    let dn = vec![b'x'; LARGEST];
    let huge = entry(&dn, &[]);
    let all = [&huge[..], &done()].concat();
    let expected = [stand_in(b"", huge.len()), done()].concat();
    assert_eq!(sift(&all, 4 << 10).unwrap(), expected);
}

#[test]
fn an_entry_of_too_many_values_is_passed_over_too() {
    let many = entry(b"uid=a", &[0x04, 0].repeat(1_000_000));
    assert!(many.len() < LARGEST);
    let all = [&many[..], &done()].concat();
    let expected = [stand_in(b"uid=a", many.len()), done()].concat();
    assert_eq!(sift(&all, 64 << 10).unwrap(), expected);
}

#[test]
fn the_largest_entry_that_is_read_is_read() {
    let value = |size| ber::element(ber::OCTET_STRING, &vec![b'x'; size]);
    let around = entry(b"uid=a", &value(0)).len();
    let fits = entry(b"uid=a", &value(LARGEST - around));
    assert_eq!(fits.len(), LARGEST);
    assert_eq!(sift(&fits, 64 << 10).unwrap(), fits);
    let above = entry(b"uid=a", &value(LARGEST - around + 1));
    let passed = sift(&above, 64 << 10).unwrap();
    assert_eq!(passed, stand_in(b"uid=a", above.len()));
}

#[test]
fn only_entries_are_passed_over_and_only_of_a_search() {
    let other = message(1, &ber::element(INTERMEDIATE, &vec![0; MAX_MESSAGE]));
    assert!(violation(&other).contains("no entry"));
    let mut foreign = large(b"uid=a");
    let id = foreign.iter().position(|b| *b == ber::INTEGER).unwrap() + 6;
    foreign[id] = 9;
    assert!(violation(&foreign).contains("no request"));
    let endless = [ber::SEQUENCE, 0x84, 0x40, 0, 0, 1];
    assert!(violation(&endless).contains("1 GiB"));
}

#[test]
fn what_one_session_sends_is_bounded() {
    let largest = AtomicUsize::new(LARGEST);
    let mut message_filter = MessageFilter::new(&largest);
    message_filter.left = 10_000;
    let mut open = BTreeMap::from([(1, SEARCH_REQUEST)]);
    let small = message(1, &ber::element(INTERMEDIATE, &[]));
    let mut sent = 0;
    let ended = loop {
        match message_filter.pass(&mut small.clone(), &mut open) {
            Ok(_) => sent += small.len(),
            Err(ended) => break ended,
        }
        assert!(sent < 10_000);
    };
    assert!(
        matches!(ended, Ended::Violation(what) if what.contains("memory")),
        "{ended:?}"
    );
}

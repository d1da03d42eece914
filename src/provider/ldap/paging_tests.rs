use ldap3::controls::RawControl;

use super::*;

const COMPLETE: &[u8] = &[0x30, 5, 0x02, 1, 0, 0x04, 0];
const MORE: &[u8] = &[0x30, 7, 0x02, 1, 0, 0x04, 2, 7, 8];

fn page(code: u32, values: &[&[u8]]) -> Found {
    let control = |value: &&[u8]| {
        let raw = RawControl {
            ctype: PAGED_RESULTS.into(),
            crit: false,
            val: Some(value.to_vec()),
        };
        Control(None, raw)
    };
    Found {
        entries: Vec::new(),
        too_large: Vec::new(),
        references: Vec::new(),
        code,
        text: "its words".into(),
        referral: Vec::new(),
        controls: values.iter().map(control).collect(),
    }
}

fn after(page: &Found, paged: bool) -> Result<Next, ProviderError> {
    let what = Subtree {
        base: "dc=x",
        filter: "(a=b)",
        attributes: &[],
        page_size: None,
        largest: 0,
        trees: &["dc=y".to_owned(), "dc=z".to_owned()],
    };
    next("ldap://x", &what, page, paged)
}

fn incomplete(page: &Found) -> bool {
    matches!(after(page, true), Ok(Next::Incomplete(Gap::Paging(_))))
}

#[test]
fn only_result_0_with_an_empty_cookie_is_complete() {
    assert_eq!(after(&page(0, &[COMPLETE]), true).unwrap(), Next::Complete);
    assert_eq!(
        after(&page(0, &[MORE]), true).unwrap(),
        Next::Page(vec![7, 8])
    );
    for code in [3, 4, 11] {
        // The cookie is what makes other clients go on as if nothing had happened.
        let said = after(&page(code, &[MORE]), true).unwrap();
        let gap = Gap::ResultCode {
            code,
            message: "its words".into(),
        };
        assert_eq!(said, Next::Incomplete(gap));
    }
    for code in [1, 10, 32, 50, 51, 52, 53, 80] {
        let error = after(&page(code, &[COMPLETE]), true).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("result {code}: its words")),
            "{error}"
        );
    }
}

#[test]
fn a_control_that_is_missing_double_or_broken_proves_nothing() {
    assert!(incomplete(&page(0, &[])));
    assert!(incomplete(&page(0, &[COMPLETE, COMPLETE])));
    assert!(incomplete(&page(0, &[&[]])));
    assert!(incomplete(&page(0, &[&[0x30, 3, 0x02, 1, 0]])));
    let deep: Vec<u8> = [0x30, 0x84, 0, 0, 0xff, 0xff].repeat(20_000);
    assert!(incomplete(&page(0, &[&deep])));
}

#[test]
fn a_server_that_does_not_page_is_believed_when_it_says_so() {
    assert_eq!(after(&page(0, &[]), false).unwrap(), Next::Complete);
}

#[test]
fn entries_are_told_apart_however_they_are_spelt() {
    let mut known = SeenNames::default();
    assert!(known.is_new("uid=anna,dc=x"));
    assert!(!known.is_new("UID=Anna, DC=x"));
    assert!(known.is_new("uid=hanna,dc=x"));
}

//! What others wrote shows itself and does nothing: no line, no colour, no hidden character.

use std::fs;

use serde_json::json;

use crate::cli::served::Service;
use testkit::place::{Place, Said};

/// In a DN and names of the directory, and in what a user writes on Mattermost.
const EVIL: &str = "x\u{1b}[2J\r\nHELD: forged\u{202e}\u{61c}\u{200b}\u{2028}\u{9b}m\u{200d}";

fn steers(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(
            c,
            '\u{61c}' | '\u{200b}' | '\u{200d}' | '\u{2028}' | '\u{202e}'
        )
}

#[track_caller]
fn assert_clean(said: &Said) {
    for text in [&said.out, &said.err] {
        assert!(!text.contains(steers), "{text:?}");
        let mut lines = text.lines();
        let forged = lines.find(|line| line.trim_start().starts_with("HELD: forged"));
        assert_eq!(forged, None, "{text}");
    }
}

/// An entry with a text in its DN, its name and its address; base64 takes any.
fn entry(uid: &str, n: usize, text: &str) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine};
    let encoded = |text: &str| BASE64_STANDARD.encode(text);
    let dn = format!("uid={uid}+cn={text},ou=People,dc=directory,dc=nh");
    format!(
        "dn:: {}\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\nuid: {uid}\ncn:: {}\n\
         sn:: {}\ngivenName: {uid}\nmail:: {}\nshadowExpire: 99999\n\
         entryUUID: 00000000-0000-4000-8000-{n:012}\n\n",
        encoded(&dn),
        encoded(text),
        encoded(text),
        encoded(&format!("{uid}@example.org{text}")),
    )
}

#[test]
fn nothing_that_others_wrote_steers_a_terminal_or_forges_a_line() {
    let place = Place::new(crate::BINARY);
    // A user writes what they like into their own names.
    let user = json!({
        "username": "anna", "email": "anna@example.org",
        "first_name": EVIL, "last_name": EVIL, "nickname": EVIL,
    });
    place.sim.add_user(&user).unwrap();
    let path = place.path("people.ldif");
    let text = fs::read_to_string(&path).unwrap();
    let family = "👩\u{200d}👩\u{200d}👧";
    let gina = json!({"username": "gina", "email": "g@example.org", "last_name": family});
    place.sim.add_user(&gina).unwrap();
    let people = [("anna", EVIL), ("bert", EVIL)];
    let entries = people.iter().enumerate();
    let entries: String = entries
        .map(|(n, (uid, text))| entry(uid, n + 1, text))
        .collect();
    let rejected = entry("", 9, EVIL).replace("uid: \n", "");
    fs::write(&path, text + &entries + &rejected).unwrap();
    for words in [
        &["plan", "--all"][..],
        &["plan", "--json"],
        &["check"],
        &["check", "--json"],
        &["sync"],
        &["approve"],
        &["approve", "--json"],
        &["conflicts"],
        &["conflicts", "--json"],
        &["orphans", "--json"],
        &["explain", "anna"],
        &["explain", "bert", "--json"],
        &["explain", EVIL],
        &["deactivate", EVIL],
        &["history", "--json"],
        &["history", "1"],
        &["history", "1", "--json"],
    ] {
        assert_clean(&place.run(words));
    }
    let service = Service::start(&place);
    for words in [&["status"][..], &["sync"], &["plan", "--json"]] {
        assert_clean(&place.run(words));
    }
    drop(service);
    let log = fs::read_to_string(place.path("log")).unwrap();
    assert!(log.contains("bert") && !log.contains(steers), "{log:?}");
    assert!(log.lines().all(|line| line.starts_with('<')), "{log}");
    // Only what hides is taken, not what belongs to a name.
    place.run(&["explain", "gina"]).exits(0).says(family);
}

//! A side that could be read only in part has an exit code of its own, and is told.

use std::fs;

use mattermost_sim::{Answer, Commit, Effect, Fault};
use serde_json::{Value, json};

use testkit::place::{Place, Said};

fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    for uid in ["anna", "bert", "carl"] {
        place.add(uid, &uid.to_uppercase(), "Test");
    }
    place
}

/// Everything that looks at both sides says so, and ends with 4.
#[track_caller]
fn all_say(place: &Place, words: &str) {
    for command in [
        &["plan"][..],
        &["sync"],
        &["check"],
        &["approve"],
        &["conflicts"],
        &["orphans"],
        &["explain", "anna"],
        &["explain", "nobody-of-that-name"],
    ] {
        place.run(command).exits(4).says(words);
        let said = place.run(&[command, &["--json"]].concat()).exits(4);
        let json = said.json();
        match command[0] {
            "check" => assert_eq!(json["incomplete"], true, "{json}"),
            "approve" => assert!(json.is_array(), "{json}"),
            "sync" => assert_told(&json["plan"], words),
            _ => assert_told(&json, words),
        }
    }
    let file = place.path("plan.json").display().to_string();
    place.run(&["plan", "--out", &file]).exits(4).says(words);
    place.run(&["sync", "--plan", &file]).exits(4).says(words);
}

#[track_caller]
fn assert_told(report: &Value, words: &str) {
    let told = report["incomplete"].as_array().unwrap();
    let says = |one: &Value| one["why"].as_str().unwrap().contains(words);
    assert!(told.iter().any(says), "{report}");
}

/// Everything says that both sides were read.
#[track_caller]
fn all_well(place: &Place) {
    for command in ["plan", "sync", "check", "approve", "conflicts", "orphans"] {
        let said = place.run(&[command]).exits(0);
        said.says_not("COMPLETE").says_not("not read completely");
    }
    let said = place.run(&["plan", "--json"]).exits(0);
    assert_eq!(said.json()["incomplete"], json!([]));
}

#[test]
fn a_file_that_is_cut_empty_or_without_people_is_an_incomplete_reading() {
    let place = company();
    place.run(&["sync"]).exits(0);
    all_well(&place);
    let path = place.path("people.ldif");
    let whole = fs::read_to_string(&path).unwrap();

    fs::write(&path, &whole[..whole.len() * 2 / 3]).unwrap();
    all_say(&place, "the file is not whole");
    fs::write(&path, "").unwrap();
    all_say(&place, "the file is not whole");
    let tree = "dn: dc=directory,dc=nh\nobjectClass: domain\ndc: directory\n\n";
    fs::write(&path, tree).unwrap();
    all_say(&place, "the reading has no entry at all");

    fs::write(&path, &whole).unwrap();
    all_well(&place);
    let active = place.sim.users().into_iter().filter(|u| u.delete_at == 0);
    assert_eq!(active.count(), 4);
}

/// What must always be there is not: a right may have been lost.
#[test]
fn a_lost_right_is_an_incomplete_reading() {
    let mut place = company();
    place.provider = Some(format!(
        "kind = \"ldif\"\npath = \"{}\"\nsentinels = [\"uid=carl,ou=People,dc=directory,dc=nh\"]",
        place.path("people.ldif").display()
    ));
    place.write();
    place.run(&["sync"]).exits(0);
    place.edit("carl", |carl| carl.gone = true);
    all_say(
        &place,
        "the sentinel uid=carl,ou=People,dc=directory,dc=nh was not found",
    );
    assert_eq!(place.sim.user_named("carl").unwrap().delete_at, 0);
}

/// Locks that were seen and are not any more: a right was lost, and locked leavers are not followed.
/// It does not pass with the next reading. Where a lock could never be seen, that is only said.
#[test]
fn a_lost_right_to_see_locks_is_an_incomplete_reading() {
    let mut place = company();
    let path = place.path("people.ldif");
    let locks = |place: &mut Place, rule: &str| {
        place.accounts = Some(format!(
            "[[provider]]\nname = \"company\"\nschema = \"rfc2307\"\nkind = \"ldif\"\n\
             path = \"{}\"\nbase = \"dc=directory,dc=nh\"\n[accounts]\nlock = [\"{rule}\"]\n",
            path.display()
        ));
        place.write();
    };
    locks(&mut place, "userPassword");
    let hidden = fs::read_to_string(&path).unwrap();
    let whole = hidden.replace("\ngivenName:", "\nuserPassword: {SSHA}x\ngivenName:");
    place.run(&["plan"]).exits(0).says("3 accounts");
    fs::write(&path, &whole).unwrap();
    place.run(&["sync"]).exits(0);
    all_well(&place);
    fs::write(&path, &hidden).unwrap();
    all_say(&place, "userpassword was seen before");
    place.run(&["sync"]).exits(4);
    all_say(&place, "take it out of accounts.lock");
    fs::write(&path, &whole).unwrap();
    all_well(&place);
    // Another rule is a decision of the administrator's.
    fs::write(&path, &hidden).unwrap();
    place.run(&["sync"]).exits(4);
    locks(&mut place, "shadowExpire");
    place.run(&["sync"]).exits(0);
    all_well(&place);
}

#[test]
fn a_group_that_may_be_any_is_an_incomplete_reading() {
    let place = company();
    place.run(&["sync"]).exits(0);
    let path = place.path("people.ldif");
    let group = "dn: cn=sales,ou=Groups,dc=directory,dc=nh\nobjectClass: posixGroup\ncn: sales\n\n";
    fs::write(&path, fs::read_to_string(&path).unwrap() + group).unwrap();
    all_say(&place, "cn=sales,ou=Groups,dc=directory,dc=nh");
    // What is unusable and has an id leaves nothing open.
    let id = "entryUUID: 00000000-0000-4000-9000-000000000001\n\n";
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.trim_end().to_owned() + "\n" + id).unwrap();
    all_well(&place);
}

/// What a proxy answers that does not know the address.
fn foreign_page() -> Fault {
    let page = Answer {
        status: 404,
        headers: vec![("content-type".to_owned(), "text/html".to_owned())],
        body: b"<html>Not found</html>".to_vec(),
    };
    Fault::new(Effect::Answer(page, Commit::Before))
}

#[test]
fn a_team_behind_a_foreign_page_is_an_incomplete_reading() {
    let place = company();
    place.run(&["sync"]).exits(0);
    let fault = foreign_page();
    let path = "/api/v4/teams/name/*";
    place.sim.add_fault(fault.method("GET").path(path));
    for command in ["plan", "sync", "conflicts", "orphans"] {
        let said = place.run(&[command]).exits(4);
        said.says("THE READING OF MATTERMOST IS NOT COMPLETE")
            .says("the team our")
            .says(" could not be read");
    }
    place.run(&["check"]).exits(4).says("PROBLEM  teams");
    place.sim.clear_faults();
    all_well(&place);
    // Under another name it is still the team that was filled: `check` knows it as `plan` does.
    let team = place.sim.team_named("our").unwrap().id;
    assert!(
        place
            .sim
            .edit_team(&team, |team| team.name = "staff".into())
    );
    place.run(&["check"]).exits(3).says("is called staff now");
    assert!(place.sim.edit_team(&team, |team| team.name = "our".into()));
    all_well(&place);
    // The same for its members.
    let fault = foreign_page();
    let path = "/api/v4/teams/*/members";
    place.sim.add_fault(fault.method("GET").path(path));
    for command in ["plan", "sync", "check"] {
        place
            .run(&[command])
            .exits(4)
            .says("the team our could not be read");
    }
    place.sim.clear_faults();
    all_well(&place);
}

/// What the server says of itself is a part of it, too.
#[test]
fn settings_behind_a_foreign_page_are_an_incomplete_reading() {
    let place = company();
    place.run(&["sync"]).exits(0);
    let fault = foreign_page();
    let path = "/api/v4/config";
    place.sim.add_fault(fault.method("GET").path(path));
    all_say(&place, "");
    let said = place.run(&["plan"]).exits(4);
    said.says("THE READING OF MATTERMOST IS NOT COMPLETE")
        .says("the server's settings could not be read");
    place.sim.clear_faults();
    all_well(&place);
}

/// A hold may last for days; it must not hide that leavers are not followed today.
#[test]
fn an_incomplete_reading_goes_before_a_hold() {
    let place = company();
    place.stranger("anna", "anna");
    place.run(&["sync"]).exits(3).says("HELD: adopt");
    let path = place.path("people.ldif");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.trim_end()).unwrap();
    let said: Said = place.run(&["sync"]).exits(4);
    said.says("HELD: adopt").says("NOT COMPLETE");
}

/// Who is seen to be locked is deactivated all the same; the record says what it rests on.
#[test]
fn the_record_says_which_run_rests_on_an_incomplete_reading() {
    let mut place = company();
    place.run(&["sync"]).exits(0);
    place.run(&["history"]).exits(0).says_not("not complete");
    place.edit("anna", |anna| anna.expires = 1);
    let path = place.path("people.ldif");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.trim_end()).unwrap();
    place.run(&["sync"]).exits(4).says("Deactivated 1 user");
    let said = place.run(&["history"]).exits(0);
    said.says("sync, reading not complete");
}

//! Another id attribute in the configuration.

use std::collections::BTreeMap;
use std::process::Command;

use mattermost_sim::{Options, Version};
use mattersync::daemon::Health;

use testkit::service::{Config, Stage};

const BASE: &str = testkit::service::BASE;

/// Username, `employeeNumber` and `uidNumber`; an empty text for none.
type Person<'a> = (&'a str, &'a str, &'a str);

fn write_people(stage: &Stage, people: &[Person<'_>]) {
    let mut text = String::from("version: 1\n\n");
    for (uid, employee, number) in people {
        text += &format!(
            "dn: uid={uid},ou=People,{BASE}\nobjectClass: posixAccount\nuid: {uid}\ncn: {uid} Test\n\
             sn: Test\nmail: {uid}@example.org\n"
        );
        for (name, value) in [("employeeNumber", employee), ("uidNumber", number)] {
            if !value.is_empty() {
                text += &format!("{name}: {value}\n");
            }
        }
        text.push('\n');
    }
    let beside = stage.path("people.new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, stage.path("people.ldif")).unwrap();
}

fn by(stage: &Stage, attribute: &str) {
    let text = stage.read_config();
    let (before, after) = text.split_once("[accounts]\n").unwrap();
    let rest = after.split_once("lock =").unwrap().1;
    let text = format!("{before}[accounts]\nid = \"{attribute}\"\nlock ={rest}");
    stage.write_config(&text);
}

fn stage(people: &[Person<'_>]) -> Stage {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    by(&stage, "employeeNumber");
    write_people(&stage, people);
    stage
}

/// Runs a command: its exit code and all that it said.
pub fn run(stage: &Stage, words: &[&str]) -> (i32, String) {
    let output = Command::new(crate::BINARY)
        .arg("--config")
        .arg(stage.config())
        .args(words)
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    let mut said = String::from_utf8(output.stdout).unwrap();
    said += &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

/// Ids of users by their names, and whether they are active.
fn users(stage: &Stage) -> BTreeMap<String, (String, bool)> {
    let users = stage.sim.users().into_iter();
    users
        .map(|u| (u.username.clone(), (u.id.clone(), u.is_active())))
        .collect()
}

const HELD: &str = "new-ids:people";

#[test]
fn edge_40_a_changed_id_attribute_waits_for_a_person_and_people_are_followed_meanwhile() {
    let stage = stage(&[("anna", "1", "2"), ("bert", "2", "1"), ("carl", "3", "4")]);
    let daemon = stage.start_and_wait();
    write_people(&stage, &[("anna", "1", "2"), ("bert", "2", "1")]);
    daemon.sync();
    let before = users(&stage);
    assert!(before["anna"].1 && !before["carl"].1);

    // Each new id is somebody else's old one, also that of who has left.
    let now = [("anna", "1", "2"), ("bert", "2", "1"), ("dora", "9", "3")];
    write_people(&stage, &now);
    by(&stage, "uidNumber");
    daemon.signal("HUP");
    let waits = |health: &Health| match health {
        Health::Held(what) => what.iter().any(|w| w.contains(HELD)),
        _ => false,
    };
    daemon.wait_for("the hold", |status| waits(&status.health));
    for command in ["plan", "sync", "check"] {
        let (code, said) = run(&stage, &[command]);
        assert_eq!(code, 3, "{command}: {said}");
        assert!(said.contains(HELD), "{command}: {said}");
    }
    // Everything else goes on by the old ids: dora has come, and nobody is anybody else.
    let meanwhile = users(&stage);
    for name in ["anna", "bert", "carl"] {
        assert_eq!(meanwhile[name], before[name], "{name}");
    }
    assert!(meanwhile["dora"].1 && meanwhile["dora"].0 != before["carl"].0);
    assert_eq!(daemon.sync().writes, 0);

    // Nothing else than what was seen is released.
    let (code, said) = run(&stage, &["approve"]);
    assert_eq!(code, 0, "{said}");
    for part in [
        "accounts.id is uidnumber now",
        "3 new ids",
        "anna",
        &before["bert"].0,
        "1 person gets no new id",
        &format!("mattersync approve {HELD}"),
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let other = [("anna", "1", "7"), ("bert", "2", "1"), ("dora", "9", "3")];
    write_people(&stage, &other);
    let (code, said) = run(&stage, &["approve", HELD]);
    assert!(
        code == 1 && said.contains("1 of 4 new ids are not as"),
        "{said}"
    );
    write_people(&stage, &now);
    let (code, said) = run(&stage, &["approve", HELD]);
    assert!(
        code == 0 && said.contains("now known by uidnumber"),
        "{said}"
    );

    daemon.sync();
    daemon.wait_for("a good cycle", |status| status.health == Health::Well);
    assert_eq!(users(&stage), meanwhile);
    assert_eq!(daemon.sync().writes, 0);
    // By the new ids: anna is renamed, bert has left.
    write_people(&stage, &[("anna.b", "1", "2"), ("dora", "9", "3")]);
    daemon.sync();
    let later = users(&stage);
    assert_eq!(later["anna.b"].0, before["anna"].0);
    assert!(!later["bert"].1 && !later["carl"].1);
    assert_eq!(daemon.sync().writes, 0);
    daemon.stop();
}

#[test]
fn edge_40_blank_and_duplicate_new_ids_and_half_readings_stop_all_of_it() {
    let good = [("anna", "1", "5"), ("bert", "2", "6"), ("carl", "3", "7")];
    let stage = stage(&good);
    assert_eq!(run(&stage, &["sync"]).0, 0);
    let before = users(&stage);
    by(&stage, "uidNumber");
    assert_eq!(run(&stage, &["approve"]).0, 0);
    for (bad, code, word) in [
        (("carl", "3", ""), 0, "no usable value of the new"),
        (("carl", "3", "6"), 0, "also that of uid=bert"),
        // Two entries with one old id: neither is anybody.
        (("carl", "2", "7"), 0, "must be unique"),
    ] {
        write_people(&stage, &[good[0], good[1], bad]);
        let (shown, said) = run(&stage, &["approve"]);
        assert!(shown == code && said.contains(word), "{shown}: {said}");
        assert!(said.contains("back into accounts.id"), "{said}");
        let (code, said) = run(&stage, &["approve", HELD]);
        assert!(code == 1 && said.contains("nothing was changed"), "{said}");
    }
    // A file that was cut.
    write_people(&stage, &good);
    assert_eq!(run(&stage, &["approve"]).0, 0);
    let text = std::fs::read_to_string(stage.path("people.ldif")).unwrap();
    let cut = &text[..text.len() - 30];
    std::fs::write(stage.path("people.ldif"), cut).unwrap();
    let (code, said) = run(&stage, &["approve", HELD]);
    assert!(code == 1 && said.contains("not read completely"), "{said}");
    // The old attribute again: everything is as before.
    write_people(&stage, &good);
    by(&stage, "employeeNumber");
    let (code, said) = run(&stage, &["sync"]);
    assert!(code == 0 && !said.contains(HELD), "{said}");
    by(&stage, "uidNumber");
    assert_eq!(run(&stage, &["approve"]).0, 0);
    assert_eq!(run(&stage, &["approve", HELD]).0, 0);
    stage.sim.reset_counters();
    assert_eq!(run(&stage, &["sync"]).0, 0);
    assert_eq!(stage.sim.writes(), 0);
    assert_eq!(users(&stage), before);
}

#[test]
fn edge_40_another_form_of_the_same_attribute_is_another_id() {
    let stage = stage(&[("anna", "1", "5"), ("bert", "2", "6")]);
    assert_eq!(run(&stage, &["sync"]).0, 0);
    let text = stage.read_config();
    let id = "id = \"employeeNumber\"\n";
    stage.write_config(&text.replace(id, "id = \"employeeNumber:hex\"\n"));
    let (code, said) = run(&stage, &["approve"]);
    assert!(code == 0 && said.contains("employeenumber:hex"), "{said}");
    assert_eq!(run(&stage, &["approve", HELD]).0, 0);
    stage.sim.reset_counters();
    assert_eq!(run(&stage, &["sync"]).0, 0);
    assert_eq!(stage.sim.writes(), 0);
}

#[test]
fn edge_40_who_leaves_before_or_right_after_the_new_ids_is_not_held_because_of_them() {
    let stage = stage(&[("anna", "1", "5"), ("bert", "2", "6"), ("carl", "3", "7")]);
    assert_eq!(run(&stage, &["sync"]).0, 0);
    by(&stage, "uidNumber");
    write_people(&stage, &[("anna", "1", "5"), ("bert", "2", "6")]);
    let (code, said) = run(&stage, &["sync"]);
    assert_eq!(code, 3, "{said}");
    assert!(!users(&stage)["carl"].1, "left by the old ids");
    assert_eq!(run(&stage, &["approve"]).0, 0);
    assert_eq!(run(&stage, &["approve", HELD]).0, 0);
    write_people(&stage, &[("anna", "1", "5")]);
    let (code, said) = run(&stage, &["sync"]);
    assert_eq!(code, 0, "{said}");
    assert!(!users(&stage)["bert"].1);
}

#[test]
fn edge_40_what_was_done_is_found_taken_back_and_forgotten_by_the_new_ids() {
    let stage = stage(&[("anna", "1", "5"), ("bert", "2", "6"), ("carl", "3", "7")]);
    assert_eq!(run(&stage, &["sync"]).0, 0);
    write_people(&stage, &[("anna", "1", "5"), ("bert", "2", "6")]);
    assert_eq!(run(&stage, &["sync"]).0, 0);
    by(&stage, "uidNumber");
    assert_eq!(run(&stage, &["approve"]).0, 0);
    assert_eq!(run(&stage, &["approve", HELD]).0, 0);
    let (_, said) = run(&stage, &["history"]);
    assert!(said.contains("approved new ids"), "{said}");
    let (code, said) = run(&stage, &["undo", "1", "--person", "bert"]);
    assert!(code == 0 && said.contains("Deactivate 1 user"), "{said}");
    let (_, said) = run(&stage, &["history", "--person", "6"]);
    assert!(said.contains("Created 1 user (bert)"), "{said}");
    let (code, said) = run(&stage, &["forget", "carl", "--yes"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = run(&stage, &["forget", "carl"]);
    assert_eq!(code, 1, "{said}");
}

#[test]
fn edge_40_whoever_is_outside_the_base_of_a_file_gets_a_new_id_too() {
    let stage = stage(&[("anna", "1", "5"), ("bert", "2", "6")]);
    assert_eq!(run(&stage, &["sync"]).0, 0);
    let before = users(&stage);
    by(&stage, "uidNumber");
    let text = std::fs::read_to_string(stage.path("people.ldif")).unwrap();
    let moved = text.replace("uid=bert,ou=People", "uid=bert,ou=Former");
    std::fs::write(stage.path("people.ldif"), moved).unwrap();
    let (code, said) = run(&stage, &["approve"]);
    assert!(code == 0 && said.contains("2 new ids"), "{said}");
    assert_eq!(run(&stage, &["approve", HELD]).0, 0);
    std::fs::write(stage.path("people.ldif"), text).unwrap();
    let (code, said) = run(&stage, &["sync"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(users(&stage), before);
}

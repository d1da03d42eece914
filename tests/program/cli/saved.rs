//! A plan in a file is carried out exactly as it was looked at, or not at all.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

use serde_json::json;

use crate::cli::served::Service;
use testkit::place::{Place, Said};

fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    place.more = "[policy]\ngrace = \"0s\"\n[guard]\nmissing = 10\nlocked = 1\n\
                  [schedule]\ninterval = \"1h\"\n"
        .into();
    for uid in ["alice", "bob", "carol"] {
        place.add(uid, uid, "Able");
    }
    place
}

fn save(place: &Place) -> Said {
    let file = place.path("saved.json");
    place.run(&["plan", "--out", file.to_str().unwrap()])
}

fn carry_out(place: &Place) -> Said {
    let file = place.path("saved.json");
    place.run(&["sync", "--plan", file.to_str().unwrap()])
}

#[test]
fn exactly_what_was_saved_is_done_once() {
    let mut place = company();
    save(&place)
        .exits(0)
        .says("Create 3 users")
        .says("mattersync sync --plan");
    let mode = fs::metadata(place.path("saved.json"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o7777, 0o600);
    assert_eq!(place.sim.writes(), 0);
    place.add("dave", "Dave", "Doe");
    carry_out(&place)
        .exits(0)
        .says("Created 3 users")
        .says("2 more steps are wanted now and not in the saved plan");
    assert!(place.sim.user_named("dave").is_none(), "came meanwhile");
    let writes = place.sim.writes();
    carry_out(&place)
        .exits(1)
        .says("nothing was done")
        .says("create alice")
        .says("no longer wanted");
    assert_eq!(place.sim.writes(), writes);
    // The same file is written over.
    save(&place).exits(0).says("Create 1 user");
    carry_out(&place).exits(0).says("Created 1 user");
    assert!(place.sim.user_named("dave").is_some());
}

#[test]
fn one_difference_and_nothing_is_done() {
    let mut place = company();
    save(&place).exits(0);
    place.edit("bob", |p| p.name.0 = "Robert".into());
    carry_out(&place)
        .exits(1)
        .says("wanted now:\n  create bob (")
        .says("\n      wanted in another way")
        .says_not("create alice");
    assert_eq!(place.sim.writes(), 0);
    place.edit("bob", |p| p.name.0 = "bob".into());
    let taken = json!({"username": "carol", "email": "other@example.org"});
    place.sim.add_user(&taken).unwrap();
    carry_out(&place)
        .exits(1)
        .says("create carol")
        .says("no longer wanted");
    assert_eq!(place.sim.writes(), 0);
}

#[test]
fn saving_is_no_approval() {
    let mut place = company();
    place.run(&["sync"]).exits(0);
    for uid in ["alice", "bob"] {
        place.edit(uid, |p| p.expires = 1);
    }
    place.edit("carol", |p| p.name.0 = "Caroline".into());
    save(&place)
        .exits(3)
        .says("HELD: locked")
        .says("What is held is no part of it");
    place.run(&["approve"]).exits(0);
    place.run(&["approve", "locked"]).exits(0);
    carry_out(&place)
        .exits(0)
        .says("Updated 1 user")
        .says("2 steps were held when the plan was saved")
        .says("2 more steps are wanted now");
    assert_eq!(place.sim.user_named("alice").unwrap().delete_at, 0);
    // Saved once more it is a part of it; held again it is refused.
    save(&place).exits(0).says("Deactivate 2 users");
    fs::remove_file(place.path("state/state.sqlite.copy")).unwrap();
    let db = rusqlite::Connection::open(place.path("state/state.sqlite")).unwrap();
    db.execute("DELETE FROM holds", []).unwrap();
    drop(db);
    carry_out(&place).exits(1).says("held now").says("alice");
    assert_eq!(place.sim.user_named("alice").unwrap().delete_at, 0);
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_refused() {
    let mut place = company();
    let file = place.path("saved.json");
    save(&place).exits(0);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("alice@example.org", "mallory@example.org"),
    )
    .unwrap();
    carry_out(&place)
        .exits(1)
        .says("was changed after it was saved");
    fs::write(&file, "my diary").unwrap();
    carry_out(&place)
        .exits(1)
        .says("it is no plan that was saved");
    save(&place).exits(1).says("no saved plan: name another");
    assert_eq!(fs::read_to_string(&file).unwrap(), "my diary");
    fs::write(&file, &text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    carry_out(&place)
        .exits(1)
        .says("others may read or change it");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    place.more = place.more.replace("locked = 1\n", "locked = 2\n");
    place.write();
    carry_out(&place)
        .exits(1)
        .says("the configuration is another one");
    fs::remove_file(&file).unwrap();
    carry_out(&place).exits(1).says("No such file");
    assert_eq!(place.sim.writes(), 0);
}

/// Whoever may write to the folder must not decide where the plan goes, or which one is carried out.
#[test]
fn a_plan_goes_through_no_link_and_into_nobody_elses_file() {
    let place = company();
    let file = place.path("saved.json");
    let victim = place.path("victim");
    fs::write(&victim, "").unwrap();
    symlink(&victim, &file).unwrap();
    save(&place).exits(1).says("it is a symbolic link");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "");
    assert_eq!(
        fs::metadata(&victim).unwrap().permissions().mode() & 0o777,
        0o644
    );
    // A link to nothing is one too.
    fs::remove_file(&victim).unwrap();
    save(&place).exits(1);
    assert!(!victim.exists());
    fs::remove_file(&file).unwrap();
    // One that somebody else made, so that they could read it.
    fs::write(&file, "").unwrap();
    save(&place).exits(1).says("others may read or change it");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    if fs::metadata(&file).unwrap().uid() == 0 {
        chown(&file, Some(65_534), None).unwrap();
        save(&place).exits(1).says("it belongs to user 65534");
        chown(&file, Some(0), None).unwrap();
    }
    // Who has the old file open does not see the new one.
    let held = fs::File::open(&file).unwrap();
    save(&place).exits(0);
    assert_eq!(held.metadata().unwrap().len(), 0);
    assert_eq!(held.metadata().unwrap().nlink(), 0, "another file");
    // Nor is one carried out through a link.
    fs::rename(&file, &victim).unwrap();
    symlink(&victim, &file).unwrap();
    carry_out(&place).exits(1).says("it is a symbolic link");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    save(&place).exits(1);
    carry_out(&place).exits(1);
    assert_eq!(place.sim.writes(), 0);
}

#[test]
fn a_plan_that_cannot_be_made_leaves_no_file() {
    let place = company();
    fs::remove_file(place.path("people.ldif")).unwrap();
    save(&place).exits(69);
    assert!(!place.path("saved.json").exists());
}

#[test]
fn the_service_saves_and_carries_out_too() {
    let mut place = company();
    let service = Service::start(&place);
    place.add("dave", "Dave", "Doe");
    save(&place).exits(0).says("Create 1 user");
    place.add("emil", "Emil", "Eck");
    carry_out(&place)
        .exits(0)
        .says("Created 1 user")
        .says("2 more steps are wanted");
    assert!(place.sim.user_named("dave").is_some());
    assert!(place.sim.user_named("emil").is_none());
    carry_out(&place).exits(1).says("no longer wanted");
    drop(service);
}

#[test]
fn nothing_is_done_to_another_mattermost() {
    let mut place = company();
    place.run(&["sync"]).exits(0);
    place.add("dora", "Dora", "Deep");
    save(&place);
    for user in place.sim.users() {
        if user.username != "root.admin" {
            place.sim.delete_for_good(&user.id);
        }
    }
    carry_out(&place).says("this is another Mattermost");
    assert!(place.sim.user_named("dora").is_none());
}

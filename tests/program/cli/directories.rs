//! Odd directories, as files: `tests/directories/NAME/` holds what was dumped, how it is read, and what
//! must come of it.
//!
//! `before.ldif`, where there is one, is synchronised first. `expected.toml` says of the last file what
//! `check` and `plan` say, which exit codes they and `sync` have, and who is active and deactivated
//! on Mattermost afterwards.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use testkit::place::{Place, Said};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Expected {
    /// What is odd.
    #[allow(dead_code)]
    about: String,
    /// Users that are there before, as `username` at `example.org`.
    #[serde(default)]
    users: Vec<String>,
    /// Classes to approve before the last `sync`.
    #[serde(default)]
    approve: Vec<String>,
    check: Words,
    plan: Words,
    #[serde(default)]
    sync: Words,
    /// `username` or `username <address>` of all active users in the end, but the administrator.
    active: BTreeSet<String>,
    /// Usernames of all who are deactivated in the end.
    #[serde(default)]
    deactivated: BTreeSet<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Words {
    #[serde(default)]
    exits: i32,
    #[serde(default)]
    says: Vec<String>,
    #[serde(default)]
    says_not: Vec<String>,
}

impl Words {
    fn judge(&self, said: Said, what: &str) {
        let all = format!("{}{}", said.out, said.err);
        // Tables and paragraphs are broken into lines of any length.
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = flat(&all);
        assert_eq!(said.code, self.exits, "{what}:\n{all}");
        for words in &self.says {
            assert!(
                told.contains(&flat(words)),
                "{what}: no {words:?} in:\n{all}"
            );
        }
        for words in &self.says_not {
            assert!(!told.contains(&flat(words)), "{what}: {words:?} in:\n{all}");
        }
    }
}

fn try_one(folder: &Path) {
    let read = |name: &str| fs::read(folder.join(name));
    let text = |name: &str| String::from_utf8(read(name).unwrap()).unwrap();
    let expected: Expected = toml::from_str(&text("expected.toml")).unwrap();
    let mut place = Place::new(crate::BINARY);
    place.accounts =
        Some(text("accounts.toml").replace("/PLACE", &place.dir.path().display().to_string()));
    place.write();
    for user in &expected.users {
        place.stranger(user, user);
    }
    if let Ok(before) = read("before.ldif") {
        fs::write(place.path("directory.ldif"), before).unwrap();
        place.run(&["sync"]);
    }
    fs::write(
        place.path("directory.ldif"),
        read("directory.ldif").unwrap(),
    )
    .unwrap();
    expected.check.judge(place.run(&["check"]), "check");
    expected.plan.judge(place.run(&["plan", "--all"]), "plan");
    for class in &expected.approve {
        place.run(&["approve"]).exits(0);
        place.run(&["approve", class]).exits(0);
    }
    expected.sync.judge(place.run(&["sync"]), "sync");
    let users = place.sim.users();
    let people = users
        .iter()
        .filter(|u| u.username != "root.admin" && !u.is_bot);
    let wanted = |name: &str, email: &str| {
        let whole = format!("{name} <{email}>");
        match expected.active.contains(&whole) {
            true => whole,
            false => name.to_owned(),
        }
    };
    let active = people.clone().filter(|u| u.delete_at == 0);
    let active: BTreeSet<String> = active.map(|u| wanted(&u.username, &u.email)).collect();
    assert_eq!(active, expected.active, "active");
    let out = people.filter(|u| u.delete_at != 0);
    let out: BTreeSet<String> = out.map(|u| u.username.clone()).collect();
    assert_eq!(out, expected.deactivated, "deactivated");
}

#[test]
fn each_odd_directory_is_understood() {
    let all = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/directories"));
    let mut folders: Vec<PathBuf> = fs::read_dir(all)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    folders.sort();
    assert!(folders.len() >= 14, "{folders:?}");
    let mut failed = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let result = std::panic::catch_unwind(|| try_one(&folder));
        if let Err(why) = result {
            let why = why.downcast_ref::<String>().cloned().unwrap_or_default();
            failed.push(format!("== {name}: {why}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

//! What mattersync remembers: of the configuration, and in its state file.

use std::fs;
use std::process::Command;

use testkit::place::{Place, Said, run};

/// People `user00` and so on, all with users; nobody waits for the end of a grace.
fn company(people: usize) -> Place {
    let mut place = Place::new(crate::BINARY);
    place.more = "[policy]\ngrace = \"0s\"\n[guard]\nmissing = 20\nlocked = 20\n".into();
    for n in 0..people {
        place.add(&format!("user{n:02}"), "Ada", "Able");
    }
    place.run(&["sync"]).exits(0);
    place
}

fn active(place: &Place, name: &str) -> bool {
    place.sim.user_named(name).unwrap().delete_at == 0
}

fn filter(place: &Place, filter: &str) {
    place.write();
    let path = place.path("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    let filter = format!("[accounts]\nfilter = {filter:?}\n");
    fs::write(&path, text.replace("[accounts]\n", &filter)).unwrap();
}

#[test]
fn edge_11_a_changed_filter_takes_nobody_out_until_a_person_has_seen_who() {
    let place = company(12);
    filter(&place, "(&(objectClass=posixAccount)(!(uid=user07)))");
    let line = fs::read_to_string(place.path("config.toml")).unwrap();
    let line = line.lines().position(|l| l.starts_with("filter")).unwrap() + 1;
    for command in ["plan", "sync"] {
        let said = place.run(&[command]).exits(3);
        said.says("HELD: configuration:company")
            .says(&format!("config.toml line {line}) was"))
            .says("accounts.filter")
            .says("(!(uid=user07))")
            .says("user07@example.org");
        assert!(active(&place, "user07"));
    }
    // The mistake is corrected: nothing is left of it.
    place.write();
    place.run(&["sync"]).exits(0).says_not("HELD");
    // On purpose.
    filter(&place, "(&(objectClass=posixAccount)(!(uid=user07)))");
    place.run(&["sync"]).exits(3);
    place.run(&["approve"]).exits(0);
    place.run(&["approve", "configuration:company"]).exits(0);
    place.run(&["sync"]).exits(0).says("Deactivated 1 user");
    assert!(!active(&place, "user07"));
    place.run(&["plan"]).exits(0).says("Nothing to do");
}

fn copy(place: &Place, from: &str, to: &str) {
    fs::remove_dir_all(place.path(to)).unwrap_or_default();
    let (from, to) = (place.path(from), place.path(to));
    let cp = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(cp.unwrap().success());
}

/// The whole state directory is restored from last week's backup.
#[test]
fn edge_39_an_old_state_makes_and_deactivates_nobody_by_itself() {
    let mut place = company(12);
    copy(&place, "state", "backup");
    let users = |place: &Place| place.sim.users().len();
    // A week: five come and two leave.
    for n in 12..17 {
        place.add(&format!("user{n:02}"), "Ada", "Able");
    }
    place.edit("user00", |p| p.expires = 1);
    place.edit("user01", |p| p.expires = 1);
    place.run(&["sync"]).exits(0).says("Created 5 users");
    let before = users(&place);
    // The copy comes back; three leave and one comes on the same day.
    copy(&place, "backup", "state");
    for n in 2..5 {
        place.edit(&format!("user{n:02}"), |p| p.expires = 1);
    }
    place.add("user17", "Ada", "Able");
    let writes = place.sim.writes();
    let said = place.run(&["sync"]).exits(3);
    said.says("the state file seems to be an older copy")
        .says("HELD: restored")
        .says("Deactivated 3 users")
        .says("HELD: adopt: 5 wanted");
    assert_eq!(place.sim.writes(), writes + 3, "a lock is seen today");
    let said = place.run(&["state", "check"]).exits(1);
    said.says("user12: carries the mark");
    place.run(&["approve"]).exits(0);
    place.run(&["approve", "adopt"]).exits(0);
    place.run(&["approve", "restored"]).exits(0);
    // Nobody said a word about these users themselves.
    let said = place.run(&["explain", "user12"]).exits(0);
    said.says("adopt the existing user").says_not("Kept");
    place.run(&["sync"]).exits(0).says("Adopted 5 users");
    assert_eq!(users(&place), before + 1);
    assert!(!active(&place, "user00") && !active(&place, "user02"));
    assert!(active(&place, "user12") && active(&place, "user17"));
    place.run(&["state", "check"]).exits(0);
}

/// Runs a script where the state directory is a small disk of its own, which is gone afterwards.
fn on_small_disk(place: &Place, script: &str) -> Said {
    let state = place.path("state");
    let own = format!(
        "set -e; cp -a '{state}' '{state}.kept'; mount -t tmpfs -o size=8m,mode=0700 none '{state}'\n\
         cp -a '{state}.kept/.' '{state}/'\n\
         run() {{ set +e; \"$@\"; echo \"exit $?\"; set -e; }}\n\
         fill() {{ cat /dev/zero > '{state}/filler' 2>/dev/null || true; \
         truncate -s -\"$1\" '{state}/filler'; }}\n\
         free() {{ rm '{state}/filler'; }}\n{script}\ncp -a '{state}/.' '{state}.kept/'",
        state = state.display()
    );
    let program = place.command(&[]);
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &own, "sh"]);
    command.arg(program.get_program()).args(program.get_args());
    run(&mut command)
}

#[test]
fn edge_90_a_full_disk_loses_nothing_and_sends_nothing_that_is_not_written_down() {
    let mut place = company(12);
    for n in 12..90 {
        place.add(&format!("user{n:02}"), "Ada", "Able");
    }
    let users = place.sim.users().len();
    // First no room at all, then none for the beginning of the run, then too little for its end.
    let script = "fill 0; run \"$@\" sync; run \"$@\" plan\n\
                  free; fill 70K; run \"$@\" sync; run \"$@\" state check\n\
                  free; fill 600K; run \"$@\" sync\n\
                  free; echo THERE IS SPACE; run \"$@\" sync; run \"$@\" state check";
    let said = on_small_disk(&place, script).exits(0);
    let all = format!("{}{}", said.out, said.err);
    let (full, space) = said.out.split_once("THERE IS SPACE").unwrap();
    assert_eq!(full.matches("exit 74").count(), 3, "{all}");
    assert!(
        full.contains("Create 78 users"),
        "a look is possible: {all}"
    );
    assert!(full.contains("Nothing is wrong"), "{all}");
    assert!(said.err.contains("No space left"), "{all}");
    assert!(said.err.contains("the disk is full"), "{all}");
    assert!(
        said.err
            .contains("the run was stopped because it could not be recorded"),
        "{all}"
    );
    assert!(
        space.contains("exit 0") && space.contains("Nothing is wrong"),
        "{all}"
    );
    assert_eq!(place.sim.users().len(), users + 78, "nobody twice: {all}");
    let db = rusqlite::Connection::open(place.path("state.kept/state.sqlite")).unwrap();
    let links: i64 = db
        .query_row("SELECT count(user) FROM accounts", [], |row| row.get(0))
        .unwrap();
    assert_eq!(links, 90);
}

#[test]
fn edge_90_a_read_only_disk_is_told_and_nothing_is_sent() {
    let mut place = company(12);
    place.add("user12", "Ada", "Able");
    let writes = place.sim.writes();
    let script = format!(
        "mount -o remount,ro '{}'; run \"$@\" sync; run \"$@\" plan; exit 0",
        place.path("state").display()
    );
    let said = on_small_disk(&place, &script);
    let all = format!("{}{}", said.out, said.err);
    assert!(said.out.contains("exit 74"), "{all}");
    assert!(said.err.contains("ead-only"), "{all}");
    assert!(said.out.contains("Create 1 user"), "{all}");
    assert_eq!(place.sim.writes(), writes, "{all}");
}

//! What only the file has: owners, versions, readers, copies.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rusqlite::Connection;

use super::*;
use crate::model::{Absence, Approval, HoldKey, Kept, Memory, Order, Return};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The words of the error with which opening fails.
fn objection(directory: &Path) -> String {
    match State::open(directory) {
        Err(error @ (StateError::Open { .. } | StateError::Failed { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let place = place();
    let directory = place.path().join("deep/state");
    let store = open(&directory);
    store.observe(nonce(1)).await.unwrap();
    let run = store
        .begin(&plan(vec![reactivate(1, "a")]), "c", &at(1))
        .await
        .unwrap();
    store
        .intend(run, &[StepId(1)], nonce(2), Timestamp(2))
        .await
        .unwrap();
    let (memory, steps) = (
        store.load().await.unwrap(),
        store.unsettled().await.unwrap(),
    );
    assert_eq!((memory.accounts.len(), steps.len()), (2, 1));
    drop(store);
    let store = open(&directory);
    assert_eq!(store.load().await.unwrap(), memory);
    assert_eq!(store.unsettled().await.unwrap(), steps);
    let late = store.finish(run, true, Timestamp(3)).await;
    assert!(
        matches!(late, Err(StateError::Refused(_))),
        "opening closes it: {late:?}"
    );
    assert_eq!(store.runs(1).await.unwrap()[0].ended, None);
}

#[tokio::test]
async fn only_the_owner_may_read() {
    let place = place();
    let directory = place.path().join("state");
    let store = open(&directory);
    let run = store.begin(&plan(vec![]), "", &at(1)).await.unwrap();
    store.finish(run, true, Timestamp(2)).await.unwrap();
    store.counts().await.unwrap();
    assert_eq!(mode(&directory), 0o700);
    let mut names: Vec<String> = Vec::new();
    for found in fs::read_dir(&directory).unwrap() {
        let found = found.unwrap();
        assert_eq!(mode(&found.path()), 0o600, "{:?}", found.path());
        names.push(found.file_name().into_string().unwrap());
    }
    names.sort();
    let expected = [
        "last-run",
        "lease",
        "state.sqlite",
        "state.sqlite-shm",
        "state.sqlite-wal",
        "state.sqlite.copy",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_place_that_everybody_can_write_is_refused() {
    let place = place();
    drop(open(place.path()));
    chmod(place.path(), 0o777);
    assert!(objection(place.path()).contains("chmod 0700"));
    chmod(place.path(), 0o700);
    chmod(&place.path().join(FILE_NAME), 0o666);
    assert!(objection(place.path()).contains("chmod 0600"));
}

#[test]
fn one_process_writes() {
    let place = place();
    let store = open(place.path());
    match State::open(place.path()) {
        Err(StateError::Busy {
            holder: Some(holder),
            ..
        }) => {
            let pid = format!("pid {}, ", std::process::id());
            assert!(
                holder.starts_with(&pid) && holder.contains(", since 20"),
                "{holder}"
            );
        }
        other => panic!("{other:?}"),
    }
    drop(store);
    let lease = Lease::take(place.path()).unwrap();
    assert!(matches!(
        State::open(place.path()),
        Err(StateError::Busy { .. })
    ));
    drop(lease);
    assert_eq!(fs::read(place.path().join(LEASE_NAME)).unwrap(), b"");
    open(place.path());
}

#[test]
fn a_newer_file_is_not_touched() {
    let place = place();
    drop(open(place.path()));
    let path = place.path().join(FILE_NAME);
    let db = Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 7).unwrap();
    // Still in the write-ahead log, which the last one to close would fold into the file.
    let bytes = fs::read(&path).unwrap();
    let both = [
        State::open(place.path()).map(|_| ()),
        State::open_read_only(place.path()).map(|_| ()),
    ];
    for result in both {
        match result {
            Err(StateError::Newer {
                found: 7, known: 1, ..
            }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(fs::read(&path).unwrap(), bytes);
    drop(db);
    let bytes = fs::read(&path).unwrap();
    assert!(matches!(
        State::open(place.path()),
        Err(StateError::Newer { .. })
    ));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_file_of_somebody_else_is_refused() {
    let place = place();
    let path = place.path().join(FILE_NAME);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE songs (title)").unwrap();
    drop(other);
    let bytes = fs::read(&path).unwrap();
    assert!(objection(place.path()).contains("another program"));
    assert_eq!(fs::read(&path).unwrap(), bytes);
    fs::write(&path, "hello, this is my diary. ".repeat(100)).unwrap();
    assert!(objection(place.path()).contains("not an SQLite file"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(objection(place.path()).contains("not a file"));
}

#[tokio::test]
async fn a_first_start_that_was_cut_short_is_no_obstacle() {
    let place = place();
    fs::write(place.path().join(FILE_NAME), "").unwrap();
    assert!(State::open_read_only(place.path()).unwrap().is_none());
    let db = Connection::open(place.path().join(FILE_NAME)).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    drop(db);
    assert!(fs::metadata(place.path().join(FILE_NAME)).unwrap().len() > 0);
    assert!(State::open_read_only(place.path()).unwrap().is_none());
    open(place.path()).observe(nonce(1)).await.unwrap();
}

#[tokio::test]
async fn damage_is_told_with_the_way_out() {
    let place = place();
    let store = open(place.path());
    store
        .observe((0..2_000).flat_map(nonce).collect())
        .await
        .unwrap();
    drop(store);
    let path = place.path().join(FILE_NAME);
    let mut bytes = fs::read(&path).unwrap();
    bytes[40 * 4096..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let store = open(place.path());
    let word = store.load().await.unwrap_err().to_string();
    assert!(
        word.contains("is damaged") && word.contains(COPY_NAME),
        "{word}"
    );
}

#[tokio::test]
async fn a_value_that_we_did_not_write_is_told() {
    let place = place();
    let store = open(place.path());
    store.observe(nonce(1)).await.unwrap();
    let db = Connection::open(place.path().join(FILE_NAME)).unwrap();
    db.execute("UPDATE accounts SET memory = 'oops'", [])
        .unwrap();
    let word = store.load().await.unwrap_err().to_string();
    assert!(word.contains("(accounts: expected value"), "{word}");
}

#[tokio::test]
async fn readers_read_beside_the_writer() {
    let place = place();
    assert!(
        State::open_read_only(&place.path().join("none"))
            .unwrap()
            .is_none()
    );
    let store = open(place.path());
    store.observe(nonce(1)).await.unwrap();
    let reader = State::open_read_only(place.path()).unwrap().unwrap();
    assert_eq!(reader.load().await.unwrap(), store.load().await.unwrap());
    store.observe(nonce(2)).await.unwrap();
    assert_eq!(reader.load().await.unwrap(), store.load().await.unwrap());
    assert!(matches!(
        reader.observe(nonce(3)).await,
        Err(StateError::Refused(_))
    ));
    let db = super::super::file::for_reading(place.path())
        .unwrap()
        .unwrap();
    let sneaky = db.execute("DELETE FROM accounts", []);
    let word = Fault::from(sneaky.unwrap_err())
        .at(place.path())
        .to_string();
    assert!(word.contains("cannot be written"), "{word}");
}

#[tokio::test]
async fn a_reader_reads_what_a_killed_writer_left() {
    let place = place();
    let store = open(&place.path().join("alive"));
    store.observe(nonce(1)).await.unwrap();
    let left = place.path().join("left");
    fs::create_dir(&left).unwrap();
    for name in ["state.sqlite", "state.sqlite-wal"] {
        fs::copy(place.path().join("alive").join(name), left.join(name)).unwrap();
    }
    let reader = State::open_read_only(&left).unwrap().unwrap();
    assert_eq!(reader.load().await.unwrap(), store.load().await.unwrap());
}

#[test]
fn a_reader_does_not_migrate() {
    let place = place();
    drop(open(place.path()));
    let db = Connection::open(place.path().join(FILE_NAME)).unwrap();
    db.pragma_update(None, "user_version", 0).unwrap();
    let word = State::open_read_only(place.path()).unwrap_err().to_string();
    assert!(word.contains("has schema 0"), "{word}");
}

#[tokio::test]
async fn a_changing_run_leaves_a_copy_that_can_take_over() {
    let place = place();
    let copy = place.path().join(COPY_NAME);
    let store = open(place.path());
    let idle = store.begin(&plan(vec![]), "", &at(1)).await.unwrap();
    store.finish(idle, false, Timestamp(2)).await.unwrap();
    store.counts().await.unwrap();
    assert!(!copy.exists());
    let mut restored: PathBuf = PathBuf::new();
    for round in 0..2 {
        let run = store
            .begin(&plan(vec![reactivate(1, "a")]), "", &at(1))
            .await
            .unwrap();
        store.observe(nonce(round)).await.unwrap();
        store.finish(run, true, Timestamp(2)).await.unwrap();
        store.counts().await.unwrap();
        restored = place.path().join(format!("restored-{round}"));
        fs::create_dir(&restored).unwrap();
        fs::copy(&copy, restored.join(FILE_NAME)).unwrap();
        let other = open(&restored);
        assert_eq!(other.load().await.unwrap(), store.load().await.unwrap());
        assert_eq!(other.runs(9).await.unwrap(), store.runs(9).await.unwrap());
    }
    let db = Connection::open(restored.join(FILE_NAME)).unwrap();
    let verdict: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    assert_eq!(
        fs::read(&copy).unwrap()[18..20],
        [1, 1],
        "needs no write-ahead log"
    );
}

#[tokio::test]
async fn what_a_copy_left_behind_does_not_stay() {
    let place = place();
    let left = |log: &str| place.path().join(format!("{COPY_NAME}.new{log}"));
    let logs = ["", "-journal", "-wal"];
    for log in logs {
        fs::write(left(log), "cut short").unwrap();
    }
    let store = open(place.path());
    assert!(logs.iter().all(|log| !left(log).exists()), "at the start");
    // What cannot be renamed to the copy is taken away again.
    fs::create_dir(place.path().join(COPY_NAME)).unwrap();
    let run = store.begin(&plan(vec![]), "", &at(1)).await.unwrap();
    store.finish(run, true, Timestamp(2)).await.unwrap();
    store.counts().await.unwrap();
    assert!(place.path().join(COPY_NAME).is_dir());
    assert!(!left("").exists(), "after a failure");
}

#[tokio::test]
async fn a_copy_that_fails_stops_nothing() {
    let place = place();
    let store = open(place.path());
    fs::create_dir(place.path().join("state.sqlite.copy.new")).unwrap();
    let run = store.begin(&plan(vec![]), "", &at(1)).await.unwrap();
    store.finish(run, true, Timestamp(2)).await.unwrap();
    store.observe(nonce(1)).await.unwrap();
    assert!(!place.path().join(COPY_NAME).exists());
}

/// What may have been done, or taken back, since an older copy was made is forgotten; the rest stays.
#[tokio::test]
async fn an_older_copy_forgets_what_must_not_be_believed_and_nothing_else() {
    let place = place();
    let store = open(place.path());
    let run = store.begin(&plan(vec![]), "", &at(1)).await.unwrap();
    store.finish(run, true, Timestamp(2)).await.unwrap();
    let absence = Absence {
        first: at(1),
        last: at(2),
        certain: Duration::from_secs(1),
        readings: 3,
    };
    let back = Return {
        first: Timestamp(1),
        readings: 1,
    };
    let order = Order {
        by: "alice".into(),
        at: Timestamp(1),
    };
    let approval = Approval {
        steps: BTreeSet::new(),
        by: "alice".into(),
        at: Timestamp(1),
        until: Timestamp(2),
    };
    let kept = Kept {
        by: "alice".into(),
        at: Timestamp(1),
        witness: false,
    };
    let stays = vec![
        Remember::Account(key("a"), AccountChange::Link(Some(link("user-a")))),
        Remember::Account(key("b"), AccountChange::Begun(Some(Nonce::new("n").into()))),
        Remember::Account(key("c"), AccountChange::Waiting(Some(Timestamp(1).into()))),
        Remember::User(UserId::new("user-k"), UserChange::Kept(Some(kept))),
    ];
    let goes = vec![
        Remember::Account(key("a"), AccountChange::Absence(Some(absence))),
        Remember::Account(key("a"), AccountChange::Returning(Some(back))),
        Remember::User(UserId::new("user-a"), UserChange::Order(Some(order))),
        Remember::Hold(HoldKey::Clock, HoldChange::Shown(Some(BTreeSet::new()))),
        Remember::Hold(HoldKey::Clock, HoldChange::Approval(Some(approval))),
    ];
    store.observe(stays.clone()).await.unwrap();
    store.observe(goes).await.unwrap();
    let full = store.load().await.unwrap();
    assert_eq!((full.holds.len(), full.users.len()), (1, 2));
    let account = full.account(&key("a"));
    assert!(account.absence.is_some() && account.returning.is_some());
    drop(store);
    fs::write(place.path().join("last-run"), "7\n").unwrap();

    let mut wanted = Memory::default();
    for change in &stays {
        wanted.remember(change);
    }
    let reader = State::open_read_only(place.path()).unwrap().unwrap();
    let mut read = reader.load().await.unwrap();
    assert!(
        read.server
            .restored
            .take()
            .is_some_and(|r| r.how.contains("7"))
    );
    assert_eq!(read, wanted, "who may only read believes no more");
    drop(reader);
    let mut written = open(place.path()).load().await.unwrap();
    assert!(written.server.restored.take().is_some());
    assert_eq!(written, wanted);
}

/// The log of the file that goes is not the log of the one that comes: SQLite would play it into
/// the copy.
#[tokio::test]
async fn a_copy_that_is_put_back_is_as_it_was_made_whatever_log_lies_there() {
    let place = place();
    let alive = place.path().join("alive");
    let store = open(&alive);
    store.observe(nonce(1)).await.unwrap();
    let run = store
        .begin(&plan(vec![reactivate(1, "a")]), "", &at(1))
        .await
        .unwrap();
    store.finish(run, true, Timestamp(2)).await.unwrap();
    store.counts().await.unwrap();
    let copied = store.load().await.unwrap();
    store.observe(nonce(2)).await.unwrap();
    for lost in [false, true] {
        let left = place.path().join(format!("left-{lost}"));
        fs::create_dir(&left).unwrap();
        for name in ["state.sqlite", "state.sqlite-wal", COPY_NAME] {
            fs::copy(alive.join(name), left.join(name)).unwrap();
        }
        if lost {
            fs::remove_file(left.join(FILE_NAME)).unwrap();
        }
        let log = fs::read(left.join("state.sqlite-wal")).unwrap();
        assert!(!log.is_empty(), "the test needs a log");
        let aside = restore(&left).unwrap();
        assert_eq!(aside.is_none(), lost);
        if let Some(aside) = aside {
            let kept = format!("{}-wal", aside.display());
            assert_eq!(
                fs::read(kept).unwrap(),
                log,
                "the old log is kept with its file"
            );
        }
        let back = open(&left);
        assert_eq!(back.load().await.unwrap().accounts, copied.accounts);
        drop(back);
        let db = Connection::open(left.join(FILE_NAME)).unwrap();
        let verdict: String = db
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(verdict, "ok");
    }
}

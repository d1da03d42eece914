//! Commits: shared by what waits, and what becomes of the others when one command fails.

use std::fs;
use std::sync::mpsc::channel;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use rusqlite::Connection;

use super::*;

/// Queues all while the thread is busy, so that they are taken up together.
async fn together<'a>(
    store: &'a SqliteStore,
    mut commands: Vec<BoxFuture<'a, Result<(), StateError>>>,
) -> Vec<Result<(), StateError>> {
    let (open, gate) = channel::<()>();
    let mut first = store.write(move |_| {
        let _ = gate.recv();
        Ok(())
    });
    assert!((&mut first).now_or_never().is_none());
    for command in &mut commands {
        assert!(command.now_or_never().is_none());
    }
    drop(open);
    first.await.unwrap();
    join_all(commands).await
}

#[tokio::test]
async fn what_waits_shares_one_commit() {
    let place = place();
    let store = open(place.path());
    let log = place.path().join("state.sqlite-wal");
    let before = fs::metadata(&log).unwrap().len();
    let commands = (0..200)
        .map(|number| store.observe(nonce(number)))
        .collect();
    let answers = together(&store, commands).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(store.load().await.unwrap().nonces.len(), 200);
    let frames = (fs::metadata(&log).unwrap().len() - before) / (4096 + 24);
    assert!((1..20).contains(&frames), "{frames} pages were written");
}

#[tokio::test]
async fn one_that_fails_undoes_only_itself() {
    let place = place();
    let store = open(place.path());
    store
        .observe(vec![Remember::Link(key("a"), link("u"))])
        .await
        .unwrap();
    let mut clash = nonce(2);
    clash.push(Remember::Link(key("b"), link("u")));
    let answers = together(
        &store,
        vec![
            store.observe(nonce(1)),
            store.observe(clash),
            store.observe(nonce(3)),
        ],
    )
    .await;
    let went_well: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(went_well, [true, false, true]);
    let nonces: Vec<_> = store.load().await.unwrap().nonces.into_keys().collect();
    assert_eq!(nonces, [key("1"), key("3")]);
}

#[tokio::test]
async fn one_that_ends_the_transaction_takes_nobody_along() {
    let place = place();
    let store = open(place.path());
    // SQLite does the same by itself when a disk fails in the middle of a transaction.
    let fatal = store.write(|db| {
        db.execute_batch("ROLLBACK")?;
        Ok(db.execute_batch("no sql")?)
    });
    let answers = together(
        &store,
        vec![store.observe(nonce(1)), fatal, store.observe(nonce(3))],
    )
    .await;
    let went_well: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(went_well, [true, false, true]);
    assert_eq!(store.load().await.unwrap().nonces.len(), 2);
}

#[tokio::test]
async fn a_full_disk_is_told_and_survived() {
    let place = place();
    let store = open(place.path());
    store.observe(nonce(0)).await.unwrap();
    let limit = |pages: i64| {
        store.write(move |db| {
            Ok(db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?)
        })
    };
    limit(1).await.unwrap();
    let big = || store.observe((0..5_000).flat_map(nonce).collect());
    match big().await {
        Err(StateError::Failed { path, what }) => {
            assert!(
                path.ends_with(FILE_NAME) && what.contains("disk is full"),
                "{what}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(store.load().await.unwrap().nonces.len(), 1);
    limit(1_000_000).await.unwrap();
    big().await.unwrap();
    assert_eq!(store.load().await.unwrap().nonces.len(), 5_000);
}

#[tokio::test]
async fn a_lock_of_another_program_is_told() {
    let place = place();
    let store = open(place.path());
    let impatient = store.write(|db| Ok(db.busy_timeout(Duration::ZERO)?));
    impatient.await.unwrap();
    let other = Connection::open(place.path().join(FILE_NAME)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let word = store.observe(nonce(1)).await.unwrap_err().to_string();
    assert!(word.contains("another program keeps it locked"), "{word}");
    assert!(store.load().await.unwrap().nonces.is_empty());
    other.execute_batch("COMMIT").unwrap();
    store.observe(nonce(1)).await.unwrap();
}

#[tokio::test]
async fn what_is_queued_is_done_before_the_store_closes() {
    let place = place();
    let store = open(place.path());
    for number in 0..50 {
        assert!(store.observe(nonce(number)).now_or_never().is_none());
    }
    drop(store);
    assert_eq!(open(place.path()).load().await.unwrap().nonces.len(), 50);
}

#[tokio::test]
async fn a_thread_that_is_gone_is_an_error() {
    let place = place();
    let store = open(place.path());
    let dead: Result<(), StateError> = store.write(|_| panic!("meant")).await;
    assert_eq!(dead, Err(StateError::Closed));
    assert_eq!(store.observe(nonce(1)).await, Err(StateError::Closed));
}

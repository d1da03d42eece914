//! Commits: shared by what waits, and what becomes of the others when one command fails.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use rusqlite::Connection;

use super::sqlite::SqliteFile;
use super::*;

/// A state over a file that can be worked on without its rules.
fn with_file(directory: &Path) -> (State, Arc<SqliteFile>) {
    let file = Arc::new(State::file(directory).unwrap());
    (State::over(Box::new(Arc::clone(&file))), file)
}

/// Queues all while the thread is busy, so that they are taken up together.
async fn together<'a>(
    file: &'a SqliteFile,
    mut commands: Vec<BoxFuture<'a, Result<(), StateError>>>,
) -> Vec<Result<(), StateError>> {
    let (open, gate) = channel::<()>();
    let first = file.work(true, move |_| {
        let _ = gate.recv();
        Ok(())
    });
    let mut first = first.boxed();
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
    let (store, file) = with_file(place.path());
    let log = place.path().join("state.sqlite-wal");
    let before = fs::metadata(&log).unwrap().len();
    let commands = (0..200)
        .map(|number| store.observe(nonce(number)).boxed())
        .collect();
    let answers = together(&file, commands).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(store.load().await.unwrap().accounts.len(), 200);
    let frames = (fs::metadata(&log).unwrap().len() - before) / (4096 + 24);
    assert!((1..20).contains(&frames), "{frames} pages were written");
}

#[tokio::test]
async fn one_that_fails_undoes_only_itself() {
    let place = place();
    let (store, file) = with_file(place.path());
    store
        .observe(vec![Remember::Account(
            key("a"),
            AccountChange::Link(Some(link("u"))),
        )])
        .await
        .unwrap();
    let mut clash = nonce(2);
    clash.push(Remember::Account(
        key("b"),
        AccountChange::Link(Some(link("u"))),
    ));
    let answers = together(
        &file,
        vec![
            store.observe(nonce(1)).boxed(),
            store.observe(clash).boxed(),
            store.observe(nonce(3)).boxed(),
        ],
    )
    .await;
    let went_well: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(went_well, [true, false, true]);
    let memory = store.load().await.unwrap();
    let nonces = memory.accounts_with(|account| account.begun.as_ref());
    let nonces: Vec<_> = nonces.map(|(key, _)| key.clone()).collect();
    assert_eq!(nonces, [key("1"), key("3")]);
}

#[tokio::test]
async fn one_that_ends_the_transaction_takes_nobody_along() {
    let place = place();
    let (store, file) = with_file(place.path());
    // SQLite does the same by itself when a disk fails in the middle of a transaction.
    let fatal = file
        .work(true, |db| -> Result<(), Fault> {
            db.execute_batch("ROLLBACK")?;
            Ok(db.execute_batch("no sql")?)
        })
        .boxed();
    let answers = together(
        &file,
        vec![
            store.observe(nonce(1)).boxed(),
            fatal,
            store.observe(nonce(3)).boxed(),
        ],
    )
    .await;
    let went_well: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(went_well, [true, false, true]);
    assert_eq!(store.load().await.unwrap().accounts.len(), 2);
}

#[tokio::test]
async fn a_full_disk_is_told_and_survived() {
    let place = place();
    let (store, file) = with_file(place.path());
    store.observe(nonce(0)).await.unwrap();
    let limit = |pages: i64| {
        file.work(true, move |db| {
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
    assert_eq!(store.load().await.unwrap().accounts.len(), 1);
    limit(1_000_000).await.unwrap();
    big().await.unwrap();
    assert_eq!(store.load().await.unwrap().accounts.len(), 5_000);
}

#[tokio::test]
async fn a_lock_of_another_program_is_told() {
    let place = place();
    let (store, file) = with_file(place.path());
    let impatient = file.work(true, |db| Ok(db.busy_timeout(Duration::ZERO)?));
    impatient.await.unwrap();
    let other = Connection::open(place.path().join(FILE_NAME)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let word = store.observe(nonce(1)).await.unwrap_err().to_string();
    assert!(word.contains("another program keeps it locked"), "{word}");
    assert!(store.load().await.unwrap().accounts.is_empty());
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
    assert_eq!(open(place.path()).load().await.unwrap().accounts.len(), 50);
}

#[tokio::test]
async fn a_thread_that_is_gone_is_an_error() {
    let place = place();
    let (store, file) = with_file(place.path());
    let dead: Result<(), StateError> = file.work(true, |_| panic!("meant")).await;
    assert_eq!(dead, Err(StateError::Closed));
    assert_eq!(store.observe(nonce(1)).await, Err(StateError::Closed));
}

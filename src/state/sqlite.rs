//! Keeps rows in SQLite: in a file of the state directory, or in memory.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use rusqlite::Connection;

use super::copy_facts::integrity;
use super::directory::{cannot, which};
use super::fault::Fault;
use super::fence::Fence;
use super::rows::SqliteRows;
use super::store::{Rows, Store, Work};
use super::worker::{Worker, WorkerState};
use super::{Lease, StateError, mark, migrations};
use crate::model::RunId;

/// Keeps rows in an SQLite file, on a thread of its own.
///
/// Work that is queued at the same time shares one commit, and so one wait for the disk: call
/// concurrently where the order does not matter. Work is queued when its future is first polled;
/// after that it is carried out even if the future is dropped.
///
/// Dropping the store carries out what is queued and releases the lease before it returns.
#[derive(Debug)]
pub(super) struct SqliteFile {
    worker: Worker,
    path: PathBuf,
    fence: Option<Fence>,
    /// The device and inode of the file that was opened for writing.
    opened: Option<(u64, u64)>,
}

impl SqliteFile {
    /// Serves a file that was opened for writing under the lease of this number.
    pub(super) fn writer(
        db: Connection,
        path: PathBuf,
        lease: Lease,
        fence: Fence,
    ) -> Result<Self, StateError> {
        let opened = which(&path).map_err(|error| cannot(&path, "cannot be read", &error))?;
        let desk = WorkerState {
            db,
            path: path.clone(),
            lease: Some(lease),
        };
        Ok(Self {
            worker: Worker::start("state", desk)?,
            path,
            fence: Some(fence),
            opened: Some(opened),
        })
    }

    /// Serves a file that was opened for reading.
    pub(super) fn reader(db: Connection, path: PathBuf) -> Result<Self, StateError> {
        let desk = WorkerState {
            db,
            path: path.clone(),
            lease: None,
        };
        Ok(Self {
            worker: Worker::start("state-reader", desk)?,
            path,
            fence: None,
            opened: None,
        })
    }

    /// Does a piece of work on the connection, in one transaction.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        writes: bool,
        work: impl FnMut(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StateError> {
        self.same_file()?;
        self.worker.ask(writes, work).await
    }

    /// Refuses to write if the file was deleted or replaced, because what is written to it is lost.
    fn same_file(&self) -> Result<(), StateError> {
        let Some(opened) = self.opened else {
            return Ok(());
        };
        let what = match which(&self.path) {
            Ok(now) if now == opened => return Ok(()),
            Ok(_) => {
                "was replaced by another file while mattersync ran; nothing is done until \
                 mattersync is restarted: it then reads the file that is there now"
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                "was deleted or moved away while mattersync ran; nothing is done any more. Stop \
                 mattersync; put the file back, or type `mattersync state restore`, which puts \
                 the last copy in its place; then start mattersync again"
            }
            Err(error) => return Err(cannot(&self.path, "cannot be read", &error)),
        };
        Err(StateError::Failed {
            path: self.path.display().to_string(),
            what: what.to_owned(),
        })
    }
}

impl Store for SqliteFile {
    fn transact(&self, writes: bool, mut work: Work) -> BoxFuture<'_, Result<(), StateError>> {
        self.work(writes, move |db| work(&mut SqliteRows(db)))
            .boxed()
    }

    fn fence(&self) -> Option<Fence> {
        self.fence
    }

    fn began(&self, run: RunId) {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        mark::raised(directory, run);
    }

    fn copy(&self) -> Result<(), StateError> {
        self.worker.copy()
    }

    fn tidy(&self) -> Result<(), StateError> {
        self.worker.tidy()
    }

    fn scrub(&self) -> BoxFuture<'_, Result<(), StateError>> {
        self.worker.scrub().boxed()
    }

    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StateError>> {
        self.work(false, integrity).boxed()
    }
}

/// Keeps rows in memory until it is dropped: for a look before there is a state directory, and for
/// tests. Work is done at once, on the calling thread.
#[derive(Debug)]
pub(super) struct SqliteMemory {
    db: Mutex<Connection>,
    fence: Fence,
}

impl SqliteMemory {
    /// Makes empty tables.
    pub(super) fn new() -> Result<Self, StateError> {
        let open = || -> Result<(Connection, Fence), Fault> {
            let mut db = Connection::open_in_memory()?;
            db.pragma_update(None, "foreign_keys", true)?;
            migrations::migrate(&mut db)?;
            let fence = SqliteRows(&db).raise_fence()?;
            Ok((db, fence))
        };
        let (db, fence) = open().map_err(without_path)?;
        Ok(Self {
            db: Mutex::new(db),
            fence,
        })
    }

    fn now(&self, work: &mut Work) -> Result<(), Fault> {
        // A transaction that a panic left open is rolled back when the next one fails to begin.
        let mut db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        let change = db.transaction()?;
        work(&mut SqliteRows(&change))?;
        Ok(change.commit()?)
    }
}

fn without_path(fault: Fault) -> StateError {
    fault.at(Path::new("memory"))
}

impl Store for SqliteMemory {
    fn transact(&self, _writes: bool, mut work: Work) -> BoxFuture<'_, Result<(), StateError>> {
        async move { self.now(&mut work).map_err(without_path) }.boxed()
    }

    fn fence(&self) -> Option<Fence> {
        Some(self.fence)
    }

    fn scrub(&self) -> BoxFuture<'_, Result<(), StateError>> {
        ready(Ok(())).boxed()
    }

    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StateError>> {
        ready(Ok(Vec::new())).boxed()
    }
}

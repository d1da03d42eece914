//! The state file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rusqlite::Connection;

use super::directory::{FILE_NAME, cannot, which};
use super::fault::Fault;
use super::mark;
use super::restore::integrity;
use super::rows::{about, clean, history, memory, notes, runs, to_json};
use super::worker::{Desk, Worker};
use super::{
    Erased, Lease, PastStep, RunHead, RunRecord, Settlement, StateError, Store, Unsettled, Which,
    Who, copy, open,
};
use crate::model::{
    About, AccountKey, Memory, MemoryDelta, Note, Now, Plan, Restored, RunId, StepId, Timestamp,
    UserId,
};

/// The memory in an SQLite file, on a thread of its own.
///
/// Commands that wait at the same time share one commit, and so one wait for the disk: ask
/// concurrently where the order does not matter. A command is queued when its future is first
/// polled; after that it is carried out even if the future is dropped.
///
/// Dropping the store carries out what is queued and releases the lease before it returns.
#[derive(Debug)]
pub struct SqliteStore {
    worker: Worker,
    path: PathBuf,
    may_write: bool,
    /// Device and inode of the file that was opened for writing.
    opened: Option<(u64, u64)>,
    /// The file may only be read, and the mark beside it says that it is an older copy.
    older: Option<Restored>,
}

impl SqliteStore {
    /// Takes the lease, opens or makes the state file and brings it to the present schema.
    ///
    /// Blocks for as long as the disk takes, and up to 5 s while another program keeps the file
    /// locked; later waiting is done on the store's own thread.
    ///
    /// # Errors
    ///
    /// [`StateError::Busy`] if another process has the lease, [`StateError::Newer`] for the file
    /// of a newer mattersync (which is not touched), [`StateError::Open`] if directory or file
    /// cannot be used or are not ours, [`StateError::Failed`] if writing fails.
    pub fn open(directory: &Path) -> Result<Self, StateError> {
        let lease = Lease::take(directory)?;
        let mut db = open::for_writing(directory)?;
        copy::clean(directory);
        let path = directory.join(FILE_NAME);
        let told = |fault: Fault| fault.tell(&path);
        runs::abandon(&db).map_err(told)?;
        let run = mark::last_run(&db).map_err(told)?;
        let marked = mark::read(directory);
        match mark::objection(marked, run) {
            Some(restored) => {
                tracing::warn!(
                    "{}. What would take something away, and creations, are held until \
                     `mattersync approve restored`",
                    restored.how
                );
                mark::confess(&mut db, &restored, marked.unwrap_or(run)).map_err(told)?;
            }
            None if marked != Some(run) => {
                note(mark::raise(directory, RunId(run)));
            }
            None => {}
        }
        Self::serve("state", db, path.clone(), Some(lease), None)
    }

    /// Opens the state file for reading, also while another process writes; `None` if there is no
    /// state yet. Everything that would write is refused with [`StateError::Refused`].
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::open`], but never [`StateError::Busy`]; a file with an older schema is
    /// an [`StateError::Open`], because bringing it up to date would be writing.
    pub fn open_read_only(directory: &Path) -> Result<Option<Self>, StateError> {
        let path = directory.join(FILE_NAME);
        let marked = mark::read(directory);
        match open::for_reading(directory)? {
            None => Ok(None),
            Some(db) => {
                let run = mark::last_run(&db).map_err(|fault| fault.tell(&path))?;
                let older = mark::objection(marked, run);
                Self::serve("state-reader", db, path, None, older).map(Some)
            }
        }
    }

    fn serve(
        name: &str,
        db: Connection,
        path: PathBuf,
        lease: Option<Lease>,
        older: Option<Restored>,
    ) -> Result<Self, StateError> {
        let may_write = lease.is_some();
        let opened = match may_write {
            true => Some(which(&path).map_err(|error| cannot(&path, "cannot be read", &error))?),
            false => None,
        };
        let desk = Desk {
            db,
            path: path.clone(),
            lease,
        };
        Ok(Self {
            worker: Worker::start(name, desk)?,
            path,
            may_write,
            opened,
            older,
        })
    }

    pub(super) fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StateError>> {
        async move {
            self.same_file()?;
            self.worker.ask(false, work).await
        }
        .boxed()
    }

    /// What is written to a file that was deleted or replaced is lost: then nothing is done any
    /// more, since nothing of it could be written down.
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

    pub(super) fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StateError>> {
        async move {
            if !self.may_write {
                let path = self.path.display();
                return Err(StateError::Refused(format!("{path} is open for reading")));
            }
            self.same_file()?;
            self.worker.ask(true, work).await
        }
        .boxed()
    }
}

impl Store for SqliteStore {
    fn load(&self) -> BoxFuture<'_, Result<Memory, StateError>> {
        async move {
            let mut memory = self.read(memory::load).await?;
            if let Some(older) = self.older.as_ref().filter(|_| memory.restored.is_none()) {
                mark::confessed(&mut memory, older);
            }
            Ok(memory)
        }
        .boxed()
    }

    fn observe(&self, delta: MemoryDelta) -> BoxFuture<'_, Result<(), StateError>> {
        if delta.is_empty() {
            // A cycle that taught nothing wakes no disk.
            return futures_util::future::ready(Ok(())).boxed();
        }
        self.write(move |db| memory::apply(db, &delta))
    }

    fn open_run<'a>(
        &'a self,
        plan: &'a Plan,
        config: &'a str,
        about: Option<&'a About>,
        now: &'a Now,
    ) -> BoxFuture<'a, Result<RunId, StateError>> {
        async move {
            let steps = runs::rows(&plan.steps).map_err(|fault| fault.tell(&self.path))?;
            let about = about.map(to_json).transpose();
            let about = about.map_err(|fault| fault.tell(&self.path))?;
            let (config, now) = (config.to_owned(), now.wall);
            let begin =
                move |db: &Connection| runs::begin(db, &steps, &config, about.as_deref(), now);
            let run = self.write(begin).await?;
            let directory = self.path.parent().unwrap_or(Path::new("."));
            note(mark::raise(directory, run));
            Ok(run)
        }
        .boxed()
    }

    fn intend<'a>(
        &'a self,
        run: RunId,
        steps: &'a [StepId],
        delta: MemoryDelta,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StateError>> {
        let steps = steps.to_vec();
        self.write(move |db| {
            runs::intend(db, run, &steps, now)?;
            memory::apply(db, &delta)
        })
    }

    fn conclude(
        &self,
        run: RunId,
        step: StepId,
        settlement: Settlement,
        delta: MemoryDelta,
    ) -> BoxFuture<'_, Result<(), StateError>> {
        self.write(move |db| {
            runs::settle(db, run, step, &settlement)?;
            memory::apply(db, &delta)
        })
    }

    fn finish(
        &self,
        run: RunId,
        changed: bool,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), StateError>> {
        async move {
            self.write(move |db| runs::finish(db, run, changed, now))
                .await?;
            if changed { self.worker.copy() } else { Ok(()) }
        }
        .boxed()
    }

    fn unsettled(&self) -> BoxFuture<'_, Result<Vec<Unsettled>, StateError>> {
        self.read(runs::unsettled)
    }

    fn runs(&self, most: u32) -> BoxFuture<'_, Result<Vec<RunRecord>, StateError>> {
        self.read(move |db| runs::runs(db, most))
    }

    fn steps_about<'a>(
        &'a self,
        account: Option<&'a AccountKey>,
        user: Option<&'a UserId>,
        most: u32,
    ) -> BoxFuture<'a, Result<Vec<PastStep>, StateError>> {
        let (account, user) = (account.cloned(), user.cloned());
        self.read(move |db| about::steps_about(db, account.as_ref(), user.as_ref(), most))
    }

    fn run(&self, run: RunId) -> BoxFuture<'_, Result<Option<RunRecord>, StateError>> {
        self.read(move |db| runs::run(db, run))
    }

    fn heads(&self, which: Which) -> BoxFuture<'_, Result<Vec<RunHead>, StateError>> {
        self.read(move |db| history::heads(db, &which))
    }

    fn known_as(&self, person: String) -> BoxFuture<'_, Result<Who, StateError>> {
        self.read(move |db| history::known_as(db, &person))
    }

    fn note(&self, note: Note) -> BoxFuture<'_, Result<(), StateError>> {
        self.write(move |db| notes::add(db, &note))
    }

    fn notes(&self, run: RunId) -> BoxFuture<'_, Result<Vec<Note>, StateError>> {
        self.read(move |db| notes::of(db, Some(run)))
    }

    fn loose_notes(&self) -> BoxFuture<'_, Result<Vec<Note>, StateError>> {
        self.read(|db| notes::of(db, None))
    }

    fn prune(
        &self,
        before: Timestamp,
        keep: BTreeSet<RunId>,
    ) -> BoxFuture<'_, Result<u64, StateError>> {
        async move {
            let kept = keep.clone();
            let any = self.read(move |db| {
                let old = clean::old(db, before, &kept)?;
                Ok(!old.is_empty() || clean::has_old_notes(db, before)?)
            });
            if !any.await? {
                return Ok(0);
            }
            let pruned = self
                .write(move |db| clean::prune(db, before, &keep))
                .await?;
            self.worker.tidy()?;
            Ok(pruned)
        }
        .boxed()
    }

    fn erase(
        &self,
        who: Who,
        delta: MemoryDelta,
        note: Note,
    ) -> BoxFuture<'_, Result<Erased, StateError>> {
        self.write(move |db| {
            let erased = clean::erase(db, &who, &note)?;
            memory::apply(db, &delta)?;
            Ok(erased)
        })
    }

    fn scrub(&self) -> BoxFuture<'_, Result<(), StateError>> {
        self.worker.scrub().boxed()
    }

    fn counts(&self) -> BoxFuture<'_, Result<BTreeMap<String, u64>, StateError>> {
        self.read(memory::counts)
    }

    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StateError>> {
        self.read(integrity)
    }

    fn last_run(&self) -> BoxFuture<'_, Result<RunId, StateError>> {
        async move { self.read(mark::last_run).await.map(RunId) }.boxed()
    }
}

/// Without its mark an older copy is only noticed by what Mattermost has.
fn note(raised: Result<(), StateError>) {
    if let Err(error) = raised {
        tracing::warn!("an older copy of the state file could not be recognised: {error}");
    }
}

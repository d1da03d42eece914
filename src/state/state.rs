//! [`State`], through which all other rooms remember.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::directory::FILE_NAME;
use super::fault::{Fault, lease_lost};
use super::history::{
    Erased, PastStep, People, RunFilter, RunHead, RunRecord, Settlement, Unsettled,
};
use super::json::to_json;
use super::rows::SqliteRows;
use super::sqlite::{SqliteFile, SqliteMemory};
use super::step_row::NewStep;
use super::store::{Rows, Store};
use super::{Lease, Outcome, StateError, copy, file, mark, rules};
use crate::model::{
    About, AccountKey, DirectoryId, Memory, MemoryDelta, Note, Now, Plan, ProviderName, Restored,
    RunId, StepId, Timestamp, UserId,
};

/// The memory of mattersync with its rules, over the rows of a [`Store`].
///
/// Each call waits for the disk; concurrent calls may share one commit. Every method fails if the
/// state cannot be read or written.
pub struct State {
    store: Box<dyn Store>,
    /// Set if the rows may only be read, and are known to be an older copy.
    older: Option<Restored>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fence = self.store.fence();
        f.debug_struct("State").field("fence", &fence).finish()
    }
}

impl State {
    /// Takes the lease, opens or makes the state file and brings it to the present schema.
    ///
    /// Blocks until the disk answers, and for up to 5 s while another program keeps the file
    /// locked. Later calls wait on the store's own thread.
    ///
    /// # Errors
    ///
    /// [`StateError::Busy`] if another process has the lease, [`StateError::Newer`] for the file
    /// of a newer mattersync (which is not touched), [`StateError::Open`] if directory or file
    /// cannot be used or are not ours, [`StateError::Failed`] if writing fails.
    pub fn open(directory: &Path) -> Result<Self, StateError> {
        Self::open_over(directory, |file| file)
    }

    /// Opens the state as [`State::open`] does, with another store between the rules and the file.
    ///
    /// # Errors
    /// As [`State::open`].
    pub fn open_over(
        directory: &Path,
        between: impl FnOnce(Box<dyn Store>) -> Box<dyn Store>,
    ) -> Result<Self, StateError> {
        Ok(Self::over(between(Box::new(Self::file(directory)?))))
    }

    pub(super) fn file(directory: &Path) -> Result<SqliteFile, StateError> {
        let lease = Lease::take(directory)?;
        let mut db = file::for_writing(directory)?;
        copy::clean(directory);
        let path = directory.join(FILE_NAME);
        let at_path = |fault: Fault| fault.at(&path);
        let mut rows = SqliteRows(&db);
        rows.abandon_runs().map_err(at_path)?;
        let fence = rows.raise_fence().map_err(at_path)?;
        let run = rows.last_run().map_err(at_path)?;
        let marked = mark::read(directory);
        match mark::objection(marked, run) {
            Some(restored) => {
                tracing::warn!(
                    "{}. Steps that take something away, and creations, are held until \
                     `mattersync approve restored`",
                    restored.how
                );
                mark::record_older_copy(&mut db, &restored, marked.unwrap_or(run))
                    .map_err(at_path)?;
            }
            None if marked != Some(run) => mark::raised(directory, run),
            None => {}
        }
        SqliteFile::writer(db, path.clone(), lease, fence)
    }

    /// Opens the state file for reading, even while another process writes; `None` if there is no
    /// state yet. Everything that would write is refused with [`StateError::Refused`].
    ///
    /// # Errors
    ///
    /// As [`State::open`], but never [`StateError::Busy`]; a file with an older schema is
    /// an [`StateError::Open`], because bringing it up to date would be writing.
    pub fn open_read_only(directory: &Path) -> Result<Option<Self>, StateError> {
        let path = directory.join(FILE_NAME);
        let marked = mark::read(directory);
        let Some(db) = file::for_reading(directory)? else {
            return Ok(None);
        };
        let run = SqliteRows(&db).last_run();
        let run = run.map_err(|fault| fault.at(&path))?;
        Ok(Some(Self {
            older: mark::objection(marked, run),
            ..Self::over(Box::new(SqliteFile::reader(db, path)?))
        }))
    }

    /// Returns a state in memory for a look at a state directory without a state file.
    ///
    /// # Errors
    ///
    /// [`StateError::Failed`] if there is no memory for it.
    pub fn before_the_first(directory: &Path) -> Result<Self, StateError> {
        Ok(Self {
            older: mark::lost(directory),
            ..Self::in_memory()?
        })
    }

    /// Returns a state in memory, which is forgotten when it is dropped.
    ///
    /// # Errors
    ///
    /// [`StateError::Failed`] if there is no memory for it.
    pub fn in_memory() -> Result<Self, StateError> {
        Ok(Self::over(Box::new(SqliteMemory::new()?)))
    }

    /// Returns a state over the rows of another store.
    pub fn over(store: Box<dyn Store>) -> Self {
        Self { store, older: None }
    }

    async fn transact<T: Send + 'static>(
        &self,
        writes: bool,
        mut work: impl FnMut(&mut dyn Rows) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StateError> {
        let result = Arc::new(Mutex::new(None));
        let place = Arc::clone(&result);
        let work = move |rows: &mut dyn Rows| {
            let result = work(rows)?;
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            Ok(())
        };
        self.store.transact(writes, Box::new(work)).await?;
        let mut result = result.lock().unwrap_or_else(PoisonError::into_inner);
        result.take().ok_or(StateError::Closed)
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Rows) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StateError> {
        self.transact(false, work).await
    }

    /// Writes, unless another process has taken the lease.
    async fn write<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut dyn Rows) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StateError> {
        let Some(ours) = self.store.fence() else {
            let why = "the state is open for reading".to_owned();
            return Err(StateError::Refused(why));
        };
        let fenced = move |rows: &mut dyn Rows| match rows.fence()? {
            newest if newest == ours => work(rows),
            newest => Err(lease_lost(ours, newest)),
        };
        self.transact(true, fenced).await
    }

    /// Reads everything that is remembered.
    pub async fn load(&self) -> Result<Memory, StateError> {
        let mut memory = self.read(|rows| rows.memory()).await?;
        if let Some(older) = &self.older
            && memory.server.restored.is_none()
        {
            for change in rules::doubted(&memory, older) {
                memory.remember(&change);
            }
        }
        Ok(memory)
    }

    /// Remembers what a reading or a person taught, in one transaction. Does nothing if there is
    /// nothing to remember.
    ///
    /// # Errors
    /// [`StateError::Refused`], here and for every other delta, for a link to a user that another
    /// account is linked to. Forget the old link first.
    pub async fn observe(&self, delta: MemoryDelta) -> Result<(), StateError> {
        match delta.is_empty() {
            true => Ok(()),
            false => self.write(move |rows| rules::apply(rows, &delta)).await,
        }
    }

    /// Records the beginning of a run with the steps of its plan, and closes an unfinished run.
    ///
    /// # Errors
    /// [`StateError::Refused`] for a plan in which two steps have one number.
    pub async fn open_run(
        &self,
        plan: &Plan,
        config: &str,
        about: Option<&About>,
        now: &Now,
    ) -> Result<RunId, StateError> {
        let in_plan = |fault: Fault| fault.at(Path::new("the plan"));
        let steps = NewStep::all(&plan.steps).map_err(in_plan)?;
        let about = about.map(to_json).transpose().map_err(in_plan)?;
        let (config, now) = (config.to_owned(), now.wall);
        let begin =
            move |rows: &mut dyn Rows| rules::begin(rows, &steps, &config, about.as_deref(), now);
        let run = self.write(begin).await?;
        self.store.began(run);
        Ok(run)
    }

    /// Opens a run as [`State::open_run`] does, with nothing else about it.
    ///
    /// # Errors
    /// As [`State::open_run`].
    #[cfg(any(test, feature = "rooms"))]
    pub async fn begin(&self, plan: &Plan, config: &str, now: &Now) -> Result<RunId, StateError> {
        self.open_run(plan, config, None, now).await
    }

    /// Records that these steps are about to be sent, and what must be remembered before that (the
    /// nonce of a creation), in one transaction. It is on disk when this returns. A second intent
    /// for a step changes only the memory.
    ///
    /// # Errors
    /// [`StateError::Refused`] if the run is not open, or a step is settled.
    pub async fn intend(
        &self,
        run: RunId,
        steps: &[StepId],
        delta: MemoryDelta,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let steps = steps.to_vec();
        let intend = move |rows: &mut dyn Rows| {
            rules::intend(rows, run, &steps, now)?;
            rules::apply(rows, &delta)
        };
        self.write(intend).await
    }

    /// Records the outcome of a step and what follows from it, in one transaction. The run may be
    /// closed: an unsettled step of an earlier run is settled in the same way. A step that was
    /// given up before anything was sent may be settled without an intent.
    ///
    /// # Errors
    /// [`StateError::Refused`] if the outcome is known already, so that nothing follows from it
    /// twice.
    pub async fn conclude(
        &self,
        run: RunId,
        step: StepId,
        settlement: Settlement,
        delta: MemoryDelta,
    ) -> Result<(), StateError> {
        let conclude = move |rows: &mut dyn Rows| {
            rules::settle(rows, run, step, &settlement)?;
            rules::apply(rows, &delta)
        };
        self.write(conclude).await
    }

    /// Records the outcome as [`State::conclude`] does, for a step that made nothing.
    ///
    /// # Errors
    /// As [`State::conclude`].
    pub async fn settle(
        &self,
        run: RunId,
        step: StepId,
        outcome: Outcome,
        delta: MemoryDelta,
        at: Timestamp,
    ) -> Result<(), StateError> {
        let settlement = Settlement {
            outcome,
            made: None,
            at,
        };
        self.conclude(run, step, settlement, delta).await
    }

    /// Records the end of an open run. If the run changed something, a copy is made soon after;
    /// this does not wait for it.
    ///
    /// # Errors
    /// [`StateError::Refused`] if the run is not open.
    pub async fn finish(
        &self,
        run: RunId,
        changed: bool,
        now: Timestamp,
    ) -> Result<(), StateError> {
        self.write(move |rows| rules::finish(rows, run, changed, now))
            .await?;
        if changed { self.store.copy() } else { Ok(()) }
    }

    /// Reads the steps of all runs whose outcome is not known and that no later run superseded,
    /// oldest run first, in the order of its plan.
    pub async fn unsettled(&self) -> Result<Vec<Unsettled>, StateError> {
        self.read(|rows| rows.unsettled()).await
    }

    /// Reads the newest runs, newest first, at most `most`.
    pub async fn runs(&self, most: u32) -> Result<Vec<RunRecord>, StateError> {
        self.read(move |rows| rows.runs(most)).await
    }

    /// Reads the newest steps of all runs that were about this account or this user, newest first,
    /// at most `most`.
    pub async fn steps_about(
        &self,
        account: Option<&AccountKey>,
        user: Option<&UserId>,
        most: u32,
    ) -> Result<Vec<PastStep>, StateError> {
        let (account, user) = (account.cloned(), user.cloned());
        self.read(move |rows| rows.steps_about(account.as_ref(), user.as_ref(), most))
            .await
    }

    /// Reads one run; `None` if there is no run with that number, or no longer.
    pub async fn run(&self, run: RunId) -> Result<Option<RunRecord>, StateError> {
        self.read(move |rows| rows.run(run)).await
    }

    /// Reads runs without their steps, newest first.
    pub async fn heads(&self, which: RunFilter) -> Result<Vec<RunHead>, StateError> {
        self.read(move |rows| rows.heads(&which)).await
    }

    /// Finds the people whom a text means in a link or in a recorded step: by username, address, DN
    /// or id, in any case.
    pub async fn known_as(&self, person: String) -> Result<People, StateError> {
        self.read(move |rows| rules::known_as(rows, &person)).await
    }

    /// Records something that was found out about a person.
    ///
    /// # Errors
    /// [`StateError::Refused`] if it names a run that does not exist.
    pub async fn note(&self, note: Note) -> Result<(), StateError> {
        self.write(move |rows| rules::note(rows, &note)).await
    }

    /// Reads what was noted in a run, oldest first.
    pub async fn notes(&self, run: RunId) -> Result<Vec<Note>, StateError> {
        self.read(move |rows| rows.notes(Some(run))).await
    }

    /// Reads what was noted outside of runs, oldest first.
    pub async fn loose_notes(&self) -> Result<Vec<Note>, StateError> {
        self.read(|rows| rows.notes(None)).await
    }

    /// Returns whether [`State::prune`] has something to forget; writes nothing.
    pub async fn has_old(
        &self,
        before: Timestamp,
        keep: BTreeSet<RunId>,
    ) -> Result<bool, StateError> {
        self.read(move |rows| rules::has_old(rows, before, &keep))
            .await
    }

    /// Forgets runs that began before a moment and have ended, the oldest first and at most 50 of
    /// them, with their steps and notes, and notes outside of runs too. Keeps runs with an
    /// unsettled step and those in `keep`. Returns how many runs were forgotten.
    pub async fn prune(&self, before: Timestamp, keep: BTreeSet<RunId>) -> Result<u64, StateError> {
        let pruned = self.write(move |rows| rules::prune(rows, before, &keep));
        let pruned = pruned.await?;
        self.store.tidy()?;
        Ok(pruned)
    }

    /// Gives everybody the new ids: in what is remembered, and in what is recorded about them, with a
    /// note of it, in one transaction.
    pub async fn renumber(
        &self,
        provider: ProviderName,
        ids: BTreeMap<DirectoryId, DirectoryId>,
        delta: MemoryDelta,
        note: Note,
    ) -> Result<(), StateError> {
        let renumber = move |rows: &mut dyn Rows| {
            rows.renumber(&provider, &ids)?;
            rules::apply(rows, &delta)?;
            rules::note(rows, &note)
        };
        self.write(renumber).await
    }

    /// Erases the steps and notes about some people, applies a delta and records a note, in one
    /// transaction. [`State::scrub`] then removes the traces.
    pub async fn erase(
        &self,
        who: People,
        delta: MemoryDelta,
        note: Note,
    ) -> Result<Erased, StateError> {
        let erase = move |rows: &mut dyn Rows| {
            let erased = rules::erase(rows, &who, &note)?;
            rules::apply(rows, &delta)?;
            Ok(erased)
        };
        self.write(erase).await
    }

    /// Removes what was deleted from the file, its log and its copy.
    pub async fn scrub(&self) -> Result<(), StateError> {
        self.store.scrub().await
    }

    /// Counts what is remembered, for `status`: `links`, `deactivated` (of the links),
    /// `absences`, `returns`, `names`, `creations-begun`, `waiting`, `addresses-waiting`, `orders`,
    /// `approvals`, `done`, `runs`, `steps`, `unsettled`.
    pub async fn counts(&self) -> Result<BTreeMap<String, u64>, StateError> {
        self.read(|rows| rules::counts(rows)).await
    }

    /// Returns what is wrong with the file itself; empty if nothing is.
    pub async fn verify(&self) -> Result<Vec<String>, StateError> {
        self.store.verify().await
    }

    /// Reads the number of the last run; 0 before the first.
    pub async fn last_run(&self) -> Result<RunId, StateError> {
        self.read(|rows| rows.last_run()).await
    }
}

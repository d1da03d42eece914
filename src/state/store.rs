//! The interface to where rows are kept: [`Store`] does work in transactions, on [`Rows`].
//!
//! A store knows no rule. What may follow what is written once, in [`super::rules`], and does not
//! depend on where the rows are. Another store (a server that several machines share) is another
//! implementation of these two traits.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;

use super::fault::Fault;
use super::fence::Fence;
use super::history::{Erased, PastStep, People, RunFilter, RunHead, RunRecord, Unsettled};
use super::step_row::{NewStep, StepRow};
use super::{RunState, StateError};
use crate::model::{
    AccountKey, AccountMemory, DirectoryId, Done, Fingerprint, HoldKey, HoldMemory, Memory, Note,
    PlaceId, PlaceMemory, ProviderMemory, ProviderName, RunId, ServerMemory, Step, StepId,
    Timestamp, UserId, UserMemory,
};

/// Work on rows. It may be called again after its first attempt was rolled back.
pub type Work = Box<dyn FnMut(&mut dyn Rows) -> Result<(), Fault> + Send>;

/// A place where rows are kept. One process at a time may write.
pub trait Store: Send + Sync {
    /// Does a piece of work in one transaction, which is on disk when this returns. Work that fails
    /// changes nothing. Work with `writes` false may see the rows as they were before work that is
    /// still queued.
    fn transact(&self, writes: bool, work: Work) -> BoxFuture<'_, Result<(), StateError>>;

    /// Returns the number of the lease that this store holds; `None` if it may only be read.
    fn fence(&self) -> Option<Fence>;

    /// Records that a run began, so that rows restored from a backup can be recognised later.
    fn began(&self, _run: RunId) {}

    /// Requests a copy of the rows, and does not wait for it.
    ///
    /// # Errors
    /// An error if the store is closed.
    fn copy(&self) -> Result<(), StateError> {
        Ok(())
    }

    /// Requests that the space of deleted rows is freed, and does not wait for it.
    ///
    /// # Errors
    /// An error if the store is closed.
    fn tidy(&self) -> Result<(), StateError> {
        Ok(())
    }

    /// Removes what was deleted from the rows, from logs and from copies.
    fn scrub(&self) -> BoxFuture<'_, Result<(), StateError>>;

    /// Returns what is wrong with the rows as a whole; empty if nothing is.
    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StateError>>;
}

/// The rows within a transaction. Each method reads or writes, and checks no rule.
pub trait Rows {
    /// Reads the number of the newest lease.
    fn fence(&mut self) -> Result<Fence, Fault>;
    /// Raises the number of the lease.
    fn raise_fence(&mut self) -> Result<Fence, Fault>;

    /// Reads everything that is remembered.
    fn memory(&mut self) -> Result<Memory, Fault>;
    /// Reads one record; an empty one if there is none, here and below.
    fn account(&mut self, key: &AccountKey) -> Result<AccountMemory, Fault>;
    /// Writes one record, or removes it if it is empty, here and below.
    fn put_account(&mut self, key: &AccountKey, record: &AccountMemory) -> Result<(), Fault>;
    /// Finds the account that is linked to a user.
    fn linked_to(&mut self, user: &UserId) -> Result<Option<AccountKey>, Fault>;
    /// Reads one record.
    fn user(&mut self, user: &UserId) -> Result<UserMemory, Fault>;
    /// Writes one record.
    fn put_user(&mut self, user: &UserId, record: &UserMemory) -> Result<(), Fault>;
    /// Reads one record.
    fn provider(&mut self, name: &ProviderName) -> Result<ProviderMemory, Fault>;
    /// Writes one record.
    fn put_provider(&mut self, name: &ProviderName, record: &ProviderMemory) -> Result<(), Fault>;
    /// Reads one record.
    fn place(&mut self, place: &PlaceId) -> Result<PlaceMemory, Fault>;
    /// Writes one record.
    fn put_place(&mut self, place: &PlaceId, record: &PlaceMemory) -> Result<(), Fault>;
    /// Reads one record, with the steps that its approval still releases.
    fn hold(&mut self, hold: &HoldKey) -> Result<HoldMemory, Fault>;
    /// Writes one record, with a row for each step that its approval releases.
    fn put_hold(&mut self, hold: &HoldKey, record: &HoldMemory) -> Result<(), Fault>;
    /// Removes a step from those that an approval releases. Returns whether it was the last one.
    fn take_released(&mut self, hold: &HoldKey, step: &Fingerprint) -> Result<bool, Fault>;
    /// Reads the record.
    fn server(&mut self) -> Result<ServerMemory, Fault>;
    /// Writes the record.
    fn put_server(&mut self, record: &ServerMemory) -> Result<(), Fault>;
    /// Adds a guarded step that was carried out.
    fn add_done(&mut self, done: &Done) -> Result<(), Fault>;
    /// Removes guarded steps that were carried out before a moment.
    fn remove_done(&mut self, before: Timestamp) -> Result<(), Fault>;

    /// Adds an open run. Its number is higher than any before, removed ones included.
    fn add_run(
        &mut self,
        began: Timestamp,
        config: &str,
        about: Option<&str>,
    ) -> Result<RunId, Fault>;
    /// Makes the number of the next run higher than this one.
    fn skip_runs(&mut self, to: RunId) -> Result<(), Fault>;
    /// Reads the number of the last run, 0 before the first.
    fn last_run(&mut self) -> Result<RunId, Fault>;
    /// Marks all open runs as abandoned.
    fn abandon_runs(&mut self) -> Result<(), Fault>;
    /// Reads the state of a run; `None` if there is no such run.
    fn run_state(&mut self, run: RunId) -> Result<Option<RunState>, Fault>;
    /// Marks a run as finished.
    fn finish_run(&mut self, run: RunId, changed: bool, at: Timestamp) -> Result<(), Fault>;
    /// Adds a step with its position in the run's plan. Returns whether its number was free.
    fn add_step(&mut self, run: RunId, place: usize, step: &NewStep) -> Result<bool, Fault>;
    /// Reads a step's row; `None` if there is no such step.
    fn step(&mut self, run: RunId, step: StepId) -> Result<Option<StepRow>, Fault>;
    /// Writes a step's row.
    fn put_step(&mut self, run: RunId, step: StepId, row: &StepRow) -> Result<(), Fault>;
    /// Finds the unsettled steps of earlier runs that make the same kind of change to the same
    /// account or, where there is none, to the same user.
    fn unsettled_like(&mut self, run: RunId, row: &StepRow) -> Result<Vec<(RunId, StepId)>, Fault>;

    /// Reads all unsettled steps, oldest run first, in the order of its plan.
    fn unsettled(&mut self) -> Result<Vec<Unsettled>, Fault>;
    /// Reads the newest runs with their steps, newest first.
    fn runs(&mut self, most: u32) -> Result<Vec<RunRecord>, Fault>;
    /// Reads one run with its steps.
    fn run(&mut self, run: RunId) -> Result<Option<RunRecord>, Fault>;
    /// Reads runs without their steps, newest first.
    fn heads(&mut self, which: &RunFilter) -> Result<Vec<RunHead>, Fault>;
    /// Reads the newest steps about an account or a user, newest first.
    fn steps_about(
        &mut self,
        account: Option<&AccountKey>,
        user: Option<&UserId>,
        most: u32,
    ) -> Result<Vec<PastStep>, Fault>;
    /// Reads the steps of all runs that contain a text anywhere, in any case, or are about the user
    /// with that id; each with its user.
    fn steps_with(&mut self, text: &str) -> Result<Vec<(Step, Option<UserId>)>, Fault>;
    /// Counts runs, steps, and steps that are unsettled.
    fn count_runs(&mut self) -> Result<(u64, u64, u64), Fault>;

    /// Adds a note.
    fn add_note(&mut self, note: &Note) -> Result<(), Fault>;
    /// Reads the notes of a run, or those outside of runs, oldest first.
    fn notes(&mut self, run: Option<RunId>) -> Result<Vec<Note>, Fault>;

    /// Finds the oldest runs that began before a moment, are over and have no unsettled step.
    fn old_runs(
        &mut self,
        before: Timestamp,
        keep: &BTreeSet<RunId>,
        most: usize,
    ) -> Result<Vec<RunId>, Fault>;
    /// Returns whether a note outside of runs is older than a moment.
    fn has_old_notes(&mut self, before: Timestamp) -> Result<bool, Fault>;
    /// Removes the notes outside of runs that are older than a moment.
    fn remove_old_notes(&mut self, before: Timestamp) -> Result<(), Fault>;
    /// Removes runs with their steps and notes.
    fn remove_runs(&mut self, runs: &[RunId]) -> Result<(), Fault>;
    /// Gives the accounts of a provider other ids, in the steps and notes about them.
    fn renumber(
        &mut self,
        provider: &ProviderName,
        ids: &BTreeMap<DirectoryId, DirectoryId>,
    ) -> Result<(), Fault>;
    /// Removes the steps and notes about some people.
    fn remove_about(&mut self, who: &People) -> Result<Erased, Fault>;
}

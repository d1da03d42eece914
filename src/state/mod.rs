//! What is remembered, on disk.
//!
//! [`Store`] is the wall: everything above speaks to it. [`SqliteStore`] keeps one file in the
//! state directory, under a [`Lease`]; [`MemoryStore`] keeps nothing, for a first look without a
//! state directory and for tests. Both obey the same rules, in these words:
//!
//! * A run is *open* from `begin` to `finish`. One run is open at a time: what was never
//!   finished is closed at the next `begin` and whenever the file is opened for writing.
//! * A step is *unsettled* from `intend` until its outcome is known. That may happen long after
//!   its run was closed. An intent for the same kind of change to the same account in a later
//!   run *supersedes* it: then only the newer outcome matters.
//! * A known outcome is final. So is an unknown one where a person was perhaps asked by mail
//!   ([`Made::asked`]): nothing will ever tell more, and the step is unsettled no longer.

mod copy;
mod directory;
mod fault;
mod history;
mod lease;
mod mark;
mod migrations;
mod open;
mod restore;
mod rows;
mod sqlite;
mod target;
#[cfg(test)]
mod tests;
mod volatile;
mod worker;

pub use directory::{COPY_NAME, FILE_NAME, LEASE_NAME, MARK_NAME};
pub use history::{Erased, RunHead, RunState, StepCount, Which, Who};
pub use lease::Lease;
pub use mark::lost;
pub use restore::{CopyFacts, look_at_copy, restore};
pub use sqlite::SqliteStore;
pub use volatile::MemoryStore;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;

pub use crate::model::Outcome;
use crate::model::{
    About, AccountKey, Made, Memory, MemoryDelta, Note, Now, Plan, RunId, Step, StepId, StepRecord,
    Timestamp, UserId,
};

/// A step whose outcome is not known: its intent was recorded, its outcome was not, or is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// The run.
    pub run: RunId,
    /// The step as it was planned.
    pub step: Step,
    /// When the intent was recorded.
    pub at: Timestamp,
}

/// One run as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// Its number.
    pub id: RunId,
    /// When it began.
    pub began: Timestamp,
    /// When it ended; `None` if it never did.
    pub ended: Option<Timestamp>,
    /// Whether it is open, was finished, or was closed because its process died.
    pub state: RunState,
    /// Digest of the configuration.
    pub config: String,
    /// What kind of run it was; `None` for one of a version that did not record it.
    pub about: Option<About>,
    /// The steps in the plan's order with what became of them.
    pub steps: Vec<StepRecord>,
}

/// What comes of a step, to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// What became of it.
    pub outcome: Outcome,
    /// What the server made of it, where it made something.
    pub made: Option<Made>,
    /// When that was known.
    pub at: Timestamp,
}

/// A step of an earlier run, about one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastStep {
    /// The run.
    pub run: RunId,
    /// When the run began.
    pub began: Timestamp,
    /// The step with what became of it.
    pub record: StepRecord,
}

/// The memory of mattersync. One process at a time holds it.
pub trait Store: Send + Sync {
    /// Everything that is remembered.
    fn load(&self) -> BoxFuture<'_, Result<Memory, StateError>>;

    /// Remembers what a reading or a person taught, in one transaction.
    ///
    /// A link to a user that another account is linked to is refused, here and in every other
    /// delta: one user stands for one account. Forget the old link first.
    fn observe(&self, delta: MemoryDelta) -> BoxFuture<'_, Result<(), StateError>>;

    /// Records the beginning of a run with all steps of its plan, and closes a run that was never
    /// finished. A plan in which two steps have one number is refused.
    fn open_run<'a>(
        &'a self,
        plan: &'a Plan,
        config: &'a str,
        about: Option<&'a About>,
        now: &'a Now,
    ) -> BoxFuture<'a, Result<RunId, StateError>>;

    /// [`Store::open_run`] of which nothing else is to be told.
    fn begin<'a>(
        &'a self,
        plan: &'a Plan,
        config: &'a str,
        now: &'a Now,
    ) -> BoxFuture<'a, Result<RunId, StateError>> {
        self.open_run(plan, config, None, now)
    }

    /// Records that these steps are about to be sent, and what must be remembered before they
    /// are (a creation's nonce), in one transaction. On disk when this returns. The run must be
    /// open and the steps not settled. A second intent for a step changes nothing but the delta.
    fn intend<'a>(
        &'a self,
        run: RunId,
        steps: &'a [StepId],
        delta: MemoryDelta,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StateError>>;

    /// Records what became of a step and what follows from it, in one transaction. The run may
    /// be closed: this is also how an unsettled step of an earlier run is settled. A step whose
    /// outcome is known already is refused, so that nothing follows from it twice. A step may be
    /// settled without an intent when it was given up before anything was sent.
    ///
    /// Each wait is a wait for the disk. The next steps of the same intent may be sent meanwhile:
    /// outcomes that are waited for together share one commit.
    fn conclude(
        &self,
        run: RunId,
        step: StepId,
        settlement: Settlement,
        delta: MemoryDelta,
    ) -> BoxFuture<'_, Result<(), StateError>>;

    /// [`Store::conclude`] for a step of which the server made nothing.
    fn settle(
        &self,
        run: RunId,
        step: StepId,
        outcome: Outcome,
        delta: MemoryDelta,
        at: Timestamp,
    ) -> BoxFuture<'_, Result<(), StateError>> {
        let settlement = Settlement {
            outcome,
            made: None,
            at,
        };
        self.conclude(run, step, settlement, delta)
    }

    /// Records the end of an open run. If it changed something, a copy of the file is made soon
    /// after; this does not wait for it.
    fn finish(
        &self,
        run: RunId,
        changed: bool,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), StateError>>;

    /// Steps of all runs whose outcome is not known and that no later run superseded, oldest run
    /// first, in the order of its plan.
    fn unsettled(&self) -> BoxFuture<'_, Result<Vec<Unsettled>, StateError>>;

    /// The newest runs, newest first, at most `most`.
    fn runs(&self, most: u32) -> BoxFuture<'_, Result<Vec<RunRecord>, StateError>>;

    /// The newest steps of all runs that were about this account or this user, newest first, at
    /// most `most`.
    fn steps_about<'a>(
        &'a self,
        account: Option<&'a AccountKey>,
        user: Option<&'a UserId>,
        most: u32,
    ) -> BoxFuture<'a, Result<Vec<PastStep>, StateError>>;

    /// One run; `None` if there is none of that number, or no longer.
    fn run(&self, run: RunId) -> BoxFuture<'_, Result<Option<RunRecord>, StateError>>;

    /// Runs without their steps, newest first.
    fn heads(&self, which: Which) -> BoxFuture<'_, Result<Vec<RunHead>, StateError>>;

    /// Everybody who is called so in a link or in a recorded step: by username, address, DN or id,
    /// whatever the case.
    fn known_as(&self, person: String) -> BoxFuture<'_, Result<Who, StateError>>;

    /// Writes down something about a person. A run that it names must exist.
    fn note(&self, note: Note) -> BoxFuture<'_, Result<(), StateError>>;

    /// What was noted in a run, oldest first.
    fn notes(&self, run: RunId) -> BoxFuture<'_, Result<Vec<Note>, StateError>>;

    /// What was noted outside of runs, oldest first.
    fn loose_notes(&self) -> BoxFuture<'_, Result<Vec<Note>, StateError>>;

    /// Forgets runs that began before a moment and are over, the oldest first and at most 50 of
    /// them, with their steps and notes; notes outside of runs too. Not those of which a step is
    /// unsettled, nor those to be kept. Returns how many runs; wakes no disk where there are none.
    fn prune(
        &self,
        before: Timestamp,
        keep: BTreeSet<RunId>,
    ) -> BoxFuture<'_, Result<u64, StateError>>;

    /// Erases the steps and notes about some people, applies a delta and writes a note, in one
    /// transaction. [`Store::scrub`] removes the traces.
    fn erase(
        &self,
        who: Who,
        delta: MemoryDelta,
        note: Note,
    ) -> BoxFuture<'_, Result<Erased, StateError>>;

    /// Leaves nothing of what was deleted in the file, its log and its copy.
    fn scrub(&self) -> BoxFuture<'_, Result<(), StateError>>;

    /// Counts of what is remembered, for `status`: `links`, `deactivated` (of the links),
    /// `absences`, `returns`, `names`, `nonces`, `waiting`, `addresses-waiting`, `orders`,
    /// `approvals`, `done`, `runs`, `steps`, `unsettled`.
    fn counts(&self) -> BoxFuture<'_, Result<BTreeMap<String, u64>, StateError>>;

    /// What is wrong with the file itself; empty when nothing is.
    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StateError>>;

    /// The number of the last run; 0 before the first.
    fn last_run(&self) -> BoxFuture<'_, Result<RunId, StateError>>;
}

/// Why the state could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The directory or file cannot be opened or made.
    #[error("{path}: {what}")]
    Open {
        /// Which file.
        path: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The file was written by a newer mattersync.
    #[error(
        "{path} has schema {found}, this mattersync knows up to {known}: \
         install the newer version again; the file was not touched"
    )]
    Newer {
        /// Which file.
        path: String,
        /// Its schema.
        found: i64,
        /// The newest that we know.
        known: i64,
    },
    /// Another process holds the lease.
    #[error("{path} is in use by another mattersync{}", holder.as_ref().map(|h| format!(" ({h})")).unwrap_or_default())]
    Busy {
        /// The lease file.
        path: String,
        /// What the holder wrote about itself.
        holder: Option<String>,
    },
    /// Reading or writing failed: full disk, read-only file system, damage.
    #[error("{path}: {what}")]
    Failed {
        /// Which file.
        path: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The caller asked for something that the rules of [`Store`] forbid; nothing was recorded.
    #[error("not recorded: {0}")]
    Refused(String),
    /// The state thread has ended.
    #[error("the state is closed")]
    Closed,
}

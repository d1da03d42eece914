//! Carries a plan out: order, batching, concurrency, preconditions and outcomes.
//!
//! The phases are carried out one after the other, and within a phase each step as soon as the
//! steps before it are done. The intent of a step is on disk before anything is sent, and its
//! outcome afterwards. A step that was sent and not answered has an unknown outcome until the next
//! cycle has read it.

mod applier;
mod breaker;
mod call;
mod outcomes;
mod queue;
mod report;
mod run;
mod seating;
mod tried;

pub use applier::Applier;
pub use report::{ApplyError, Event, Listener, Report};
pub use tried::{Attempt, RUNS, failed_twice};

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::FuturesUnordered;

use crate::model::{Memory, Plan, RunId};

use breaker::Breaker;
use queue::{Queue, last, untried_first};
use run::Run;
use seating::Seating;

impl Applier<'_> {
    /// Carries out the released steps of a plan whose run was begun as `id`.
    ///
    /// # Errors
    /// An error if the state cannot be written; then nothing more is sent.
    pub async fn carry_out(
        &self,
        plan: &Plan,
        id: RunId,
        memory: Memory,
    ) -> Result<Report, ApplyError> {
        let steps = untried_first(plan.released(), &memory);
        let mut run = Run {
            applier: self,
            id,
            queue: Queue::new(&steps, &last(&steps, &self.tried), self.team_batch),
            steps: steps.into_iter().map(|s| (s.id, s)).collect(),
            memory,
            users: BTreeMap::new(),
            teams: BTreeMap::new(),
            intended: BTreeSet::new(),
            doubted: BTreeSet::new(),
            begun: BTreeSet::new(),
            settled: BTreeSet::new(),
            done: BTreeSet::new(),
            report: Report::default(),
            seating: Seating::new(self.seats_taken),
            breaker: Breaker::default(),
            ended: false,
            given_up: BTreeSet::new(),
            put_off: BTreeSet::new(),
            settling: FuturesUnordered::new(),
        };
        run.go().await?;
        run.write_down().await?;
        Ok(run.report)
    }
}

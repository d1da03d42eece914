//! Carries a plan out: order, batching, concurrency, preconditions and outcomes.
//!
//! The phases are carried out one after the other, and within a phase each step as soon as the
//! steps before it are done. The intent of a step is on disk before anything is sent, and its
//! outcome afterwards. A step that was sent and not answered has an unknown outcome until the next
//! cycle has read it.

mod breaker;
mod call;
mod outcomes;
mod queue;
mod run;
mod seating;
mod tried;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use secrecy::SecretString;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::mattermost::{RandomError, Writer};
use crate::model::{
    ActionKind, Memory, PasswordPolicy, Plan, Roster, RunId, Step, StepId, TeamId, User, UserId,
};
use crate::state::{Outcome, State, StateError};

use breaker::Breaker;
use queue::{Queue, last, untried_first};
use seating::Seating;
pub use tried::{Attempt, RUNS, failed_twice};

/// How many steps have their intents recorded in one transaction.
const INTENTS: usize = 50;

/// How long calls in flight may take after a request to stop. systemd must wait longer than this.
const GRACE: Duration = Duration::from_secs(4);

/// The outcome of one step, reported while the run goes on.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// The step.
    pub step: &'a Step,
    /// The outcome.
    pub outcome: &'a Outcome,
    /// How many steps have an outcome now.
    pub settled: usize,
    /// How many steps there are.
    pub total: usize,
}

/// Receives the outcome of every step, for the journal and the terminal.
pub type Listener<'a> = dyn Fn(Event<'_>) + Send + Sync + 'a;

/// The result of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The steps that were carried out.
    pub done: Vec<StepId>,
    /// The steps that were not carried out, and why.
    pub not_done: Vec<(StepId, String)>,
    /// Those of them that found no seat left, as the server's refusal showed. The next cycle lists
    /// these people as waiting.
    pub waiting: Vec<StepId>,
    /// The steps whose outcome is not known, and why.
    pub unknown: Vec<(StepId, String)>,
    /// Why the run ended early or left something for the next cycle. Steps that are in none of the
    /// lists were not begun.
    pub stopped: Option<String>,
}

/// The run could not be recorded or prepared. Nothing more was sent.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The state could not be read or written.
    #[error("the run was stopped because it could not be recorded: {0}")]
    State(#[from] StateError),
    /// There were no random numbers for a password or nonce.
    #[error("the run was stopped: {0}")]
    Random(#[from] RandomError),
}

/// What a run needs.
pub struct Applier<'a> {
    /// The client that writes.
    pub writer: &'a Writer,
    /// Where intents and outcomes are recorded.
    pub store: &'a State,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The initial password of new users; without it each gets a random one.
    pub initial_password: Option<SecretString>,
    /// The server's rules for passwords, as far as they are known.
    pub password_policy: Option<PasswordPolicy>,
    /// The users as the plan saw them.
    pub users: &'a Roster<UserId, User>,
    /// Our own bot, where the server disables it together with its owner.
    pub own_bot: Option<&'a UserId>,
    /// Changes that failed again and again, which are tried after everything else.
    pub tried: BTreeSet<Attempt>,
    /// How many calls may be in flight at once.
    pub concurrency: usize,
    /// How many users took a seat when the plan was made.
    pub seats_taken: u64,
    /// Whether one call can add several users to a team.
    pub team_batch: bool,
    /// Becomes true when the run is to end.
    pub stop: watch::Receiver<bool>,
    /// Receives the outcome of every step.
    pub listener: &'a Listener<'a>,
}

/// A run that is being carried out.
struct Run<'a> {
    applier: &'a Applier<'a>,
    id: RunId,
    steps: BTreeMap<StepId, &'a Step>,
    memory: Memory,
    queue: Queue,
    /// Users and teams that steps of this run created.
    users: BTreeMap<StepId, UserId>,
    teams: BTreeMap<StepId, TeamId>,
    intended: BTreeSet<StepId>,
    /// Deactivations of which an earlier attempt may still arrive. What was recorded for that
    /// attempt stays, whatever the outcome of this one.
    doubted: BTreeSet<StepId>,
    begun: BTreeSet<StepId>,
    settled: BTreeSet<StepId>,
    done: BTreeSet<StepId>,
    report: Report,
    seating: Seating,
    breaker: Breaker,
    /// Whether nothing more is sent.
    ended: bool,
    /// Kinds of steps of which no more are sent.
    given_up: BTreeSet<ActionKind>,
    /// Steps that are left for the next cycle because of that.
    put_off: BTreeSet<StepId>,
    /// Outcomes that are being written: several share one wait for the disk. All are on disk before
    /// the next intents, and before the run ends.
    settling: FuturesUnordered<BoxFuture<'a, Result<(), StateError>>>,
}

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

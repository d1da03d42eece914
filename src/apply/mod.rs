//! Carrying a plan out: order, batching, concurrency, preconditions, what happened.
//!
//! Phase by phase, and within a phase step by step as soon as the steps before are done. Before
//! anything is sent its intent is on disk, afterwards its outcome. What was sent and not answered
//! stays unknown until the next cycle has read it.

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

/// Steps whose intents are recorded in one transaction.
const INTENTS: usize = 50;

/// How long calls in flight may still take once we were asked to stop. systemd is told to wait
/// longer than this.
const GRACE: Duration = Duration::from_secs(4);

/// What happened to one step.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Which step.
    pub step: &'a Step,
    /// What became of it.
    pub outcome: &'a Outcome,
    /// How many steps have an outcome now.
    pub settled: usize,
    /// How many steps there are.
    pub total: usize,
}

/// Hears of every step, for the journal and the terminal.
pub type Listener<'a> = dyn Fn(Event<'_>) + Send + Sync + 'a;

/// What became of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Steps that were carried out.
    pub done: Vec<StepId>,
    /// Steps that were not, and why.
    pub not_done: Vec<(StepId, String)>,
    /// Steps of those for whom the server had no seat left, as its refusal showed. The next cycle
    /// lists these people as waiting.
    pub waiting: Vec<StepId>,
    /// Steps of which nobody knows.
    pub unknown: Vec<(StepId, String)>,
    /// Why the run ended early or left something for the next cycle, if it did. Steps that are in
    /// none of the lists were not begun.
    pub stopped: Option<String>,
}

/// A run could not be recorded or prepared. Nothing more was sent.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The state refused.
    #[error("the run was stopped because it could not be written down: {0}")]
    State(#[from] StateError),
    /// No random numbers for a password or nonce.
    #[error("the run was stopped: {0}")]
    Random(#[from] RandomError),
}

/// What a run needs.
pub struct Applier<'a> {
    /// The way to the server.
    pub writer: &'a Writer,
    /// Where intents and outcomes are recorded.
    pub store: &'a State,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// The initial password of new users; random for each if not given.
    pub initial_password: Option<SecretString>,
    /// What passwords must be like, as far as the server told.
    pub password_policy: Option<PasswordPolicy>,
    /// The users as the plan saw them.
    pub users: &'a Roster<UserId, User>,
    /// The bot that we are, where the server disables it together with its owner.
    pub own_bot: Option<&'a UserId>,
    /// What failed again and again, and is tried after everything else.
    pub tried: BTreeSet<Attempt>,
    /// Calls that may be under way at once.
    pub concurrency: usize,
    /// How many users took a seat when the plan was made.
    pub seats_taken: u64,
    /// Whether several users go into one call that adds team members.
    pub team_batch: bool,
    /// Becomes true when the run shall end.
    pub stop: watch::Receiver<bool>,
    /// Hears of every step.
    pub listener: &'a Listener<'a>,
}

/// A run under way.
struct Run<'a> {
    applier: &'a Applier<'a>,
    id: RunId,
    steps: BTreeMap<StepId, &'a Step>,
    memory: Memory,
    queue: Queue,
    /// Users and teams that steps of this run made.
    users: BTreeMap<StepId, UserId>,
    teams: BTreeMap<StepId, TeamId>,
    intended: BTreeSet<StepId>,
    /// Deactivations of which an earlier attempt may still arrive: what was written down for it
    /// stays, whatever becomes of this one.
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
    /// Steps that are left for the next cycle for that reason.
    put_off: BTreeSet<StepId>,
    /// Outcomes on their way to the disk: several share one wait for it. All are there before
    /// the next intents, and before the run ends.
    settling: FuturesUnordered<BoxFuture<'a, Result<(), StateError>>>,
}

impl Applier<'_> {
    /// Carries out the released steps of a plan whose run was begun as `id`.
    ///
    /// # Errors
    /// When the state cannot be written: then nothing more is sent.
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

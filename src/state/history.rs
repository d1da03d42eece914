//! What is asked of the record.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{
    About, AccountKey, ActionKind, BestMatches, Identifiers, Link, Made, MatchedBy, Outcome,
    OutcomeKind, RunId, Step, StepRecord, Timestamp, UserId,
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

/// Whether a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It goes on.
    Open,
    /// It ended in order.
    Finished,
    /// Its process died, or it could not be written down.
    Abandoned,
}

/// A run without its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHead {
    /// Its number.
    pub id: RunId,
    /// When it began.
    pub began: Timestamp,
    /// When it ended; `None` if it never did.
    pub ended: Option<Timestamp>,
    /// Whether it is over.
    pub state: RunState,
    /// Digest of the configuration.
    pub config: String,
    /// What kind of run it was, if that was recorded.
    pub about: Option<About>,
    /// How many steps of each kind had which outcome, in alphabetical order.
    pub counts: Vec<StepCount>,
    /// E-mails that the steps which were carried out caused.
    pub mails: u64,
}

/// How many steps of a kind had an outcome.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepCount {
    /// The kind of step.
    pub action: ActionKind,
    /// What became of them.
    pub outcome: OutcomeKind,
    /// How many.
    pub number: u64,
}

/// Which runs are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Which {
    /// At most so many, the newest.
    pub last: Option<u32>,
    /// Those that began then or later.
    pub since: Option<Timestamp>,
    /// Those with steps about one of these, and only their steps are counted.
    pub who: Option<Who>,
}

/// One or more people, by the ids on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Their accounts.
    pub accounts: BTreeSet<AccountKey>,
    /// Their users.
    pub users: BTreeSet<UserId>,
}

impl Who {
    /// Nobody.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.users.is_empty()
    }

    /// Whether one of them is this account or this user.
    pub fn has(&self, account: Option<&AccountKey>, user: Option<&UserId>) -> bool {
        account.is_some_and(|key| self.accounts.contains(key))
            || user.is_some_and(|id| self.users.contains(id))
    }
}

/// Accounts with their users who are known by a text.
pub(super) type Candidates = BestMatches<(Option<AccountKey>, Option<UserId>)>;

/// All of those who are meant most surely.
pub(super) fn together(candidates: Candidates) -> Who {
    let mut who = Who::default();
    for (account, user) in candidates.found() {
        who.accounts.extend(account);
        who.users.extend(user);
    }
    who
}

/// What was erased of somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Steps.
    pub steps: u64,
    /// Notes.
    pub notes: u64,
}

/// What a typed text is of whom a step is about.
pub(super) fn is_about(step: &Step, user: Option<&UserId>, person: &str) -> Option<MatchedBy> {
    let mut known = Identifiers::subject(&step.subject);
    let account = step.action.account();
    known = known.and(account.map(Identifiers::key).unwrap_or_default());
    let user = user.or(step.action.user());
    known = known.and(user.map(Identifiers::id).unwrap_or_default());
    known.matched_by(person)
}

/// What a typed text is of whom a link is about.
pub(super) fn is_link_of(key: &AccountKey, link: &Link, person: &str) -> Option<MatchedBy> {
    Identifiers::link(key, link).matched_by(person)
}

impl RunRecord {
    /// The same without its steps.
    pub fn head(&self) -> RunHead {
        self.head_about(|_| true)
    }

    /// The same without its steps, some of which are counted.
    pub(super) fn head_about(&self, meant: impl Fn(&StepRecord) -> bool) -> RunHead {
        let steps: Vec<&StepRecord> = self.steps.iter().filter(|step| meant(step)).collect();
        let words = steps.iter();
        let words = words.map(|step| (step.step.action.kind(), step.outcome_kind()));
        let done = steps
            .iter()
            .filter(|step| step.outcome == Some(Outcome::Done));
        RunHead {
            id: self.id,
            began: self.began,
            ended: self.ended,
            state: self.state,
            config: self.config.clone(),
            about: self.about.clone(),
            counts: tally(words),
            mails: done.map(|step| u64::from(step.step.mails)).sum(),
        }
    }
}

/// Counts steps by kind and outcome.
pub(super) fn tally(steps: impl Iterator<Item = (ActionKind, OutcomeKind)>) -> Vec<StepCount> {
    let mut counts = std::collections::BTreeMap::new();
    for kind in steps {
        *counts.entry(kind).or_insert(0_u64) += 1;
    }
    let counts = counts.into_iter();
    counts
        .map(|((action, outcome), number)| StepCount {
            action,
            outcome,
            number,
        })
        .collect()
}

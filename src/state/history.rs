//! The types in which the record is queried.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{
    About, AccountKey, ActionKind, BestMatches, Identifiers, Link, Made, MatchedBy, Outcome,
    OutcomeKind, RunId, Step, StepRecord, Timestamp, UserId,
};

/// A step whose intent was recorded, and whose outcome was not, or is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// The number of the run.
    pub run: RunId,
    /// The step as it was planned.
    pub step: Step,
    /// When the intent was recorded.
    pub at: Timestamp,
}

/// One run as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// The number of the run.
    pub id: RunId,
    /// When it began.
    pub began: Timestamp,
    /// When the run ended; `None` if it never did.
    pub ended: Option<Timestamp>,
    /// Whether it is open, was finished, or was closed because its process died.
    pub state: RunState,
    /// The digest of the configuration.
    pub config: String,
    /// Everything else about the run; `None` for a run of a version that did not record it.
    pub about: Option<About>,
    /// The steps in the plan's order with their outcomes.
    pub steps: Vec<StepRecord>,
}

/// The result of a step, to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The outcome.
    pub outcome: Outcome,
    /// What the server made of the step.
    pub made: Option<Made>,
    /// When the outcome was known.
    pub at: Timestamp,
}

/// A step of an earlier run about one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastStep {
    /// The number of the run.
    pub run: RunId,
    /// When the run began.
    pub began: Timestamp,
    /// The step with its outcome.
    pub record: StepRecord,
}

/// Whether a run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// The run goes on.
    Open,
    /// The run was finished in order.
    Finished,
    /// The process of the run died, or the run could not be recorded.
    Abandoned,
}

/// A run without its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHead {
    /// The number of the run.
    pub id: RunId,
    /// When it began.
    pub began: Timestamp,
    /// When the run ended; `None` if it never did.
    pub ended: Option<Timestamp>,
    /// Whether the run has ended.
    pub state: RunState,
    /// The digest of the configuration.
    pub config: String,
    /// Everything else about the run, if that was recorded.
    pub about: Option<About>,
    /// How many steps of each kind had which outcome, in alphabetical order.
    pub counts: Vec<StepCount>,
    /// How many e-mails were sent because of the steps that were carried out.
    pub mails: u64,
}

/// How many steps of one kind had one outcome.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepCount {
    /// The kind of step.
    pub action: ActionKind,
    /// The outcome; a step that never arrived counts as not begun.
    pub outcome: OutcomeKind,
    /// The number of these steps.
    pub number: u64,
}

/// The runs that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFilter {
    /// At most this many runs, the newest.
    pub last: Option<u32>,
    /// Runs that began then or later.
    pub since: Option<Timestamp>,
    /// Runs with steps about one of these people. Only these steps are counted.
    pub who: Option<People>,
}

/// People, by their ids on both sides. A step is about one of them if one of its ids is here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    /// Their accounts.
    pub accounts: BTreeSet<AccountKey>,
    /// Their users.
    pub users: BTreeSet<UserId>,
}

impl People {
    /// Returns whether it contains nobody.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.users.is_empty()
    }

    /// Returns whether it contains this account or this user.
    pub fn has(&self, account: Option<&AccountKey>, user: Option<&UserId>) -> bool {
        account.is_some_and(|key| self.accounts.contains(key))
            || user.is_some_and(|id| self.users.contains(id))
    }
}

/// The accounts and users that match a typed text.
pub(super) type Candidates = BestMatches<(Option<AccountKey>, Option<UserId>)>;

/// Returns all that match most surely.
pub(super) fn all_matches(candidates: Candidates) -> People {
    let mut who = People::default();
    for (account, user) in candidates.found() {
        who.accounts.extend(account);
        who.users.extend(user);
    }
    who
}

/// How much was erased about people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// How many steps, of all runs.
    pub steps: u64,
    /// How many notes; the one about the erasing stays, and is not counted.
    pub notes: u64,
}

/// Returns how a typed text matches the person whom a step is about.
pub(super) fn is_about(step: &Step, user: Option<&UserId>, person: &str) -> Option<MatchedBy> {
    let mut known = Identifiers::subject(&step.subject);
    let account = step.action.account();
    known = known.and(Identifiers::replaced(&step.action));
    known = known.and(account.map(Identifiers::key).unwrap_or_default());
    let user = user.or(step.action.user());
    known = known.and(user.map(Identifiers::id).unwrap_or_default());
    known.matched_by(person)
}

/// Returns how a typed text matches the person of a link.
pub(super) fn is_link_of(key: &AccountKey, link: &Link, person: &str) -> Option<MatchedBy> {
    Identifiers::link(key, link).matched_by(person)
}

impl RunRecord {
    /// Returns the run without its steps.
    pub fn head(&self) -> RunHead {
        self.head_about(|_| true)
    }

    /// Returns the run without its steps, of which only some are counted.
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

/// Counts the steps of each kind and outcome.
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

//! The records of runs, for those who look at them later.
//!
//! All of them are JSON in the state file and in what `history --json` prints. A field may be
//! added; none may change its meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::{
    AccountKey, Aftermath, IdAttribute, Outcome, OutcomeKind, ProfileField, RunId, Step, StepId,
    TeamId, Timestamp, UserId,
};

/// Something that was found out about a person outside of the steps, for example what a user who
/// left leaves working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The run, or `None` for what happened outside of a run.
    pub run: Option<RunId>,
    /// When it was found out.
    pub at: Timestamp,
    /// The account, if it is about one.
    pub account: Option<AccountKey>,
    /// The user, if it is about one.
    pub user: Option<UserId>,
    /// What was found out.
    pub what: Noted,
}

/// What a note says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum Noted {
    /// Something is held since then.
    Held(HeldBack),
    /// Something is no longer held.
    HeldNoMore(HeldBack),
    /// A person was forgotten; the note does not tell which.
    Forgotten {
        /// Who asked for it.
        by: String,
    },
    /// A person approved new ids, and everybody got one.
    NewIds {
        /// Who approved.
        by: String,
        /// The attribute by which people were known.
        from: IdAttribute,
        /// The attribute by which they are known since.
        to: IdAttribute,
        /// How many accounts there were.
        accounts: usize,
    },
    /// What a user who left leaves working, or what works again for a user who returned.
    Aftermath(Aftermath),
}

/// Why a run began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum RunKind {
    /// The service's schedule.
    #[default]
    Scheduled,
    /// `mattersync sync`.
    Sync,
    /// `mattersync deactivate`.
    Deactivate,
    /// `mattersync undo`.
    Undo,
    /// A plan that was saved before.
    SavedPlan,
    /// Another command that carries something out by itself.
    Command,
}

impl RunKind {
    /// Returns the word used in lists and in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Why a run began, and who asked for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Why it began.
    pub kind: RunKind,
    /// The person who asked for it; `None` for the schedule.
    pub by: Option<String>,
}

impl Origin {
    /// Returns the origin of a run that a person asked for.
    pub fn asked(kind: RunKind, by: &str) -> Self {
        Self {
            kind,
            by: Some(by.to_owned()),
        }
    }
}

/// Everything about a run except its steps. It names nobody but the people who asked and approved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Why it began.
    pub origin: Origin,
    /// The version of mattersync.
    pub program: String,
    /// What each provider's reading was and proved; empty for a run that read no directory.
    pub readings: Vec<ReadingProof>,
    /// What was read of Mattermost.
    pub mattermost: MattermostProof,
    /// The approvals that released steps of the run.
    pub approvals: Vec<Released>,
    /// The holds at the time; their steps are not in the run.
    pub held: Vec<HeldBack>,
    /// How many steps were held, each counted once even if several holds keep it back. `None` where
    /// that was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_steps: Option<u64>,
    /// How many were left alone, by the kind of reason.
    pub left_alone: BTreeMap<String, u64>,
}

/// One provider's reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingProof {
    /// The provider's name.
    pub provider: String,
    /// The server or file that was read.
    pub source: String,
    /// The naming context that was read, and the attribute that is the id.
    pub context: String,
    /// What the server calls itself, if anything.
    pub server: Option<String>,
    /// How many usable accounts were read.
    pub accounts: u64,
    /// How many entries could not be used.
    pub rejected: u64,
    /// How many groups were read.
    pub groups: u64,
    /// Whether the reading proves that what it does not contain does not exist.
    pub proves_absence: bool,
    /// Why it does not prove that, in words.
    pub gaps: Vec<String>,
}

/// What was read of Mattermost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MattermostProof {
    /// The server's version.
    pub version: String,
    /// How many users there were, bots and deactivated users included.
    pub users: u64,
    /// How many accounts were linked to a user.
    pub linked: u64,
}

/// An approval that released steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// What was approved, as `mattersync approve` calls it.
    pub hold: String,
    /// The person who approved it.
    pub by: String,
    /// When it was approved.
    pub at: Timestamp,
    /// The steps of the run that it released.
    pub steps: Vec<StepId>,
}

/// A hold that kept steps out of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// The hold as `mattersync approve` calls it.
    pub hold: String,
    /// Why it was held, in words.
    pub why: String,
    /// How many steps it kept back.
    pub steps: u64,
}

/// What the server made of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The user that was created or adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Since when the user is deactivated, by the server's clock (`delete_at`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_at: Option<Timestamp>,
    /// The team that was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// What the server stored in the fields that were sent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stored: BTreeMap<ProfileField, String>,
    /// Whether the server asked the person to confirm a new address, which is not in force before
    /// that. If the outcome is unknown, it may have asked, and that is never found out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
}

impl Made {
    /// Merges the outcome with an earlier one of the same step: a user or a value that the earlier
    /// one names is kept where the later one names none.
    pub fn and_before(made: Option<Self>, before: Option<&Self>) -> Option<Self> {
        let Some(before) = before.filter(|made| made.user.is_some() || made.team.is_some()) else {
            return made;
        };
        let mut made = made.unwrap_or_default();
        made.user = made.user.or_else(|| before.user.clone());
        made.team = made.team.or_else(|| before.team.clone());
        Some(made)
    }
}

/// One step as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRecord {
    /// The step as it was planned.
    pub step: Step,
    /// The outcome; `None` if the step was never begun. It is [`Outcome::Unknown`] also if the step
    /// was begun and its outcome was not recorded.
    pub outcome: Option<Outcome>,
    /// When its intent was recorded.
    pub intended: Option<Timestamp>,
    /// When its outcome was recorded.
    pub settled: Option<Timestamp>,
    /// What the server made of the step.
    pub made: Option<Made>,
}

impl StepRecord {
    /// Returns the account that the step is about.
    pub fn account(&self) -> Option<&AccountKey> {
        self.step.action.account()
    }

    /// Returns the user that the step is about, or that it created.
    pub fn user(&self) -> Option<&UserId> {
        let made = self.made.as_ref().and_then(|made| made.user.as_ref());
        self.step.action.user().or(made)
    }

    /// Returns the kind of the outcome.
    pub fn outcome_kind(&self) -> OutcomeKind {
        let outcome = self.outcome.as_ref();
        outcome.map_or(OutcomeKind::NotBegun, Outcome::kind)
    }
}

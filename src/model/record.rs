//! What is written down about a run, for those who look at it later.
//!
//! All of it is JSON in the state file and in what `history --json` prints: a
//! field may be added, none changes its meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::{
    AccountKey, Aftermath, Outcome, OutcomeKind, ProfileField, RunId, Step, StepId, TeamId,
    Timestamp, UserId,
};

/// Something else that was found out about a person, for example what a leaver leaves alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// In which run; none for what happened outside of one.
    pub run: Option<RunId>,
    /// When.
    pub at: Timestamp,
    /// About which account, if about one.
    pub account: Option<AccountKey>,
    /// About which user, if about one.
    pub user: Option<UserId>,
    /// What was found out.
    pub what: Noted,
}

/// What a note says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum Noted {
    /// This is held since then.
    Held(HeldBack),
    /// This is held no longer.
    HeldNoMore(HeldBack),
    /// One person was forgotten; whom is not told.
    Forgotten {
        /// By whom.
        by: String,
    },
    /// What somebody who left leaves alive, or what wakes up with somebody who returned.
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
    /// The word used in lists and in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Why a run began, and who wanted it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Why it began.
    pub kind: RunKind,
    /// Who asked for it; none for the schedule.
    pub by: Option<String>,
}

impl Origin {
    /// What a person asked for.
    pub fn asked(kind: RunKind, by: &str) -> Self {
        Self {
            kind,
            by: Some(by.to_owned()),
        }
    }
}

/// What a run was: everything about it but its steps. It names no person but those who asked and
/// approved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Why it began.
    pub origin: Origin,
    /// The version of mattersync.
    pub program: String,
    /// What each provider's reading was and proved. Empty for a run that reads no directory.
    pub readings: Vec<ReadingProof>,
    /// What was read of Mattermost.
    pub mattermost: MattermostProof,
    /// Which approvals released steps of the run.
    pub approvals: Vec<Released>,
    /// What was held back at the time, and is not in the run.
    pub held: Vec<HeldBack>,
    /// How many steps that was: several may hold one step. None where it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_steps: Option<u64>,
    /// How many were looked at and left alone, by the kind of reason.
    pub left_alone: BTreeMap<String, u64>,
}

/// One provider's reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingProof {
    /// The provider's name.
    pub provider: String,
    /// The server or file that was read.
    pub source: String,
    /// What was read there: the naming context, and the attribute that is the id.
    pub context: String,
    /// What the server calls itself, if anything.
    pub server: Option<String>,
    /// Usable accounts that were read.
    pub accounts: u64,
    /// Entries that could not be used.
    pub rejected: u64,
    /// Groups that were read.
    pub groups: u64,
    /// Whether the reading proves that what is not in it is not there.
    pub proves_absence: bool,
    /// Why it does not, in words.
    pub gaps: Vec<String>,
}

/// What was read of Mattermost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MattermostProof {
    /// The server's version.
    pub version: String,
    /// All users, bots and deactivated ones included.
    pub users: u64,
    /// Accounts that were linked to a user.
    pub linked: u64,
}

/// An approval that released steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// What was approved, as `mattersync approve` calls it.
    pub hold: String,
    /// Who approved it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The steps of the run that it released.
    pub steps: Vec<StepId>,
}

/// A hold that kept steps out of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// As `mattersync approve` calls it.
    pub hold: String,
    /// Why, in words.
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
    /// The server asked the person to confirm a new address; it is not in force before that. Where
    /// the outcome is unknown it perhaps did, and nothing will ever tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
}

impl Made {
    /// Returns what is known after another settlement of the same step: whom and what an earlier one
    /// named stays known where the later one names nobody.
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
    /// What became of it; none if it was never begun. [`Outcome::Unknown`] also if it was begun
    /// and its outcome was not recorded.
    pub outcome: Option<Outcome>,
    /// When its intent was recorded.
    pub intended: Option<Timestamp>,
    /// When its outcome was.
    pub settled: Option<Timestamp>,
    /// What the server made of it.
    pub made: Option<Made>,
}

impl StepRecord {
    /// The account that it is about.
    pub fn account(&self) -> Option<&AccountKey> {
        self.step.action.account()
    }

    /// The user that it is about, also one that it made.
    pub fn user(&self) -> Option<&UserId> {
        let made = self.made.as_ref().and_then(|made| made.user.as_ref());
        self.step.action.user().or(made)
    }

    /// Returns the kind of what became of it.
    pub fn outcome_kind(&self) -> OutcomeKind {
        let outcome = self.outcome.as_ref();
        outcome.map_or(OutcomeKind::NotBegun, Outcome::kind)
    }
}

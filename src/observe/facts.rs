//! What one cycle read, planned and did: the only source of everything that is reported about it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{
    About, AccountChange, AccountKey, AccountState, ActionKind, Aftermath, Directory, Gap,
    HeldBack, Hold, HoldCause, LeftAlone, MattermostProof, Origin, Outcome, Plan, ProviderName,
    ReadingProof, Released, Remember, RunId, Seats, StepId, Timestamp, Unread, Version, Why,
};
use crate::plan::hold_name;

use super::mails::Mails;

/// What one reading of both sides found, and the plan that was made from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanFacts {
    /// What was read of each provider.
    pub directories: BTreeMap<ProviderName, DirectoryFacts>,
    /// Everything that could not be read, on either side; empty when both were read completely.
    #[serde(default)]
    pub incomplete: Vec<Unread>,
    /// How many users Mattermost has, bots and deactivated users included.
    pub users: usize,
    /// How many accounts are linked to a user.
    pub linked: usize,
    /// How many active human users have no account, and were not looked at by a person.
    #[serde(default)]
    pub orphans: usize,
    /// How many linked accounts belong to each provider that the configuration does not name.
    #[serde(default)]
    pub strangers: BTreeMap<ProviderName, usize>,
    /// The usernames of users whom another installation of mattersync seems to have made: each has
    /// the mark of a creation, and the name and address of an account without a link.
    #[serde(default)]
    pub made_elsewhere: Vec<String>,
    /// The server's version.
    pub version: Version,
    /// Its seats.
    pub seats: Seats,
    /// How many e-mails the released steps will cause.
    pub mails: u64,
    /// These e-mails by what they are about.
    pub mails_about: Mails,
    /// Each adoption with its account and its user.
    pub adoptions: Vec<Adoption>,
    /// The next date on which an account expires.
    #[serde(default)]
    pub next_expiry: Option<Timestamp>,
    /// What each directory that was read proved.
    #[serde(default)]
    pub readings: Vec<ReadingProof>,
    /// The plan itself.
    pub plan: Plan,
}

/// What was read of a provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DirectoryFacts {
    /// The server or file that was read.
    pub source: String,
    /// How many usable accounts were read.
    pub accounts: usize,
    /// How many groups were read.
    pub groups: usize,
    /// Why the reading does not prove absence; empty when it does.
    pub gaps: Vec<Gap>,
    /// Why the reading of groups is not complete.
    pub group_gaps: Vec<Gap>,
    /// How many accounts have a lock that cannot be seen.
    pub state_unknown: usize,
    /// The usernames of the first of them.
    #[serde(default)]
    pub some_unknown: Vec<String>,
}

/// How many of the accounts are named whose lock cannot be seen.
const NAMED: usize = 5;

impl DirectoryFacts {
    /// Returns the facts about a directory.
    pub fn of(directory: &Directory) -> Self {
        let accounts = directory.accounts.iter().map(|(_, account)| account);
        let unknown = accounts.filter(|a| matches!(a.state, AccountState::Unknown { .. }));
        let unknown = unknown.map(|account| account.username.clone());
        Self {
            source: directory.accounts.source().name.clone(),
            accounts: directory.accounts.len(),
            groups: directory.groups.len(),
            gaps: directory.accounts.gaps().to_vec(),
            group_gaps: directory.groups.gaps().to_vec(),
            state_unknown: directory.state_unknown,
            some_unknown: unknown.take(NAMED).collect(),
        }
    }
}

/// An adoption, with both sides as they were read before it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Adoption {
    /// The step of the plan that adopts.
    pub step: StepId,
    /// The account that is linked.
    pub account: Side,
    /// The user who was there before.
    pub user: Side,
}

/// One side of an adoption.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Side {
    /// The username in the directory, or the one on Mattermost.
    pub username: String,
    /// All addresses of the account, or the one of the user.
    pub emails: Vec<String>,
    /// The first and last name, as far as they are set.
    pub name: String,
    /// The DN, or the user's id.
    pub id: String,
    /// Whether it is active, in words.
    pub state: String,
    /// Whether it is active; `None` if that cannot be seen.
    #[serde(default)]
    pub active: Option<bool>,
    /// When the user was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Timestamp>,
    /// When the user was last active, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_active: Option<Timestamp>,
    /// Whether the user was never active.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never_active: bool,
    /// The service through which the user logs in; empty for a password.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub login: String,
    /// The other fields of the profile, from nickname to locale, by the field's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// With what a new user logs in for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirstPassword {
    /// With `mattermost.initial-password`.
    Initial,
    /// With one that the user asks the server for by e-mail: the random one is known to nobody.
    AskedFor,
}

/// What one cycle read, planned and did, for commands, the journal, the status and the record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CycleFacts {
    /// What was planned.
    pub plan: PlanFacts,
    /// The run, if anything was carried out.
    pub run: Option<RunId>,
    /// How many steps of each kind were carried out.
    pub done: BTreeMap<ActionKind, usize>,
    /// With what those log in who were created; `None` where nobody was.
    #[serde(default)]
    pub first_password: Option<FirstPassword>,
    /// The steps that were carried out.
    #[serde(default)]
    pub done_steps: Vec<StepId>,
    /// The steps that were not carried out, and why.
    pub not_done: Vec<(StepId, String)>,
    /// The steps for which the server had no seat left, as its refusal showed.
    #[serde(default)]
    pub waiting: Vec<StepId>,
    /// The steps whose outcome is not known, and why.
    pub unknown: Vec<(StepId, String)>,
    /// Why the run ended early; `None` if it did not.
    pub stopped: Option<String>,
    /// What users who left leave working, and what works again for users who returned.
    #[serde(default)]
    pub aftermath: Vec<Aftermath>,
    /// E-mails that the server sent because of steps that were carried out, or may have been.
    pub mails: Mails,
    /// How many requests were sent to Mattermost.
    pub requests: u64,
    /// How many of them were writes.
    pub writes: u64,
    /// How many of them were refused because of the rate limit.
    pub rate_limited: u64,
    /// How long the cycle took, in seconds.
    pub seconds: f64,
}

impl PlanFacts {
    /// Counts the usable accounts that were read.
    pub fn accounts(&self) -> usize {
        self.directories.values().map(|d| d.accounts).sum()
    }

    /// Counts the accounts whose lock cannot be seen.
    pub fn state_unknown(&self) -> usize {
        self.directories.values().map(|d| d.state_unknown).sum()
    }

    /// Returns the accounts whose date of expiry was seen for the first time.
    pub fn announced(&self) -> Vec<(&LeftAlone, Timestamp)> {
        let learned = self.plan.learned.iter();
        let new: BTreeSet<&AccountKey> = learned
            .filter_map(|change| match change {
                Remember::Account(key, AccountChange::Announced(Some(_))) => Some(key),
                _ => None,
            })
            .collect();
        let soon = self.plan.left_alone.iter();
        let soon = soon.filter_map(|left| match left.why {
            Why::ExpiresSoon { at, .. } => Some((left, at)),
            _ => None,
        });
        soon.filter(|(left, _)| {
            let key = left.subject.account.as_ref();
            key.is_some_and(|key| new.contains(key))
        })
        .collect()
    }

    /// Returns what is recorded about a run of this plan, beside its steps.
    pub fn about(&self, origin: Origin, approvals: Vec<Released>) -> About {
        let mut left_alone = BTreeMap::new();
        for left in &self.plan.left_alone {
            *left_alone.entry(left.why.kind().to_owned()).or_insert(0) += 1;
        }
        About {
            origin,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            readings: self.readings.clone(),
            mattermost: MattermostProof {
                version: self.version.to_string(),
                users: number(self.users),
                linked: number(self.linked),
            },
            approvals,
            held: self.plan.holds.iter().map(held_back).collect(),
            held_steps: Some(number(self.plan.kept_back().len())),
            left_alone,
        }
    }
}

impl CycleFacts {
    /// Returns whether nothing failed and nothing is unknown.
    pub fn is_clean(&self) -> bool {
        self.not_done.is_empty() && self.unknown.is_empty() && self.stopped.is_none()
    }

    /// Counts the steps that holds keep back.
    pub fn held(&self) -> usize {
        self.plan.plan.kept_back().len()
    }

    /// Returns the outcome of a step, if it was begun.
    #[cfg(any(test, feature = "rooms"))]
    pub fn outcome(&self, id: StepId) -> Option<Outcome> {
        if self.done_steps.contains(&id) {
            return Some(Outcome::Done);
        }
        let of = |list: &[(StepId, String)]| {
            list.iter()
                .find(|(step, _)| *step == id)
                .map(|(_, why)| why.clone())
        };
        if self.waiting.contains(&id) {
            return Some(Outcome::NotDone("waits for a seat".to_owned()));
        }
        of(&self.not_done)
            .map(Outcome::NotDone)
            .or_else(|| of(&self.unknown).map(Outcome::Unknown))
    }
}

/// Returns what is recorded about a hold; it names no person.
pub fn held_back(hold: &Hold) -> HeldBack {
    let mut cause = hold.cause.clone();
    if let HoldCause::Flapping { changes, .. } = &mut cause {
        changes.clear();
    }
    HeldBack {
        hold: hold_name(&hold.key),
        why: cause.to_string(),
        steps: number(hold.size()),
    }
}

fn number(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}

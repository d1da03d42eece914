//! What the daemon is doing and how it is: the phase, and apart from it the health.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cycle::{Stage, Wait, unseen};
use crate::model::{ProviderName, Timestamp, Unread, Why, printable};
use crate::observe::{CycleFacts, PlanFacts};
use crate::plan::{hold_name, why_left};

use super::config_file::{ConfigReport, FileNow};

/// What the daemon is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It waits for the next cycle.
    #[default]
    Idle,
    /// It reads both sides.
    Reading,
    /// It makes a plan.
    Planning,
    /// It carries a plan out.
    Applying {
        /// Steps with an outcome.
        settled: usize,
        /// Steps in all.
        total: usize,
    },
    /// It ends.
    Stopping,
}

impl From<Stage> for Phase {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Reading => Self::Reading,
            Stage::Planning => Self::Planning,
            Stage::Applying { settled, total } => Self::Applying { settled, total },
        }
    }
}

/// How the daemon is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Everything that was wanted was done.
    #[default]
    Well,
    /// Something waits for a person.
    Held(Vec<String>),
    /// Cycles cannot be finished, a side was read only in part, or steps fail.
    Degraded(Vec<String>),
}

/// What `mattersync status` tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The program's version.
    pub version: String,
    /// The daemon's process; none when no daemon runs.
    pub pid: Option<u32>,
    /// The configuration file.
    pub config: String,
    /// Whether the file says what is in force; none when no daemon runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_file: Option<ConfigReport>,
    /// What it is doing.
    pub phase: Phase,
    /// For what it waits while it does that.
    #[serde(default)]
    pub waits: Vec<Wait>,
    /// How it is.
    pub health: Health,
    /// What was held when somebody looked last, and how many steps each, where no service runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shown: BTreeMap<String, usize>,
    /// When the daemon began.
    pub since: Option<Timestamp>,
    /// The last cycle that was finished.
    pub last: Option<LastCycle>,
    /// Whether what stands in `last` was read for this report, and not by a cycle.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_anew: bool,
    /// The newest run in the state file, where no service runs that knows of its last cycle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<LastRun>,
    /// Cycles in a row that could not be finished.
    pub failures: u32,
    /// When the next cycle begins.
    pub next: Option<Timestamp>,
    /// Counts of what is remembered.
    pub counts: BTreeMap<String, u64>,
}

/// A run of the record in a few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Its number.
    pub run: i64,
    /// When it began.
    pub began: Timestamp,
    /// When it ended; none if it never did, or goes on.
    pub ended: Option<Timestamp>,
    /// Steps carried out.
    pub done: usize,
    /// Steps that were not, though their turn came, or of which nobody knows.
    pub failed: usize,
}

/// A finished cycle in a few words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LastCycle {
    /// When it was finished.
    pub at: Timestamp,
    /// How long it took.
    pub seconds: f64,
    /// Accounts that were read.
    pub accounts: usize,
    /// Mattermost's users.
    pub users: usize,
    /// Steps carried out.
    pub done: usize,
    /// Steps that were not, or of which nobody knows.
    pub failed: usize,
    /// Who was left alone for a reason.
    pub left_alone: usize,
    /// Active human users whom no account stands behind, and nobody has looked at.
    #[serde(default)]
    pub orphans: usize,
    /// Linked accounts of providers that the configuration does not name.
    #[serde(default)]
    pub strangers: BTreeMap<ProviderName, usize>,
    /// What is held: name and number of steps.
    pub held: BTreeMap<String, usize>,
    /// For how many accounts the lock cannot be seen.
    pub state_unknown: usize,
    /// Whose account expires within seven days, and when.
    #[serde(default)]
    pub expiring: Vec<Listed>,
    /// Who was reactivated by hand although the account is locked or missing.
    #[serde(default)]
    pub reactivated_by_hand: Vec<Listed>,
    /// Everything that could not be read, on either side; empty when both were read completely.
    #[serde(default)]
    pub incomplete: Vec<Unread>,
    /// Why the server would refuse the initial password, so that nobody could be created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_refused: Option<String>,
    /// Requests to Mattermost.
    pub requests: u64,
    /// Requests that write.
    pub writes: u64,
}

/// Somebody who is listed, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Whom: username, address, DN.
    pub who: String,
    /// What.
    pub what: String,
}

impl LastCycle {
    /// The numbers of a cycle.
    pub fn of(facts: &CycleFacts, at: Timestamp) -> Self {
        Self {
            at,
            seconds: facts.seconds,
            done: facts.done_steps.len(),
            failed: facts.not_done.len() + facts.unknown.len(),
            requests: facts.requests,
            writes: facts.writes,
            ..Self::read(&facts.plan)
        }
    }

    /// The numbers of what was read, before anything is done.
    pub fn read(read: &PlanFacts) -> Self {
        let plan = &read.plan;
        let holds = plan.holds.iter();
        let listed = |is: fn(&Why) -> bool| {
            let left = plan.left_alone.iter().filter(|left| is(&left.why));
            let listed = left.map(|left| Listed {
                who: left.subject.to_string(),
                what: why_left(left),
            });
            listed.collect()
        };
        Self {
            accounts: read.accounts(),
            users: read.users,
            left_alone: plan.left_alone.len(),
            orphans: read.orphans,
            strangers: read.strangers.clone(),
            held: holds.map(|h| (hold_name(&h.key), h.size())).collect(),
            state_unknown: read.state_unknown(),
            expiring: listed(|why| matches!(why, Why::ExpiresSoon { .. })),
            reactivated_by_hand: listed(|why| {
                matches!(why, Why::ReactivatedByHand | Why::DeactivationUndone { .. })
            }),
            incomplete: read.incomplete.clone(),
            password_refused: plan.left_alone.iter().find_map(|left| match &left.why {
                why @ Why::PasswordRefused(_) => Some(why.to_string()),
                _ => None,
            }),
            ..Self::default()
        }
    }

    /// How the daemon is after this cycle.
    pub fn health(&self) -> Health {
        let mut reasons: Vec<String> = self.incomplete.iter().map(ToString::to_string).collect();
        reasons.extend(unseen(&self.strangers));
        reasons.extend(self.password_refused.clone());
        if self.failed > 0 {
            reasons.push(format!("{} steps failed in the last cycle", self.failed));
        }
        if !reasons.is_empty() {
            Health::Degraded(reasons)
        } else if self.held.is_empty() {
            Health::Well
        } else {
            let words = self.held.iter().map(|(name, n)| format!("{name}: {n}"));
            Health::Held(words.collect())
        }
    }
}

impl StatusReport {
    /// The text of `STATUS=`: one line, what `systemctl status` shows.
    pub fn line(&self) -> String {
        let doing = match self.phase {
            Phase::Idle => match self.next {
                Some(next) => format!("idle, next cycle {next}"),
                None => "idle".to_owned(),
            },
            Phase::Reading => "reading both sides".to_owned(),
            Phase::Planning => "planning".to_owned(),
            Phase::Applying { settled, total } => format!("applying: {settled} of {total} steps"),
            Phase::Stopping => "stopping".to_owned(),
        };
        let how = match &self.health {
            Health::Well => String::new(),
            Health::Held(what) => format!("; held: {}", what.join(", ")),
            Health::Degraded(why) => format!("; degraded: {}", why.join("; ")),
        };
        let last = match &self.last {
            Some(last) => format!(
                "; last {}: {} accounts, {} changed",
                last.at, last.accounts, last.done
            ),
            None => String::new(),
        };
        let file = match self.config_file.as_ref().map(|config| &config.file) {
            Some(FileNow::Changed { .. }) => "; the configuration file was changed, not in force",
            Some(FileNow::Unusable { .. }) => "; the configuration file cannot be used as it is",
            Some(FileNow::InForce) | None => "",
        };
        // A line break would begin another assignment (sd_notify(3)).
        printable(&format!("{doing}{how}{last}{file}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_tells_the_story_in_one_line() {
        let mut status = StatusReport {
            next: Some(Timestamp(1_767_225_600_000)),
            ..StatusReport::default()
        };
        assert_eq!(status.line(), "idle, next cycle 2026-01-01 00:00:00 UTC");
        status.health = Health::Degraded(vec!["directory: no\nanswer".into()]);
        status.phase = Phase::Reading;
        assert_eq!(
            status.line(),
            "reading both sides; degraded: directory: no answer"
        );
    }
}

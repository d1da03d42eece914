//! What waits for a person's approval, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Changed, Fingerprint, HoldKey, NewIds, StepId, Timestamp, WentBack};

/// Steps that wait for a person's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The key that `mattersync approve` takes.
    pub key: HoldKey,
    /// Why they wait.
    pub cause: HoldCause,
    /// The steps that are kept back.
    pub steps: Vec<StepId>,
    /// The fingerprints of those steps, to which an approval is bound.
    pub fingerprints: BTreeSet<Fingerprint>,
}

impl Hold {
    /// Counts what waits: steps, or new ids.
    pub fn size(&self) -> usize {
        match &self.cause {
            HoldCause::NewIds(new_ids) => new_ids.renumbered.len(),
            _ => self.steps.len(),
        }
    }
}

/// Why steps are held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldCause {
    /// The plan wants more steps of the class than the limit for one cycle.
    Limit {
        /// The limit of the class for one cycle.
        limit: u64,
        /// How many the plan wants; people are counted, not steps.
        wanted: u64,
    },
    /// People changed their own values on Mattermost, and the plan wants to give back more of them
    /// than the limit for one cycle allows beside the directory's own changes.
    GivenBack {
        /// How many are allowed beside the directory's own changes.
        limit: u64,
        /// How many wait; people are counted, not steps.
        wanted: u64,
    },
    /// More of the class within 24 hours than three times the limit for one cycle.
    Day {
        /// Three times the limit.
        limit: u64,
        /// How many were done in the last 24 hours.
        done: u64,
        /// How many the plan wants; people are counted, not steps.
        wanted: u64,
    },
    /// The configuration names another id attribute.
    NewIds(NewIds),
    /// A roster shrank by more than a fifth.
    Shrank {
        /// How many accounts there were before.
        from: usize,
        /// How many accounts there are now.
        to: usize,
        /// The containers that lost accounts, the greatest loss first.
        #[serde(default)]
        lost: Vec<Loss>,
    },
    /// A container that had three or more accounts has none.
    ContainerVanished {
        /// How many accounts there were before.
        had: usize,
    },
    /// An attribute that many accounts had is now there for less than half of them.
    AttributeFaded {
        /// How many accounts had it before.
        had: usize,
        /// How many accounts there were before.
        had_of: usize,
        /// How many accounts have it now.
        has: usize,
        /// How many accounts there are now.
        has_of: usize,
    },
    /// Users whom we deactivated and reactivated, or whose values we gave back, too often lately.
    Flapping {
        /// How many changes of one user are allowed.
        limit: u32,
        /// The time within which they are counted.
        within: Duration,
        /// Whether it is about usernames, addresses or other fields.
        #[serde(default)]
        values: bool,
        /// The times of the changes by the user's name.
        changes: BTreeMap<String, Vec<Timestamp>>,
    },
    /// The wall clock jumped, so that it is not certain whether dates have come.
    ClockJumped {
        /// How many milliseconds it jumped ahead; negative if it jumped back.
        ahead: i64,
    },
    /// The provider says that it is another server or domain.
    OtherIdentity {
        /// What it said before.
        from: String,
        /// What it says now.
        to: String,
    },
    /// The same server knows fewer changes than before, because a backup of it was restored.
    WentBack(WentBack),
    /// Settings that decide who is in scope were changed.
    Configuration {
        /// The settings that were changed.
        changes: Vec<Changed>,
    },
    /// The team that was filled under a name no longer has that name.
    TeamMoved(TeamMoved),
    /// The state file is an older copy.
    OlderState {
        /// How that was noticed.
        how: String,
    },
}

/// A team that no longer has the name under which it was filled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TeamMoved {
    /// The name under which it was filled, as `[[team]]` has it.
    pub team: String,
    /// Its name now; `None` if it was deleted for ever.
    pub now: Option<String>,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether another team has the old name now.
    pub taken: bool,
}

/// A container with fewer accounts than before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Loss {
    /// Its DN, in lower case.
    pub container: String,
    /// How many accounts there were before.
    pub from: usize,
    /// How many accounts there are now.
    pub to: usize,
}

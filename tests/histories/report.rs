//! What was lived through, counted and told.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use mattermost_sim::User;
use mattersync::model::Plan;

use crate::check::Broken;
use crate::events::History;
use crate::live::Lived;
use crate::stage::Cycle;

/// So many histories are a standard run; from that on each kind of event is counted.
const STANDARD: u64 = 1000;
/// Each kind of event happens at least so often in a standard run.
const OFTEN: u64 = 100;

/// All that can happen.
const KINDS: &[&str] = &[
    "Join",
    "JoinAs",
    "Crowd",
    "Leave",
    "Return",
    "Recreate",
    "Rename",
    "CaseOfName",
    "SwapNames",
    "RingOfNames",
    "SameName",
    "Move",
    "MoveOut",
    "MoveBack",
    "Lock",
    "Unlock",
    "NewMail",
    "SwapMails",
    "ShareMail",
    "LoseMail",
    "CaseOfMail",
    "TwoMails",
    "NewNames",
    "LoseTitle",
    "Spoil",
    "Mend",
    "ReplaceDirectory",
    "NewIds",
    "Expires",
    "Prolonged",
    "purged",
    "AdminDeactivates",
    "AdminDeactivatesAgain",
    "AdminReactivates",
    "AdminRenames",
    "AdminChangesMail",
    "AdminPromotes",
    "ChiefLeaves",
    "Stranger",
    "RemovedFromTeam",
    "OwnName",
    "OwnMail",
    "NameWar",
    "MailWar",
    "AdminDemotes",
    "ForgesMark",
    "LargeProps",
    "OwnsBot",
    "OwnsOurBot",
    "RefusedForEver",
    "OtherIdAttribute",
    "new ids",
    "TeamRenamed",
    "TeamArchived",
    "TeamBack",
    "ClickMails",
    "ApproveAll",
    "ApproveOne",
    "Order",
    "WallJump",
    "Reboot",
    "Restart",
    "KeepCopy",
    "RestoreCopy",
    "LoseState",
    "Reordered",
    "Cut",
    "CutInside",
    "Ends",
    "Emptied",
    "NoBase",
    "Reference",
    "LookupsFail",
    "Refused",
    "HideUnit",
    "HideAttribute",
    "HideAttributeIn",
    "Replica",
    "LargeEntry",
    "Stale",
    "Short",
    "Repeats",
    "Foreign",
    "kill",
    "write",
    "read",
    "disk",
    "stop",
];

#[derive(Debug, Default)]
pub struct Report {
    histories: u64,
    cycles: u64,
    people: u64,
    counts: BTreeMap<String, u64>,
    /// Seeds that failed, and how.
    pub broken: Vec<(u64, Broken)>,
}

impl Report {
    /// Adds one; whether it failed.
    pub fn add(&mut self, seed: u64, lived: Lived) -> bool {
        self.histories += 1;
        self.cycles += lived.cycles;
        self.people += lived.people;
        for (what, n) in lived.counts {
            *self.counts.entry(what).or_default() += n;
        }
        let failed = lived.broken.is_some();
        self.broken
            .extend(lived.broken.map(|(_, what)| (seed, what)));
        failed
    }

    /// A standard run has seen everything often enough.
    pub fn assert_is_rich(&self) {
        assert!(self.people >= 20 * self.histories, "too few people");
        assert!(self.cycles >= 15 * self.histories, "too few cycles");
        for kind in KINDS.iter().filter(|_| self.histories >= STANDARD) {
            let n = self.counts.get(*kind).copied().unwrap_or(0);
            assert!(n >= OFTEN, "{kind} happened {n} times, not {OFTEN}");
        }
        let unknown = self
            .counts
            .keys()
            .find(|kind| !KINDS.contains(&kind.as_str()));
        assert_eq!(unknown, None, "a kind that nobody asks for");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.histories.max(1) as f64;
        writeln!(
            f,
            "{} histories, {} cycles ({:.1} each), {:.1} people each",
            self.histories,
            self.cycles,
            self.cycles as f64 / n,
            self.people as f64 / n
        )?;
        writeln!(f, "happened: {:?}", self.counts)?;
        for (seed, what) in &self.broken {
            writeln!(f, "seed {seed}: promise {}: {}", what.promise, what.what)?;
        }
        Ok(())
    }
}

/// A history for people.
pub fn story(history: &History, lived: &Lived) -> String {
    let mut text = format!("seed {}\n{:?}\n", history.seed, history.setting);
    for line in &lived.story {
        let _ = writeln!(text, "{line}");
    }
    match &lived.broken {
        None => text.push_str("All promises were kept.\n"),
        Some((_, what)) => {
            let _ = writeln!(text, "Promise {} is broken: {}", what.promise, what.what);
            let _ = writeln!(
                text,
                "Again: HISTORY={} cargo test --test histories -- --nocapture",
                history.seed
            );
        }
    }
    text
}

/// What was planned, and who was left alone.
pub fn plan(plan: &Plan) -> Vec<String> {
    let held = plan.held();
    let steps = plan.steps.iter().map(|step| {
        let waits = if held.contains(&step.id) {
            " (held)"
        } else {
            ""
        };
        let (what, whom) = (step.action.kind(), &step.subject);
        format!("  plan: {what}{waits} {whom}: {}", step.reason)
    });
    let left = plan.left_alone.iter();
    let left = left.map(|left| format!("  left alone: {}: {}", left.subject, left.why));
    steps.chain(left).collect()
}

/// What was done to the server in one cycle.
pub fn deeds(cycle: &Cycle) -> Vec<String> {
    let mut lines = Vec::new();
    let mut made = Vec::new();
    for deed in &cycle.deeds {
        let late = if deed.late { " (late)" } else { "" };
        for (before, after) in deed.changed.values() {
            match (before, after) {
                (None, Some(user)) => made.push(format!("{}{late}", user.username)),
                (Some(before), Some(after)) => {
                    lines.push(change(before, after, &deed.target) + late);
                }
                _ => lines.push("  somebody is deleted".into()),
            }
        }
        for mail in &deed.mails {
            lines.push(format!("  mail {:?} to {}", mail.kind, mail.to));
        }
        if !deed.members.is_empty() {
            lines.push(format!("  {} join a team{late}", deed.members.len()));
        }
        if deed.status >= 400 {
            let (method, target) = (&deed.method, &deed.target);
            lines.push(format!("  {method} {target}: {}", deed.status));
        }
    }
    if !made.is_empty() {
        lines.insert(0, format!("  users are made: {}", made.join(", ")));
    }
    lines
}

fn change(before: &User, after: &User, target: &str) -> String {
    let mut parts = Vec::new();
    let fields = [
        ("username", &before.username, &after.username),
        ("address", &before.email, &after.email),
        ("first name", &before.first_name, &after.first_name),
        ("last name", &before.last_name, &after.last_name),
        ("position", &before.position, &after.position),
        ("roles", &before.roles, &after.roles),
    ];
    for (field, old, new) in fields {
        if old != new {
            parts.push(format!("{field} {old:?} becomes {new:?}"));
        }
    }
    match (before.is_active(), after.is_active()) {
        (true, false) => parts.push("deactivated".into()),
        (false, true) => parts.push("reactivated".into()),
        _ => {}
    }
    if parts.is_empty() {
        let what = target
            .rsplit('/')
            .find(|part| part.len() != before.id.len());
        parts.push(format!("touched by {}", what.unwrap_or_default()));
    }
    format!("  {}: {}", before.username, parts.join(", "))
}

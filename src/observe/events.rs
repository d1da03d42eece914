//! The events. Every event that may need an administrator has a message id of its own, and fields
//! to search by: `journalctl SYNC_ACTION=deactivate`.

use std::fmt::Display;
use std::time::Duration;

use crate::model::{
    Aftermath, Fate, Hold, LeftAlone, Outcome, ProviderName, RunId, Step, Timestamp, shell_word,
};
use crate::plan::{Sentence, hold_name};

use super::facts::CycleFacts;

/// The kinds of events, each with its `MESSAGE_ID` (systemd.journal-fields(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The daemon has started.
    Started,
    /// The daemon ends.
    Stopping,
    /// The configuration was read again.
    Reloaded,
    /// A new configuration was refused; the old one stays.
    ReloadFailed,
    /// A step was carried out.
    StepDone,
    /// A step was not carried out, or its outcome is not known.
    StepFailed,
    /// Something waits for a person.
    Held,
    /// Somebody is left alone for a reason that a person can correct.
    LeftAlone,
    /// A side was read only in part.
    Unproven,
    /// Both sides are read completely again.
    Complete,
    /// Locks cannot be seen.
    StateUnknown,
    /// Another installation seems to work on the same server.
    AnotherInstallation,
    /// A user left or returned, and not everything that acts in their name did so too.
    Aftermath,
    /// An account will expire within days.
    Expiring,
    /// A cycle changed something.
    CycleDone,
    /// A cycle could not be finished.
    CycleFailed,
    /// Cycles can be finished again.
    CycleRecovered,
}

impl Kind {
    /// Every kind.
    #[cfg(any(test, feature = "rooms"))]
    pub const ALL: [Self; 17] = [
        Self::Started,
        Self::Stopping,
        Self::Reloaded,
        Self::ReloadFailed,
        Self::StepDone,
        Self::StepFailed,
        Self::Held,
        Self::LeftAlone,
        Self::Unproven,
        Self::Complete,
        Self::StateUnknown,
        Self::AnotherInstallation,
        Self::Aftermath,
        Self::Expiring,
        Self::CycleDone,
        Self::CycleFailed,
        Self::CycleRecovered,
    ];

    /// Returns the message id: 128 random bits, which never change.
    pub fn message_id(self) -> &'static str {
        match self {
            Self::Started => "0c3a2f6f1f0e4b0d9a41c8d6b7e25f10",
            Self::Stopping => "5e1b84f3a7c54a6c8f2d90be6314c7a2",
            Self::Reloaded => "a94d07c2e86b4f3fb15a2c7de0938f41",
            Self::ReloadFailed => "e2706b1c94d84e57a8c36f05d1b92a73",
            Self::StepDone => "71f5d3a80b2c4696b7e490d3ac15f284",
            Self::StepFailed => "b8420e9f6d7341a59c1be27f30a8d655",
            Self::Held => "3d96c1e7482f4b0ea5d7f8136b20c9f6",
            Self::LeftAlone => "2a8f41c96d0e4b75b3f8705ce1964da2",
            Self::Unproven => "d75b0e3892fa4c16a04d9e27c8b1f653",
            Self::Complete => "09e4c580819f2254d0679398ce25dd74",
            Self::StateUnknown => "860e9cd4a17b4f52bd63f0a8259c7e14",
            Self::AnotherInstallation => "1ea7aa7ed1ed4786bbf8ce72124c6cec",
            Self::Aftermath => "4f1e7d9a62c84b30951fd0e83b7ca46d",
            Self::Expiring => "685261e99cd8a5ab06e32da42dffc502",
            Self::CycleDone => "c60f8a25b91d47e38ed4a7039b5e1c87",
            Self::CycleFailed => "9b27e4d0f3564c1897a0b6c25ed8f318",
            Self::CycleRecovered => "f4813c5e27a94db2860fd1e7b39c5a69",
        }
    }
}

/// Reports that the daemon has started.
pub fn started<'a>(version: &str, config: &str, providers: impl Iterator<Item = &'a ProviderName>) {
    let names: Vec<&str> = providers.map(ProviderName::as_str).collect();
    tracing::info!(
        message_id = Kind::Started.message_id(),
        "mattersync {version} is up: configuration {config}, provider {}",
        names.join(", ")
    );
}

/// Reports that the daemon ends.
pub fn stopping(why: &str) {
    tracing::info!(message_id = Kind::Stopping.message_id(), "stopping: {why}");
}

/// Reports that the configuration was read again.
pub fn reload_done(config: &str) {
    tracing::info!(
        message_id = Kind::Reloaded.message_id(),
        "configuration {config} read again and in force from the next cycle on"
    );
}

/// Reports that a new configuration was refused.
pub fn reload_failed(error: &dyn Display) {
    tracing::error!(
        message_id = Kind::ReloadFailed.message_id(),
        "the new configuration is refused, the old one stays in force: {error}"
    );
}

/// Reports the outcome of one step.
pub fn step(step: &Step, outcome: &Outcome) {
    let sentence = Sentence(step).to_string();
    let action = step.action.kind().name();
    let user = step.action.user().map(|u| u.as_str()).unwrap_or_default();
    let dn = step.subject.dn.as_deref().unwrap_or_default();
    let id = step
        .action
        .account()
        .map(|k| k.id.as_str())
        .unwrap_or_default();
    let name = step.subject.name.as_str();
    let ids = step.subject.ids();
    match outcome {
        Outcome::Done => tracing::info!(
            message_id = Kind::StepDone.message_id(),
            sync_action = action,
            sync_result = "done",
            mm_user_id = user,
            mm_username = name,
            ldap_dn = dn,
            ldap_id = id,
            "{sentence}"
        ),
        Outcome::Unknown(why) => tracing::warn!(
            message_id = Kind::StepFailed.message_id(),
            sync_action = action,
            sync_result = "unknown",
            mm_user_id = user,
            mm_username = name,
            ldap_dn = dn,
            ldap_id = id,
            "perhaps done: {sentence}. {why}. The next cycle looks [{ids}]"
        ),
        outcome => tracing::warn!(
            message_id = Kind::StepFailed.message_id(),
            sync_action = action,
            sync_result = "not-done",
            mm_user_id = user,
            mm_username = name,
            ldap_dn = dn,
            ldap_id = id,
            "NOT done: {sentence}. {} [{ids}]",
            outcome.why().unwrap_or_default()
        ),
    }
}

/// Reports that something waits for a person.
pub fn held(hold: &Hold) {
    let name = hold_name(&hold.key);
    tracing::warn!(
        message_id = Kind::Held.message_id(),
        sync_hold = name,
        "held: none of {} step(s) of {name} was done ({}). Look with `mattersync plan`, then \
         `mattersync approve {}`",
        hold.size(),
        hold.cause,
        shell_word(&name)
    );
}

/// Reports that somebody is left alone for a reason that a person can correct.
pub fn left_alone(left: &LeftAlone) {
    tracing::warn!(
        message_id = Kind::LeftAlone.message_id(),
        mm_username = left.subject.name.as_str(),
        ldap_dn = left.subject.dn.as_deref().unwrap_or_default(),
        "left alone: {}: {} [{}]",
        left.subject,
        left.why,
        left.subject.ids()
    );
}

/// Reports that many linked users do not exist any more.
pub fn users_gone(gone: &[&LeftAlone]) {
    let names = gone.iter().map(|left| left.subject.name.as_str());
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.truncate(3);
    tracing::warn!(
        message_id = Kind::LeftAlone.message_id(),
        "left alone: {} linked users no longer exist on Mattermost ({} and {} more): is this the \
         right Mattermost, or was an older copy of its database put back? `mattersync conflicts` \
         says what to do",
        gone.len(),
        names.join(", "),
        gone.len().saturating_sub(names.len())
    );
}

/// Reports how many more are left alone than one cycle names.
pub fn more_left_alone(number: usize) {
    tracing::warn!(
        message_id = Kind::LeftAlone.message_id(),
        "left alone: {number} more, whom `mattersync plan` names"
    );
}

/// Reports that a part of the two sides could not be read, and later reminds of it.
pub fn incomplete(unread: &[String]) {
    tracing::warn!(
        message_id = Kind::Unproven.message_id(),
        "not everything could be read: {}. Until it can be, nobody is deactivated or changed \
         because of what was not seen, so that leavers may stay in; everything else goes on. \
         `mattersync check` says what to do",
        unread.join("; ")
    );
}

/// Reports that everything can be read again.
pub fn complete(cycles: u32) {
    tracing::info!(
        message_id = Kind::Complete.message_id(),
        "both sides are read completely again, after {cycles} cycle(s) in which something could \
         not be read"
    );
}

/// Reports that locks cannot be seen.
pub fn state_unknown(accounts: usize) {
    tracing::warn!(
        message_id = Kind::StateUnknown.message_id(),
        "for {accounts} account(s) it cannot be seen whether they are locked: they are neither \
         deactivated nor reactivated; `mattersync check` says which right is missing"
    );
}

/// Reports that another installation seems to be at work.
pub fn another_installation(says: &str) {
    tracing::warn!(
        message_id = Kind::AnotherInstallation.message_id(),
        "{says}"
    );
}

/// Reports what a user who left leaves working, or what works again for a user who returned. The
/// ids stay out of the journal: more people can read it than should be able to post with a webhook.
pub fn aftermath(run: RunId, after: &Aftermath) {
    let numbers = after.numbers();
    let number = run.0;
    let (what, typed) = match (after.fate, numbers.as_str()) {
        (_, "") if after.not_asked.len() < after.fate.kinds().len() => return,
        (_, "") => {
            let why = after.not_asked.values().next();
            let why = why.map(String::as_str).unwrap_or_default();
            (
                format!("it could not be asked what goes on working: {why}"),
                String::new(),
            )
        }
        (Fate::Left, numbers) => (
            format!("left, and leaves behind: {numbers}"),
            format!(". `mattersync history {number}` says what to type to end each"),
        ),
        (Fate::Returned, numbers) => (
            format!("returned: {numbers}"),
            format!(
                ". `mattersync history {number}` says what works again, what stays disabled, and \
                 what to type"
            ),
        ),
    };
    tracing::info!(
        message_id = Kind::Aftermath.message_id(),
        sync_run = number,
        sync_left = numbers,
        mm_user_id = after.user.as_str(),
        mm_username = after.name.as_str(),
        ldap_id = after
            .account
            .as_ref()
            .map(|key| key.id.as_str())
            .unwrap_or_default(),
        "{} {what}{typed}",
        after.name
    );
}

/// Reports that an account will expire; once for each date.
pub fn expiring(left: &LeftAlone, at: Timestamp) {
    tracing::info!(
        message_id = Kind::Expiring.message_id(),
        mm_username = left.subject.name.as_str(),
        ldap_dn = left.subject.dn.as_deref().unwrap_or_default(),
        sync_expires = at.to_string(),
        "{} {}; the user is deactivated then",
        left.subject,
        left.why
    );
}

/// Reports how many more accounts will expire than one cycle names.
pub fn more_expiring(number: usize) {
    tracing::warn!(
        message_id = Kind::Expiring.message_id(),
        "{number} more accounts expire within seven days, and `mattersync plan --all` names them. \
         If so many are a mistake, correct the dates in the directory"
    );
}

/// Reports a cycle that changed something, or could not make all its changes.
pub fn cycle_done(cycle: &CycleFacts) {
    let done = cycle
        .done
        .iter()
        .map(|(kind, number)| format!("{number} {kind}"));
    let done: Vec<String> = done.collect();
    let done = if done.is_empty() {
        "nothing".to_owned()
    } else {
        done.join(", ")
    };
    let mails = match cycle.mails.sum() {
        0 => String::new(),
        1 => "; 1 e-mail caused".to_owned(),
        n => format!("; {n} e-mails caused"),
    };
    let stopped = cycle.stopped.as_ref();
    let stopped = stopped.map(|why| format!("; it ended early: {why}"));
    tracing::info!(
        message_id = Kind::CycleDone.message_id(),
        sync_requests = cycle.requests,
        sync_writes = cycle.writes,
        "cycle: {done} done, {} not done, {} unknown, {} held, {} left alone, {} without an account{mails}; {} requests, {:.1} s{}",
        cycle.not_done.len(),
        cycle.unknown.len(),
        cycle.held(),
        cycle.plan.plan.left_alone.len(),
        cycle.plan.orphans,
        cycle.requests,
        cycle.seconds,
        stopped.unwrap_or_default()
    );
}

/// Reports a cycle that could not be finished: once, and later as a reminder, not each time. `kind`
/// is a word for the failure.
pub fn cycle_failed(kind: &str, error: &dyn Display, failures: u32, retry: Duration) {
    tracing::error!(
        message_id = Kind::CycleFailed.message_id(),
        sync_failure = kind,
        "no cycle could be finished ({failures} in a row): {error}. People who were not changed \
         yet stay as they are; next try in {} s",
        retry.as_secs()
    );
}

/// Reports that a secret is tried soon, as its file was changed after one was refused.
pub fn secret_changed(path: &dyn Display) {
    tracing::info!("{path} was changed: the next cycle follows at once");
}

/// Reports that cycles can be finished again.
pub fn cycle_recovered(failures: u32) {
    tracing::info!(
        message_id = Kind::CycleRecovered.message_id(),
        "cycles can be finished again, after {failures} failure(s)"
    );
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;

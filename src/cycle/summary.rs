//! What a cycle did, in numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::apply::Report;
use crate::mattermost::Counts;
use crate::model::{
    AccountKey, Aftermath, LeftAlone, Outcome, Remember, RunId, StepId, Timestamp, Why,
};
use crate::observe::CycleNumbers;
use crate::plan::next_expiry;

use super::mails::Mails;
use super::read::View;

/// What a cycle saw and did.
#[derive(Debug)]
pub struct Summary {
    /// What was read and planned.
    pub view: View,
    /// The run, if anything was carried out.
    pub run: Option<RunId>,
    /// What became of its steps.
    pub report: Report,
    /// What those leave alive who left, and what wakes up with those who returned.
    pub aftermath: Vec<Aftermath>,
    /// How much Mattermost was asked.
    pub counts: Counts,
    /// How long it took.
    pub took: Duration,
}

impl Summary {
    /// The e-mails that what was carried out, or perhaps was, caused.
    pub fn mails(&self) -> Mails {
        let unknown = self.report.unknown.iter().map(|(id, _)| id);
        let sent: BTreeSet<&StepId> = self.report.done.iter().chain(unknown).collect();
        let steps = self.view.plan.steps.iter();
        Mails::of(steps.filter(|step| sent.contains(&step.id)))
    }

    /// How many steps of each kind were carried out.
    pub fn done_by_kind(&self) -> BTreeMap<&'static str, usize> {
        let done: BTreeSet<&StepId> = self.report.done.iter().collect();
        let mut kinds = BTreeMap::new();
        for step in &self.view.plan.steps {
            if done.contains(&step.id) {
                *kinds.entry(step.action.kind()).or_insert(0) += 1;
            }
        }
        kinds
    }

    /// The numbers for the journal.
    pub fn numbers(&self) -> CycleNumbers {
        CycleNumbers {
            done: self.done_by_kind(),
            not_done: self.report.not_done.len(),
            unknown: self.report.unknown.len(),
            held: self.held(),
            left_alone: self.view.plan.left_alone.len(),
            mails: self.mails().sum(),
            orphans: self.view.orphans,
            requests: self.counts.requests,
            writes: self.counts.writes,
            took: self.took,
            stopped: self.report.stopped.clone(),
        }
    }

    /// For how many accounts the lock cannot be seen.
    pub fn state_unknown(&self) -> usize {
        self.view
            .directories
            .values()
            .map(|d| d.state_unknown)
            .sum()
    }

    /// The next date, after `now`, on which an account expires.
    pub fn next_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        next_expiry(&self.view.directories, now)
    }

    /// Whose date of expiry this cycle saw for the first time.
    pub fn announced(&self) -> Vec<(&LeftAlone, Timestamp)> {
        let learned = self.view.plan.learned.iter();
        let new: BTreeSet<&AccountKey> = learned
            .filter_map(|change| match change {
                Remember::Announced(key, Some(_)) => Some(key),
                _ => None,
            })
            .collect();
        let soon = self.view.plan.left_alone.iter();
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

    /// How many steps holds keep back.
    pub fn held(&self) -> usize {
        self.view.plan.kept_back().len()
    }

    /// Whether nothing failed and nothing is unknown.
    pub fn is_clean(&self) -> bool {
        self.report.not_done.is_empty()
            && self.report.unknown.is_empty()
            && self.report.stopped.is_none()
    }

    /// The outcome of a step, if it has one.
    pub fn outcome(&self, id: StepId) -> Option<Outcome> {
        if self.report.done.contains(&id) {
            return Some(Outcome::Done);
        }
        let of = |list: &[(StepId, String)]| {
            list.iter()
                .find(|(step, _)| *step == id)
                .map(|(_, why)| why.clone())
        };
        if self.report.waiting.contains(&id) {
            return Some(Outcome::NotDone("waits for a seat".to_owned()));
        }
        of(&self.report.not_done)
            .map(Outcome::NotDone)
            .or_else(|| of(&self.report.unknown).map(Outcome::Unknown))
    }
}

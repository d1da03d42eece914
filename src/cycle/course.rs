//! What a cycle is for, and what of its plan is carried out.

use std::collections::BTreeSet;

use tokio::sync::watch;

use crate::apply::Listener;
use crate::config::Settings;
use crate::model::{Action, Now, Origin, Step, StepId};

use super::engine::Stages;
use super::read::View;

/// How much of the two sides a cycle is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody: what follows for each is remembered, and old runs are forgotten.
    Everybody,
    /// What a person named. What follows for others waits for the next whole cycle.
    Named {
        /// Whether the directory is read, too; an order needs nothing of it.
        with_directory: bool,
    },
}

/// A cycle that is about to begin.
pub struct Course<'a> {
    /// Why it begins, and who asked for it.
    pub origin: Origin,
    /// What it is about.
    pub scope: Scope,
    /// Becomes true when it shall end early.
    pub stop: watch::Receiver<bool>,
    /// Hears what the cycle is doing.
    pub stages: &'a Stages<'a>,
    /// Hears of every step.
    pub listener: &'a Listener<'a>,
}

/// A plan of which somebody chooses what is carried out.
pub struct Planned<'a> {
    /// Both sides, and the plan.
    pub view: &'a mut View,
    /// What the configuration says.
    pub settings: &'a Settings,
    /// When both sides were read.
    pub now: &'a Now,
}

impl Planned<'_> {
    /// Leaves only these steps in the plan, and the hand-over of our bot where they wait for it:
    /// without that they would wait for ever.
    pub fn keep_steps(&mut self, is_wanted: impl Fn(&Step) -> bool) {
        let steps = &mut self.view.plan.steps;
        let wanted = steps.iter().filter(|step| is_wanted(step));
        let before: BTreeSet<StepId> = wanted.flat_map(|step| step.after.clone()).collect();
        steps.retain(|step| {
            let keeps_us = matches!(step.action, Action::AssignBot { .. });
            is_wanted(step) || (keeps_us && before.contains(&step.id))
        });
    }
}

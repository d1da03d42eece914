//! What a plan would do with one person.

use serde::{Deserialize, Serialize};

use crate::model::{AccountKey, LeftAlone, Plan, Step, UserId};
use crate::plan::{Sentence, hold_name};

/// A step that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// What, to whom, why.
    pub what: String,
    /// The step, for programs.
    pub step: Step,
    /// What must be approved first.
    pub held_by: Vec<String>,
    /// Waits for a step that is held.
    pub waits: bool,
}

/// What a plan would do with one person, and why it leaves things as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// In the order in which they are carried out.
    pub steps: Vec<Wanted>,
    /// Why something is not done.
    pub left_alone: Vec<LeftAlone>,
}

impl Outlook {
    /// The part of a plan that is about this account or this user.
    pub fn of(plan: &Plan, account: Option<&AccountKey>, user: Option<&UserId>) -> Self {
        let is = |a: Option<&AccountKey>, u: Option<&UserId>| {
            (a.is_some() && a == account) || (u.is_some() && u == user)
        };
        let held = plan.held();
        let steps = plan.steps.iter();
        let steps = steps.filter(|s| is(s.action.account(), s.action.user()));
        let steps = steps.map(|step| {
            let holds = plan.holds.iter().filter(|h| h.steps.contains(&step.id));
            let held_by: Vec<String> = holds.map(|h| hold_name(&h.key)).collect();
            Wanted {
                what: Sentence(step).to_string(),
                step: step.clone(),
                waits: held_by.is_empty() && held.contains(&step.id),
                held_by,
            }
        });
        let left = plan.left_alone.iter();
        let left = left.filter(|l| is(l.subject.account.as_ref(), l.subject.user.as_ref()));
        Self {
            steps: steps.collect(),
            left_alone: left.cloned().collect(),
        }
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.left_alone.is_empty()
    }
}

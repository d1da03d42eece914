//! The rules of a store, on what is in memory.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{Record, Run};
use crate::model::{
    About, AccountKey, Made, Memory, Note, Plan, Remember, RunId, Step, StepId, Timestamp, UserId,
};
use crate::state::fault::{
    Fault, linked_twice, no_such_run, no_such_step, not_open, settled_already, step_twice,
};
use crate::state::history::{Candidates, is_about, is_link_of, together};
use crate::state::rows::clean::AT_ONCE;
use crate::state::target::Target;
use crate::state::{Erased, Outcome, Settlement, Who};

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) memory: Memory,
    pub(super) holders: BTreeMap<UserId, AccountKey>,
    pub(super) runs: BTreeMap<RunId, Run>,
    /// The number of the newest run, forgotten ones included.
    pub(super) last: i64,
    pub(super) notes: Vec<Note>,
}

impl Inner {
    /// Finds a delta's first forbidden change, before any of it is applied.
    pub(super) fn check(&self, delta: &[Remember]) -> Result<(), Fault> {
        let mut users: BTreeMap<&AccountKey, Option<&UserId>> = BTreeMap::new();
        let mut holders: BTreeMap<&UserId, Option<&AccountKey>> = BTreeMap::new();
        for change in delta {
            let (key, user) = match change {
                Remember::Link(key, link) => (key, Some(&link.user)),
                Remember::Unlink(key) => (key, None),
                _ => continue,
            };
            if let Some(user) = user {
                let holder = match holders.get(user) {
                    Some(holder) => *holder,
                    None => self.holders.get(user),
                };
                if let Some(holder) = holder.filter(|holder| *holder != key) {
                    return Err(linked_twice(user, holder, key));
                }
            }
            let before = match users.get(key) {
                Some(user) => *user,
                None => self.memory.links.get(key).map(|link| &link.user),
            };
            if let Some(before) = before {
                holders.insert(before, None);
            }
            if let Some(user) = user {
                holders.insert(user, Some(key));
            }
            users.insert(key, user);
        }
        Ok(())
    }

    /// Applies a delta that was checked.
    pub(super) fn apply(&mut self, delta: &[Remember]) {
        for change in delta {
            if let Remember::Link(key, _) | Remember::Unlink(key) = change
                && let Some(link) = self.memory.links.get(key)
            {
                self.holders.remove(&link.user);
            }
            if let Remember::Link(key, link) = change {
                self.holders.insert(link.user.clone(), key.clone());
            }
            self.memory.remember(change);
        }
    }

    fn run(&mut self, run: RunId) -> Option<&mut Run> {
        self.runs.get_mut(&run)
    }

    fn unsettled_step(&mut self, run: RunId, step: StepId) -> Result<&mut Record, Fault> {
        let found = self.run(run).and_then(|run| {
            let place = *run.places.get(&step)?;
            run.steps.get_mut(place)
        });
        match found {
            None => Err(no_such_step(run, step)),
            Some(record) if record.is_settled() => Err(settled_already(run, step)),
            Some(record) => Ok(record),
        }
    }

    pub(super) fn begin(
        &mut self,
        plan: &Plan,
        config: &str,
        about: Option<&About>,
        now: Timestamp,
    ) -> Result<RunId, Fault> {
        let mut places = BTreeMap::new();
        for (place, step) in plan.steps.iter().enumerate() {
            if places.insert(step.id, place).is_some() {
                return Err(step_twice(step.id));
            }
        }
        for run in self.runs.values_mut() {
            run.open = false;
        }
        let record = |step: &Step| Record {
            step: step.clone(),
            target: Target::of(step),
            intended: None,
            outcome: None,
            settled: None,
            made: None,
            superseded: false,
        };
        self.last += 1;
        let run = Run {
            began: now,
            ended: None,
            open: true,
            config: config.to_owned(),
            about: about.cloned(),
            steps: plan.steps.iter().map(record).collect(),
            places,
        };
        self.runs.insert(RunId(self.last), run);
        Ok(RunId(self.last))
    }

    pub(super) fn intend(
        &mut self,
        run: RunId,
        steps: &[StepId],
        delta: &[Remember],
        now: Timestamp,
    ) -> Result<(), Fault> {
        if !self.run(run).is_some_and(|run| run.open) {
            return Err(not_open(run));
        }
        for &step in steps {
            self.unsettled_step(run, step)?;
        }
        self.check(delta)?;
        let mut targets = Vec::new();
        for &step in steps {
            let record = self.unsettled_step(run, step)?;
            record.intended.get_or_insert(now);
            targets.push(record.target.clone());
        }
        // Only one run is open, and it is the newest.
        for record in self
            .runs
            .range_mut(..run)
            .flat_map(|(_, run)| &mut run.steps)
        {
            if record.is_unsettled() && targets.iter().any(|t| t.repeats(&record.target)) {
                record.superseded = true;
            }
        }
        self.apply(delta);
        Ok(())
    }

    pub(super) fn settle(
        &mut self,
        run: RunId,
        step: StepId,
        settlement: Settlement,
        delta: &[Remember],
    ) -> Result<(), Fault> {
        self.unsettled_step(run, step)?;
        self.check(delta)?;
        let record = self.unsettled_step(run, step)?;
        if matches!(settlement.outcome, Outcome::Unknown(_)) {
            record.intended.get_or_insert(settlement.at);
        }
        let made = Made::and_before(settlement.made, record.made.as_ref());
        let user = made.as_ref().and_then(|made| made.user.as_ref());
        record.target.user = record.step.action.user().or(user).cloned();
        record.outcome = Some(settlement.outcome);
        record.settled = Some(settlement.at);
        record.made = made;
        self.apply(delta);
        Ok(())
    }

    pub(super) fn finish(&mut self, run: RunId, now: Timestamp) -> Result<(), Fault> {
        match self.run(run) {
            Some(found) if found.open => {
                found.open = false;
                found.ended = Some(now);
                Ok(())
            }
            _ => Err(not_open(run)),
        }
    }

    pub(super) fn known_as(&self, person: &str) -> Who {
        let mut found = Candidates::default();
        for (key, link) in &self.memory.links {
            let one = (Some(key.clone()), Some(link.user.clone()));
            found.add(is_link_of(key, link, person), one);
        }
        for record in self.runs.values().flat_map(|run| &run.steps) {
            let target = &record.target;
            let by = is_about(&record.step, target.user.as_ref(), person);
            found.add(by, (target.account.clone(), target.user.clone()));
        }
        together(found)
    }

    pub(super) fn note(&mut self, note: Note) -> Result<(), Fault> {
        if let Some(run) = note.run
            && self.run(run).is_none()
        {
            return Err(no_such_run(run));
        }
        self.notes.push(note);
        Ok(())
    }

    pub(super) fn notes(&self, run: Option<RunId>) -> Vec<Note> {
        let notes = self.notes.iter().filter(|note| note.run == run);
        notes.cloned().collect()
    }

    pub(super) fn prune(&mut self, before: Timestamp, keep: &BTreeSet<RunId>) -> u64 {
        let old = self.runs.iter().filter(|(id, run)| {
            let known = !run.steps.iter().any(Record::is_unsettled);
            run.began < before && !run.open && known && !keep.contains(id)
        });
        let old: BTreeSet<RunId> = old.map(|(id, _)| *id).take(AT_ONCE).collect();
        self.runs.retain(|id, _| !old.contains(id));
        self.notes.retain(|note| match note.run {
            Some(run) => !old.contains(&run),
            None => note.at >= before,
        });
        u64::try_from(old.len()).unwrap_or(u64::MAX)
    }

    pub(super) fn erase(
        &mut self,
        who: &Who,
        delta: &[Remember],
        note: Note,
    ) -> Result<Erased, Fault> {
        self.check(delta)?;
        let mut erased = Erased::default();
        for run in self.runs.values_mut() {
            run.steps.retain(|record| {
                let target = &record.target;
                let meant = who.has(target.account.as_ref(), target.user.as_ref());
                erased.steps += u64::from(meant);
                !meant
            });
            run.places = (0..)
                .zip(&run.steps)
                .map(|(place, record)| (record.step.id, place))
                .collect();
        }
        self.notes.retain(|note| {
            let meant = who.has(note.account.as_ref(), note.user.as_ref());
            erased.notes += u64::from(meant);
            !meant
        });
        self.note(note)?;
        self.apply(delta);
        Ok(erased)
    }

    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let memory = &self.memory;
        let deactivated = memory.links.values().filter(|l| l.deactivated.is_some());
        let asked = memory.links.values().filter(|l| l.email_waiting.is_some());
        let steps = || self.runs.values().flat_map(|run| &run.steps);
        [
            ("links", memory.links.len()),
            ("deactivated", deactivated.count()),
            ("absences", memory.absences.len()),
            ("returns", memory.returns.len()),
            ("names", memory.names.len()),
            ("nonces", memory.nonces.len()),
            ("waiting", memory.waiting.len()),
            ("addresses-waiting", asked.count()),
            ("orders", memory.orders.len()),
            ("approvals", memory.approvals.len()),
            ("done", memory.done.len()),
            ("runs", self.runs.len()),
            ("steps", steps().count()),
            ("unsettled", steps().filter(|s| s.is_unsettled()).count()),
        ]
        .into_iter()
        .map(|(name, number)| (name.to_owned(), u64::try_from(number).unwrap_or(u64::MAX)))
        .collect()
    }
}

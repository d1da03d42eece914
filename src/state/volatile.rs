//! A store that forgets everything when it is dropped, with the same rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::fault::{
    Fault, linked_twice, no_such_run, no_such_step, not_open, settled_already, step_twice,
};
use super::history::{is_about, is_link_of};
use super::rows::clean::AT_ONCE;
use super::rows::runs::NOT_RECORDED;
use super::target::Target;
use super::{
    Erased, Outcome, PastStep, RunHead, RunRecord, RunState, Settlement, StateError, Store,
    Unsettled, Which, Who,
};
use crate::model::{
    About, AccountKey, Made, Memory, MemoryDelta, Note, Now, Plan, Remember, RunId, Step, StepId,
    StepRecord, Timestamp, UserId,
};

/// The memory in memory: for a look before there is a state directory, and for tests.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    memory: Memory,
    holders: BTreeMap<UserId, AccountKey>,
    runs: BTreeMap<RunId, Run>,
    /// The number of the newest run, forgotten ones included.
    last: i64,
    notes: Vec<Note>,
}

#[derive(Debug)]
struct Run {
    began: Timestamp,
    ended: Option<Timestamp>,
    open: bool,
    config: String,
    about: Option<About>,
    steps: Vec<Record>,
    places: BTreeMap<StepId, usize>,
}

#[derive(Debug)]
struct Record {
    step: Step,
    target: Target,
    intended: Option<Timestamp>,
    outcome: Option<Outcome>,
    settled: Option<Timestamp>,
    made: Option<Made>,
    superseded: bool,
}

impl Record {
    fn is_settled(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Done | Outcome::NotDone(_)))
    }

    fn is_unsettled(&self) -> bool {
        self.intended.is_some() && !self.is_settled() && !self.superseded
    }

    fn recorded(&self) -> StepRecord {
        StepRecord {
            step: self.step.clone(),
            outcome: self.told(),
            intended: self.intended,
            settled: self.settled,
            made: self.made.clone(),
        }
    }

    fn told(&self) -> Option<Outcome> {
        match &self.outcome {
            None if self.intended.is_some() => Some(Outcome::Unknown(NOT_RECORDED.into())),
            outcome => outcome.clone(),
        }
    }
}

impl Run {
    fn state(&self) -> RunState {
        match (self.open, self.ended) {
            (true, _) => RunState::Open,
            (false, Some(_)) => RunState::Finished,
            (false, None) => RunState::Abandoned,
        }
    }

    fn record(&self, id: RunId) -> RunRecord {
        let steps = self.steps.iter().map(Record::recorded);
        RunRecord {
            id,
            began: self.began,
            ended: self.ended,
            state: self.state(),
            config: self.config.clone(),
            about: self.about.clone(),
            steps: steps.collect(),
        }
    }

    fn head(&self, id: RunId, who: Option<&Who>) -> Option<RunHead> {
        let record = self.record(id);
        let Some(who) = who else {
            return Some(record.head());
        };
        let meant = |step: &StepRecord| who.has(step.account(), step.user());
        let any = record.steps.iter().any(meant);
        any.then(|| record.head_about(meant))
    }
}

impl MemoryStore {
    /// A store that remembers this much.
    pub fn new(memory: Memory) -> Self {
        let holders = memory
            .accounts_by_user()
            .into_iter()
            .map(|(user, key)| (user.clone(), key.clone()))
            .collect();
        Self {
            inner: Mutex::new(Inner {
                memory,
                holders,
                ..Inner::default()
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is checked before it begins: a panic elsewhere leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// There is no path to tell.
fn told<T>(result: Result<T, Fault>) -> Result<T, StateError> {
    result.map_err(|fault| fault.tell(std::path::Path::new("memory")))
}

impl Inner {
    /// Finds a delta's first forbidden change, before any of it is applied.
    fn check(&self, delta: &[Remember]) -> Result<(), Fault> {
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
    fn apply(&mut self, delta: &[Remember]) {
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

    fn begin(
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
            target: Target::of(&step.action),
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

    fn intend(
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

    fn settle(
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
        let user = settlement.made.as_ref().and_then(|made| made.user.clone());
        record.target.user = record.target.user.take().or(user);
        record.outcome = Some(settlement.outcome);
        record.settled = Some(settlement.at);
        record.made = settlement.made;
        self.apply(delta);
        Ok(())
    }

    fn finish(&mut self, run: RunId, now: Timestamp) -> Result<(), Fault> {
        match self.run(run) {
            Some(found) if found.open => {
                found.open = false;
                found.ended = Some(now);
                Ok(())
            }
            _ => Err(not_open(run)),
        }
    }

    fn known_as(&self, person: &str) -> Who {
        let mut who = Who::default();
        for (key, link) in &self.memory.links {
            if is_link_of(key, link, person) {
                who.add(Some(key), Some(&link.user));
            }
        }
        for record in self.runs.values().flat_map(|run| &run.steps) {
            let target = &record.target;
            if is_about(&record.step, target.user.as_ref(), person) {
                who.add(target.account.as_ref(), target.user.as_ref());
            }
        }
        who
    }

    fn note(&mut self, note: Note) -> Result<(), Fault> {
        if let Some(run) = note.run
            && self.run(run).is_none()
        {
            return Err(no_such_run(run));
        }
        self.notes.push(note);
        Ok(())
    }

    fn notes(&self, run: Option<RunId>) -> Vec<Note> {
        let notes = self.notes.iter().filter(|note| note.run == run);
        notes.cloned().collect()
    }

    fn prune(&mut self, before: Timestamp, keep: &BTreeSet<RunId>) -> u64 {
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

    fn erase(&mut self, who: &Who, delta: &[Remember], note: Note) -> Result<Erased, Fault> {
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

    fn counts(&self) -> BTreeMap<String, u64> {
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

impl Store for MemoryStore {
    fn load(&self) -> BoxFuture<'_, Result<Memory, StateError>> {
        async { Ok(self.lock().memory.clone()) }.boxed()
    }

    fn observe(&self, delta: MemoryDelta) -> BoxFuture<'_, Result<(), StateError>> {
        async move {
            let mut inner = self.lock();
            told(inner.check(&delta))?;
            inner.apply(&delta);
            Ok(())
        }
        .boxed()
    }

    fn open_run<'a>(
        &'a self,
        plan: &'a Plan,
        config: &'a str,
        about: Option<&'a About>,
        now: &'a Now,
    ) -> BoxFuture<'a, Result<RunId, StateError>> {
        async move { told(self.lock().begin(plan, config, about, now.wall)) }.boxed()
    }

    fn intend<'a>(
        &'a self,
        run: RunId,
        steps: &'a [StepId],
        delta: MemoryDelta,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StateError>> {
        async move { told(self.lock().intend(run, steps, &delta, now)) }.boxed()
    }

    fn conclude(
        &self,
        run: RunId,
        step: StepId,
        settlement: Settlement,
        delta: MemoryDelta,
    ) -> BoxFuture<'_, Result<(), StateError>> {
        async move { told(self.lock().settle(run, step, settlement, &delta)) }.boxed()
    }

    fn finish(
        &self,
        run: RunId,
        _changed: bool,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), StateError>> {
        async move { told(self.lock().finish(run, now)) }.boxed()
    }

    fn unsettled(&self) -> BoxFuture<'_, Result<Vec<Unsettled>, StateError>> {
        async {
            let inner = self.lock();
            let steps = inner.runs.iter().flat_map(|(id, run)| {
                let unsettled = run.steps.iter().filter(|record| record.is_unsettled());
                unsettled.filter_map(move |record| {
                    Some(Unsettled {
                        run: *id,
                        step: record.step.clone(),
                        at: record.intended?,
                    })
                })
            });
            Ok(steps.collect())
        }
        .boxed()
    }

    fn runs(&self, most: u32) -> BoxFuture<'_, Result<Vec<RunRecord>, StateError>> {
        async move {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let inner = self.lock();
            let newest = inner.runs.iter().rev().take(most);
            Ok(newest.map(|(id, run)| run.record(*id)).collect())
        }
        .boxed()
    }

    fn steps_about<'a>(
        &'a self,
        account: Option<&'a AccountKey>,
        user: Option<&'a UserId>,
        most: u32,
    ) -> BoxFuture<'a, Result<Vec<PastStep>, StateError>> {
        async move {
            let inner = self.lock();
            let is_meant = |record: &&Record| {
                let Target {
                    account: a,
                    user: u,
                    ..
                } = &record.target;
                (a.is_some() && a.as_ref() == account) || (u.is_some() && u.as_ref() == user)
            };
            let steps = inner.runs.iter().rev().flat_map(|(id, run)| {
                let steps = run.steps.iter().rev().filter(is_meant);
                steps.map(move |record| PastStep {
                    run: *id,
                    began: run.began,
                    record: record.recorded(),
                })
            });
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            Ok(steps.take(most).collect())
        }
        .boxed()
    }

    fn run(&self, run: RunId) -> BoxFuture<'_, Result<Option<RunRecord>, StateError>> {
        async move { Ok(self.lock().runs.get(&run).map(|found| found.record(run))) }.boxed()
    }

    fn heads(&self, which: Which) -> BoxFuture<'_, Result<Vec<RunHead>, StateError>> {
        async move {
            let inner = self.lock();
            let newest = inner.runs.iter().rev();
            let since = newest.filter(|(_, run)| which.since.is_none_or(|s| run.began >= s));
            let heads = since.filter_map(|(id, run)| run.head(*id, which.who.as_ref()));
            let most = usize::try_from(which.last.unwrap_or(u32::MAX)).unwrap_or(usize::MAX);
            Ok(heads.take(most).collect())
        }
        .boxed()
    }

    fn known_as(&self, person: String) -> BoxFuture<'_, Result<Who, StateError>> {
        async move { Ok(self.lock().known_as(&person)) }.boxed()
    }

    fn note(&self, note: Note) -> BoxFuture<'_, Result<(), StateError>> {
        async move { told(self.lock().note(note)) }.boxed()
    }

    fn notes(&self, run: RunId) -> BoxFuture<'_, Result<Vec<Note>, StateError>> {
        async move { Ok(self.lock().notes(Some(run))) }.boxed()
    }

    fn loose_notes(&self) -> BoxFuture<'_, Result<Vec<Note>, StateError>> {
        async { Ok(self.lock().notes(None)) }.boxed()
    }

    fn prune(
        &self,
        before: Timestamp,
        keep: BTreeSet<RunId>,
    ) -> BoxFuture<'_, Result<u64, StateError>> {
        async move { Ok(self.lock().prune(before, &keep)) }.boxed()
    }

    fn erase(
        &self,
        who: Who,
        delta: MemoryDelta,
        note: Note,
    ) -> BoxFuture<'_, Result<Erased, StateError>> {
        async move { told(self.lock().erase(&who, &delta, note)) }.boxed()
    }

    fn scrub(&self) -> BoxFuture<'_, Result<(), StateError>> {
        async { Ok(()) }.boxed()
    }

    fn counts(&self) -> BoxFuture<'_, Result<BTreeMap<String, u64>, StateError>> {
        async { Ok(self.lock().counts()) }.boxed()
    }

    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StateError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn last_run(&self) -> BoxFuture<'_, Result<RunId, StateError>> {
        async {
            let inner = self.lock();
            let last = inner.runs.keys().next_back();
            Ok(last.copied().unwrap_or(RunId(0)))
        }
        .boxed()
    }
}

//! A store that forgets everything when it is dropped, with the same rules.

mod record;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::fault::Fault;
use super::target::Target;
use super::{
    Erased, PastStep, RunHead, RunRecord, Settlement, StateError, Store, Unsettled, Which, Who,
};
use crate::model::{
    About, AccountKey, Memory, MemoryDelta, Note, Now, Plan, RunId, StepId, Timestamp, UserId,
};
use record::Record;
use rules::Inner;

/// The memory in memory: for a look before there is a state directory, and for tests.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
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

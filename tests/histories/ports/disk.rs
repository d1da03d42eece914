//! The state file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use mattersync::model::{
    About, AccountKey, Memory, MemoryDelta, Note, Now, Plan, RunId, StepId, Timestamp, UserId,
};
use mattersync::state::{
    Erased, PastStep, RunHead, RunRecord, Settlement, SqliteStore, StateError, Store, Unsettled,
    Which, Who,
};

use super::{Hub, Moment};

/// Waits on this thread, so that what happens does not depend on which thread is faster.
fn wait<T>(work: impl Future<Output = T>) -> T {
    struct Bell(std::thread::Thread);
    impl std::task::Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Bell(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    // Without the runtime's budget, which would have to be renewed by going back to it.
    let mut work = std::pin::pin!(tokio::task::unconstrained(work));
    loop {
        match work.as_mut().poll(&mut context) {
            std::task::Poll::Ready(done) => return done,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// The state file.
pub struct Disk {
    pub hub: Arc<Hub>,
    pub real: SqliteStore,
}

impl Disk {
    /// Whether a writing call is carried out, and whether its caller hears of it.
    fn fate(&self) -> (bool, bool) {
        if let Some(moment) = self.hub.tick() {
            return (moment == Moment::After, false);
        }
        let mut state = self.hub.state();
        state.stores += 1;
        match state.trouble.disk {
            Some((at, moment)) if at == state.stores => {
                state.struck.push("disk");
                (moment == Moment::After, false)
            }
            _ => (true, true),
        }
    }

    fn write<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&'a SqliteStore) -> BoxFuture<'a, Result<T, StateError>>,
    ) -> BoxFuture<'a, Result<T, StateError>> {
        let (done, heard) = self.fate();
        let work = done.then(|| work(&self.real));
        async move {
            match work.map(wait) {
                Some(result) if heard => result,
                _ => Err(StateError::Failed {
                    path: "state".into(),
                    what: "the disk is full".into(),
                }),
            }
        }
        .boxed()
    }
}

impl Store for Disk {
    fn load(&self) -> BoxFuture<'_, Result<Memory, StateError>> {
        async move { wait(self.real.load()) }.boxed()
    }

    fn observe(&self, delta: MemoryDelta) -> BoxFuture<'_, Result<(), StateError>> {
        self.write(move |real| real.observe(delta))
    }

    fn open_run<'a>(
        &'a self,
        plan: &'a Plan,
        config: &'a str,
        about: Option<&'a About>,
        now: &'a Now,
    ) -> BoxFuture<'a, Result<RunId, StateError>> {
        self.write(move |real| real.open_run(plan, config, about, now))
    }

    fn intend<'a>(
        &'a self,
        run: RunId,
        steps: &'a [StepId],
        delta: MemoryDelta,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StateError>> {
        self.write(move |real| real.intend(run, steps, delta, now))
    }

    fn conclude(
        &self,
        run: RunId,
        step: StepId,
        settlement: Settlement,
        delta: MemoryDelta,
    ) -> BoxFuture<'_, Result<(), StateError>> {
        self.write(move |real| real.conclude(run, step, settlement, delta))
    }

    fn finish(
        &self,
        run: RunId,
        changed: bool,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), StateError>> {
        self.write(move |real| real.finish(run, changed, now))
    }

    fn unsettled(&self) -> BoxFuture<'_, Result<Vec<Unsettled>, StateError>> {
        async move { wait(self.real.unsettled()) }.boxed()
    }

    fn runs(&self, most: u32) -> BoxFuture<'_, Result<Vec<RunRecord>, StateError>> {
        async move { wait(self.real.runs(most)) }.boxed()
    }

    fn run(&self, run: RunId) -> BoxFuture<'_, Result<Option<RunRecord>, StateError>> {
        self.real.run(run)
    }

    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StateError>> {
        self.real.verify()
    }

    fn last_run(&self) -> BoxFuture<'_, Result<RunId, StateError>> {
        self.real.last_run()
    }

    fn steps_about<'a>(
        &'a self,
        account: Option<&'a AccountKey>,
        user: Option<&'a UserId>,
        most: u32,
    ) -> BoxFuture<'a, Result<Vec<PastStep>, StateError>> {
        self.real.steps_about(account, user, most)
    }

    fn prune(
        &self,
        before: Timestamp,
        keep: BTreeSet<RunId>,
    ) -> BoxFuture<'_, Result<u64, StateError>> {
        self.write(move |real| real.prune(before, keep))
    }

    fn erase(
        &self,
        who: Who,
        delta: MemoryDelta,
        note: Note,
    ) -> BoxFuture<'_, Result<Erased, StateError>> {
        self.write(move |real| real.erase(who, delta, note))
    }

    fn scrub(&self) -> BoxFuture<'_, Result<(), StateError>> {
        self.write(|real| real.scrub())
    }

    fn heads(&self, which: Which) -> BoxFuture<'_, Result<Vec<RunHead>, StateError>> {
        self.real.heads(which)
    }

    fn known_as(&self, person: String) -> BoxFuture<'_, Result<Who, StateError>> {
        self.real.known_as(person)
    }

    fn note(&self, note: Note) -> BoxFuture<'_, Result<(), StateError>> {
        self.write(move |real| real.note(note))
    }

    fn notes(&self, run: RunId) -> BoxFuture<'_, Result<Vec<Note>, StateError>> {
        self.real.notes(run)
    }

    fn loose_notes(&self) -> BoxFuture<'_, Result<Vec<Note>, StateError>> {
        self.real.loose_notes()
    }

    fn counts(&self) -> BoxFuture<'_, Result<BTreeMap<String, u64>, StateError>> {
        async move { wait(self.real.counts()) }.boxed()
    }
}

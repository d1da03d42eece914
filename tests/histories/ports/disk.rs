//! The state file.

use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use mattersync::model::RunId;
use mattersync::state::{Fence, State, StateError, Store, Work};

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

/// The state file on a disk that may be full, under a process that may be killed.
pub struct Disk {
    hub: Arc<Hub>,
    real: Box<dyn Store>,
}

impl Disk {
    /// Opens the state in a directory.
    pub fn open(hub: &Arc<Hub>, directory: &Path) -> Result<State, StateError> {
        State::open_over(directory, |real| {
            Box::new(Self {
                hub: Arc::clone(hub),
                real,
            })
        })
    }

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
}

impl Store for Disk {
    fn transact(&self, writes: bool, work: Work) -> BoxFuture<'_, Result<(), StateError>> {
        let (done, heard) = if writes { self.fate() } else { (true, true) };
        async move {
            let result = done.then(|| wait(self.real.transact(writes, work)));
            match result {
                Some(result) if heard => result,
                _ => Err(StateError::Failed {
                    path: "state".into(),
                    what: "the disk is full".into(),
                }),
            }
        }
        .boxed()
    }

    fn fence(&self) -> Option<Fence> {
        self.real.fence()
    }

    fn began(&self, run: RunId) {
        self.real.began(run);
    }

    fn copy(&self) -> Result<(), StateError> {
        self.real.copy()
    }

    fn tidy(&self) -> Result<(), StateError> {
        self.real.tidy()
    }

    fn scrub(&self) -> BoxFuture<'_, Result<(), StateError>> {
        async move { wait(self.real.scrub()) }.boxed()
    }

    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StateError>> {
        async move { wait(self.real.verify()) }.boxed()
    }
}

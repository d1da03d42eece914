//! What stands between the engine and the world: each port does its real work, counts, and fails
//! when it is told to. A kill is that every port fails from one call on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use mattermost_sim::{Call, Fate, Mail, Mattermost, TeamMember, User, is_write};
use mattersync::clock::Clock;
use mattersync::mattermost::{Request, Response, SendError, Transport, Way};
use mattersync::model::{
    About, AccountKey, Memory, MemoryDelta, Note, Now, Plan, Reading, RunId, StepId, Timestamp,
    UserId,
};
use mattersync::provider::ldap::LdapProvider;
use mattersync::provider::{Ask, Provider, ProviderError};
use mattersync::state::{
    PastStep, RunHead, RunRecord, Settlement, SqliteStore, StateError, Store, Unsettled, Which, Who,
};

/// After so many requests of the next cycle what was sent late arrives.
const LATE_AFTER: u32 = 4;

/// No request is under way for longer, in milliseconds.
const LATE: i64 = 9 * 60_000;

/// When something goes wrong, seen from the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before anything was done.
    Before,
    /// After all was done; nobody hears of it.
    After,
    /// It is done later, when whoever asked is gone.
    Later,
}

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Refused(u16),
    TooMany,
    Cut(Moment),
    Timeout(Moment),
    Broken500(Moment),
    NotConnected,
}

/// What goes wrong during one cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// At this call of any port everything ends.
    pub kill: Option<(u32, Moment)>,
    /// From this write on, so many writes.
    pub write: Option<(u32, u32, Failure)>,
    /// From this reading request on, so many.
    pub read: Option<(u32, u32, Failure)>,
    /// The state refuses one writing call.
    pub disk: Option<(u32, Moment)>,
    /// The service is told to stop at this write.
    pub stop: Option<u32>,
}

/// What one request did to the server.
#[derive(Clone, Debug)]
pub struct Deed {
    pub method: String,
    pub target: String,
    pub status: u16,
    /// Users before and after, as far as they changed.
    pub changed: BTreeMap<String, (Option<User>, Option<User>)>,
    pub mails: Vec<Mail>,
    /// Memberships that changed, as they are now.
    pub members: Vec<TeamMember>,
    /// It arrived when whoever had sent it was gone.
    pub late: bool,
}

#[derive(Default)]
struct State {
    trouble: Trouble,
    calls: u32,
    reads: u32,
    writes: u32,
    stores: u32,
    /// A cycle is under way, not only a person's look.
    cycle: bool,
    dead: bool,
    struck: Vec<&'static str>,
    late: Vec<Call>,
    late_since: i64,
    deeds: Vec<Deed>,
    /// The users after the last write.
    users: Option<BTreeMap<String, User>>,
    stop: Option<tokio::sync::watch::Sender<bool>>,
}

/// What all ports share.
pub struct Hub {
    state: Mutex<State>,
    pub sim: Mattermost,
    pub clock: Arc<HandClock>,
}

impl Hub {
    pub fn new(sim: Mattermost, clock: Arc<HandClock>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            sim,
            clock,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A cycle begins, in which this goes wrong.
    pub fn arm(&self, trouble: Trouble) -> tokio::sync::watch::Receiver<bool> {
        let heard = self.rest();
        let mut state = self.state();
        state.trouble = trouble;
        state.cycle = true;
        drop(state);
        heard
    }

    /// Counting begins anew, and nothing goes wrong.
    pub fn rest(&self) -> tokio::sync::watch::Receiver<bool> {
        let (stop, heard) = tokio::sync::watch::channel(false);
        let mut state = self.state();
        let late = std::mem::take(&mut state.late);
        *state = State {
            late,
            late_since: state.late_since,
            stop: Some(stop),
            ..State::default()
        };
        heard
    }

    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// What went wrong in fact.
    pub fn struck(&self) -> Vec<&'static str> {
        self.state().struck.clone()
    }

    pub fn deeds(&self) -> Vec<Deed> {
        self.state().deeds.clone()
    }

    /// Requests that reached the transport.
    pub fn requests(&self) -> u32 {
        let state = self.state();
        state.reads + state.writes
    }

    /// What was on its way when its sender died arrives while the next cycle reads.
    fn deliver_late(&self) {
        let late = {
            let mut state = self.state();
            let asked = state.reads + state.writes;
            let too_old = state.late_since < self.clock.truth() - LATE;
            if !state.cycle || asked < LATE_AFTER && !too_old {
                return;
            }
            std::mem::take(&mut state.late)
        };
        for call in late {
            self.carry_out(&call, true);
        }
    }

    /// Counts one call of any port: `Some` when it meets the end.
    fn tick(&self) -> Option<Moment> {
        let mut state = self.state();
        if state.dead {
            return Some(Moment::Before);
        }
        state.calls += 1;
        let (at, moment) = state.trouble.kill?;
        if at != state.calls {
            return None;
        }
        state.dead = true;
        state.struck.push("kill");
        Some(moment)
    }

    fn strike(&self, write: bool) -> Option<Failure> {
        let mut state = self.state();
        let (number, trouble) = if write {
            state.writes += 1;
            (state.writes, state.trouble.write)
        } else {
            state.reads += 1;
            (state.reads, state.trouble.read)
        };
        if write && state.trouble.stop == Some(number) {
            state.struck.push("stop");
            if let Some(stop) = &state.stop {
                let _ = stop.send(true);
            }
        }
        let (first, times, failure) = trouble?;
        if !(first..first + times).contains(&number) {
            return None;
        }
        state.struck.push(if write { "write" } else { "read" });
        Some(failure)
    }

    /// Asks the server, and takes down what that did.
    fn carry_out(&self, call: &Call, late: bool) -> Response {
        if !is_write(&call.method, call.path()) {
            return response(self.sim.ask(call));
        }
        let by_id = || -> BTreeMap<String, User> {
            let users = self.sim.users().into_iter();
            users.map(|user| (user.id.clone(), user)).collect()
        };
        // Nobody else changes the server while a cycle runs.
        let known = self.state().users.take();
        let users = known.unwrap_or_else(by_id);
        let (mails, members) = (self.sim.mails().len(), self.sim.team_members());
        let answer = response(self.sim.ask(call));
        let after = by_id();
        let mut changed = BTreeMap::new();
        for (id, now) in &after {
            if users.get(id) != Some(now) {
                changed.insert(id.clone(), (users.get(id).cloned(), Some(now.clone())));
            }
        }
        let gone = users.into_iter().filter(|(id, _)| !after.contains_key(id));
        changed.extend(gone.map(|(id, before)| (id, (Some(before), None))));
        let mut joined = self.sim.team_members();
        joined.retain(|member| !members.contains(member));
        let deed = Deed {
            method: call.method.clone(),
            target: call.target.clone(),
            status: answer.status,
            changed,
            mails: self.sim.mails().split_off(mails),
            members: joined,
            late,
        };
        let mut state = self.state();
        state.deeds.push(deed);
        state.users = Some(after);
        answer
    }

    fn late(&self, call: Call) {
        let mut state = self.state();
        state.late.push(call);
        state.late_since = self.clock.truth();
    }
}

fn response(fate: Fate) -> Response {
    match fate {
        Fate::Answer(answer) => Response {
            status: answer.status,
            headers: answer.headers.into_iter().collect(),
            body: answer.body,
        },
        Fate::Cut | Fate::Hang => Response::default(),
    }
}

/// The way to the simulated server.
pub struct Wire {
    pub hub: Arc<Hub>,
    /// `None`: over the local socket.
    pub token: Option<String>,
}

impl Wire {
    fn exchange(&self, request: &Request) -> Result<Response, SendError> {
        let call = Call::new(request.method.name(), &request.path);
        let call = match &self.token {
            Some(token) => call.token(token),
            None => call.local(),
        };
        let call = match &request.body {
            Some(body) => call.json(body),
            None => call,
        };
        self.hub.deliver_late();
        let failure = match self.hub.tick() {
            Some(moment) => Some(Failure::Cut(moment)),
            None => self.hub.strike(request.writes),
        };
        let Some(failure) = failure else {
            return Ok(self.hub.carry_out(&call, false));
        };
        let timeout = SendError::Timeout {
            after: request.timeout,
        };
        match failure {
            Failure::Cut(moment) => self.lost(call, moment, broken()),
            Failure::Timeout(moment) => self.lost(call, moment, timeout),
            Failure::Broken500(moment) => {
                let _ = self.lost(call, moment, broken());
                Ok(refusal(500))
            }
            Failure::Refused(status) => Ok(refusal(status)),
            Failure::TooMany => Ok(Response {
                headers: [("retry-after".to_owned(), "1".to_owned())].into(),
                ..refusal(429)
            }),
            Failure::NotConnected => Err(SendError::NotConnected {
                to: "the server".into(),
                why: "connection refused".into(),
            }),
        }
    }

    fn lost(&self, call: Call, moment: Moment, error: SendError) -> Result<Response, SendError> {
        match moment {
            Moment::Before => {}
            Moment::After => {
                self.hub.carry_out(&call, false);
            }
            Moment::Later if is_write(&call.method, call.path()) => self.hub.late(call),
            Moment::Later => {}
        }
        Err(error)
    }
}

fn broken() -> SendError {
    SendError::Broken {
        why: "connection reset".into(),
    }
}

fn refusal(status: u16) -> Response {
    Response {
        status,
        body: b"the proxy is not well\n".to_vec(),
        ..Response::default()
    }
}

impl Transport for Wire {
    fn send<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, SendError>> {
        async move { self.exchange(&request) }.boxed()
    }

    fn way(&self) -> Way {
        match self.token {
            Some(_) => Way::Token,
            None => Way::Local,
        }
    }

    fn label(&self) -> &str {
        "the simulated server"
    }
}

/// The directory. The real provider works on a runtime of its own, whose clock runs.
pub struct Door {
    pub hub: Arc<Hub>,
    pub real: LdapProvider,
    pub runtime: tokio::runtime::Handle,
}

impl Provider for Door {
    fn read<'a>(&'a mut self, ask: &'a Ask) -> BoxFuture<'a, Result<Reading, ProviderError>> {
        if self.hub.tick().is_some() {
            let gone = Err(ProviderError::Unreachable("the process is dead".into()));
            return async { gone }.boxed();
        }
        let (mut real, ask) = (self.real.clone(), ask.clone());
        let (said, heard) = std::sync::mpsc::channel();
        self.runtime.spawn(async move {
            let _ = said.send(real.read(&ask).await);
        });
        async move { heard.recv().unwrap() }.boxed()
    }
}

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
            let result = match work {
                Some(work) => Some(wait(work)),
                None => None,
            };
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

/// Clocks that stand still until they are moved.
pub struct HandClock(Mutex<(Now, i64)>);

impl HandClock {
    pub fn new(wall: i64) -> Arc<Self> {
        let now = Now {
            wall: Timestamp(wall),
            boot: Duration::from_secs(3600),
            boot_id: "boot-0".into(),
        };
        Arc::new(Self(Mutex::new((now, 0))))
    }

    /// Time passes: on all clocks.
    pub fn advance(&self, by: Duration) {
        let mut clock = self.0.lock().unwrap();
        clock.0.wall = clock.0.wall.after(by);
        clock.0.boot += by;
        clock.1 += i64::try_from(by.as_millis()).unwrap();
    }

    /// The machine's clock is set.
    pub fn jump(&self, hours: i64) {
        self.0.lock().unwrap().0.wall.0 += hours * 3_600_000;
    }

    pub fn reboot(&self) {
        let mut clock = self.0.lock().unwrap();
        clock.0.boot = Duration::from_secs(20);
        clock.0.boot_id.push('x');
    }

    /// How much time has passed in truth, in milliseconds.
    pub fn truth(&self) -> i64 {
        self.0.lock().unwrap().1
    }
}

impl Clock for HandClock {
    fn now(&self) -> Now {
        self.0.lock().unwrap().0.clone()
    }
}

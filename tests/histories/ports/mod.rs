//! What stands between the engine and the world: each port does its real work, counts, and fails
//! when it is told to. A kill is that every port fails from one call on.

mod clock;
mod disk;
mod door;
mod lies;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use mattermost_sim::{Call, Fate, Mail, Mattermost, TeamMember, User, is_write};
use mattersync::mattermost::Response;

pub use clock::HandClock;
pub use disk::Disk;
pub use door::Door;
pub use lies::{Lie, List, Part, Refused};
pub use wire::{LARGEST, Wire};

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
    /// It was refused because all seats are taken.
    pub no_seat: bool,
    /// Users before and after, as far as they changed.
    pub changed: BTreeMap<String, (Option<User>, Option<User>)>,
    pub mails: Vec<Mail>,
    /// Memberships that changed, as they are now.
    pub members: Vec<TeamMember>,
    /// It arrived when whoever had sent it was gone.
    pub late: bool,
    /// Whom the server refuses for ever.
    pub refused: Option<u32>,
}

impl Deed {
    /// A request that changed nothing, so far.
    fn of(call: &Call, status: u16) -> Self {
        Self {
            method: call.method.clone(),
            target: call.target.clone(),
            status,
            no_seat: false,
            changed: BTreeMap::new(),
            mails: Vec::new(),
            members: Vec::new(),
            late: false,
            refused: None,
        }
    }
}

/// A request that is still under way.
struct Late {
    call: Call,
    /// It arrives after so many requests of a cycle, and not before this cycle.
    after: u32,
    cycle: u32,
    /// When it was sent, in true milliseconds.
    since: i64,
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
    late: Vec<Late>,
    /// What is said instead of the truth, and how often it was.
    lie: Lie,
    lied: u32,
    /// The server as it was when the lie was the truth.
    replica: Option<Mattermost>,
    /// Whom the server refuses for ever, by number.
    refused: BTreeMap<u32, Refused>,
    cycles: u32,
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
    pub fn arm(
        &self,
        trouble: Trouble,
        lie: Lie,
        replica: Option<Mattermost>,
    ) -> tokio::sync::watch::Receiver<bool> {
        let heard = self.rest();
        let mut state = self.state();
        state.trouble = trouble;
        state.lie = lie;
        state.replica = replica;
        state.cycle = true;
        state.cycles += 1;
        drop(state);
        heard
    }

    /// Counting begins anew, and nothing goes wrong.
    pub fn rest(&self) -> tokio::sync::watch::Receiver<bool> {
        let (stop, heard) = tokio::sync::watch::channel(false);
        let mut state = self.state();
        let late = std::mem::take(&mut state.late);
        let refused = std::mem::take(&mut state.refused);
        *state = State {
            late,
            refused,
            cycles: state.cycles,
            stop: Some(stop),
            ..State::default()
        };
        heard
    }

    /// From now on the server refuses these people.
    pub fn refuse_for_ever(&self, people: impl IntoIterator<Item = (u32, Refused)>) {
        self.state().refused.extend(people);
    }

    /// The users that refused people have by now.
    pub fn know_refused(&self, user: impl Fn(u32) -> Option<String>) {
        for (number, refused) in &mut self.state().refused {
            refused.user = refused.user.take().or_else(|| user(*number));
        }
    }

    /// Whom the server refuses, whatever number they have by now.
    pub fn refused(&self, linked: &BTreeMap<u32, String>) -> std::collections::BTreeSet<u32> {
        let state = self.state();
        let users = state.refused.values().filter_map(|r| r.user.as_ref());
        let users: Vec<&String> = users.collect();
        let moved = linked.iter().filter(|(_, user)| users.contains(user));
        let moved = moved.map(|(number, _)| *number);
        state.refused.keys().copied().chain(moved).collect()
    }

    /// How many answers were not the truth.
    pub fn lied(&self) -> u32 {
        self.state().lied
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

    /// What was on its way when its sender gave up or died arrives: in the same cycle, while the
    /// next one reads, or while that one writes.
    fn deliver_late(&self) {
        let due: Vec<Late> = {
            let mut state = self.state();
            if !state.cycle {
                return;
            }
            let (asked, cycle) = (state.reads + state.writes, state.cycles);
            let old = self.clock.truth() - LATE;
            let is_due =
                |late: &mut Late| late.since < old || cycle >= late.cycle && asked >= late.after;
            state.late.extract_if(.., is_due).collect()
        };
        for late in due {
            self.carry_out(&late.call, true);
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
            no_seat: answer.status == 400
                && String::from_utf8_lossy(&answer.body).contains("user_limit"),
            changed,
            mails: self.sim.mails().split_off(mails),
            members: joined,
            late,
            ..Deed::of(call, answer.status)
        };
        let mut state = self.state();
        state.deeds.push(deed);
        state.users = Some(after);
        answer
    }

    fn late(&self, call: Call) {
        let since = self.clock.truth();
        let mut state = self.state();
        let (calls, now) = (state.calls, state.cycles);
        state.late.push(Late {
            call,
            after: 2 + calls % 13,
            // Of a process that lives some arrive soon.
            cycle: now + u32::from(!calls.is_multiple_of(3)),
            since,
        });
    }

    /// For how long a request is under way: others that were sent later may overtake it.
    fn detour(&self) -> u32 {
        self.state().calls % 3
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

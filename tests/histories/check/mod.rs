//! The checker: it knows the truth by itself, and judges what was done from outside, by what the
//! server was asked and what the directory had said. It shares no code with the planner.

mod amnesia;
mod approvals;
mod branch;
mod delays;
mod duplicates;
mod end;
mod guard;
mod identity;
mod lies;
mod mails;
mod persons;
mod purge;
mod reach;
mod reading;
mod reasons;
mod seats;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mattermost_sim::User;

use crate::events::{Fault, Proof, Setting};
use crate::happen::Done;
use crate::ports::Deed;
use crate::served::{Seen, Served, State};
use crate::stage::{Cycle, Snapshot};
use crate::world::UNITS;

pub use approvals::hold_word;

/// A promise of the design that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub promise: u8,
    pub what: String,
}

pub type Verdict = Result<(), Broken>;

pub fn broken<T>(promise: u8, what: impl Into<String>) -> Result<T, Broken> {
    let what = what.into();
    Err(Broken { promise, what })
}

/// Why a user is inactive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// Mattersync did it, because of the directory.
    Ours,
    /// Mattersync did it, because a person said so.
    Ordered,
    /// An administrator did it.
    ByHand,
    /// Mattersync did it, and then its memory was taken from it.
    Forgotten,
}

/// What was sent in one cycle arrives in the next one that gets so far as to ask the server.
const LATE: usize = 3;

/// What the checker knows.
pub struct Checker {
    setting: Setting,
    /// For whom each user was made, or adopted with a person's approval.
    owner: BTreeMap<String, u32>,
    /// Others for whom a user may have been made as well: they share name and address.
    twins: BTreeMap<String, BTreeSet<u32>>,
    /// Users whom mattersync made.
    made: BTreeSet<String>,
    /// Those of them who came after nobody waited for them any more.
    made_late: BTreeSet<String>,
    down: BTreeMap<String, Down>,
    /// Users of whom mattersync knows that they are down by itself: of a deactivation that nobody
    /// answered it cannot tell whether somebody undid it or whether it never arrived.
    known_down: BTreeSet<String>,
    /// Users whom mattersync remembers to have deactivated, whatever happened since.
    once_down: BTreeSet<String>,
    /// Users whom an administrator reactivated although mattersync had deactivated them.
    respected: BTreeSet<String>,
    /// Those of whom it cannot be told whether the directory has agreed meanwhile.
    maybe_respected: BTreeSet<String>,
    /// When complete readings in a row did not contain an account, in true milliseconds.
    absent: BTreeMap<u32, Vec<i64>>,
    /// How many complete readings in a row showed somebody who is inactive as active.
    back: BTreeMap<u32, u32>,
    /// The number of accounts, of all and in each unit, in the last true reading that was used.
    believed: (usize, [usize; UNITS.len()]),
    /// A person said that it is right that the directory shrank.
    shrunk: bool,
    /// Fields of which a person said that it is right that nobody has them: the few who were not
    /// shown then follow.
    agreed: BTreeSet<String>,
    /// Accounts whose id is known to be that of several entries.
    twice: BTreeSet<u32>,
    /// What was read in the last cycles.
    earlier: VecDeque<Served>,
    /// Last shown username of an account, as Mattermost has it.
    names: BTreeMap<u32, String>,
    /// The same as the directory writes it.
    written: BTreeMap<u32, String>,
    /// Where an account was shown last in a cycle that went well, and where it was shown since in
    /// others, of which nobody knows what mattersync made of them.
    places: BTreeMap<u32, BTreeSet<String>>,
    approvals: approvals::Approvals,
    guard: guard::Sums,
    mails: mails::Mails,
    seats: seats::Seats,
    /// The state was lost, or an older one put in its place.
    pub amnesia: bool,
    /// What stands in a copy of the state.
    copy: amnesia::Copy,
    runs: amnesia::Runs,
    /// By how much the wall clock is ahead of the true time, in milliseconds.
    offset: Option<i64>,
    clock_jumped: bool,
    /// It was set since the last cycle that went well.
    fresh_jump: bool,
    /// The directory was replaced.
    replaced: bool,
    persons: persons::Persons,
    /// How often mattersync gave somebody a name or an address back.
    given_back: BTreeMap<String, u32>,
    /// Since when somebody who is inactive has been gone, in true milliseconds.
    gone: BTreeMap<u32, i64>,
    /// On which day an account expires, and since when that is shown.
    dates: BTreeMap<u32, (i64, i64)>,
    /// The machine was started anew: nobody knows for how long it was off.
    pub rebooted: bool,
    /// The state says of itself that it is not the last one, nobody has approved what is held
    /// because of that, and no cycle went well since.
    noticed: bool,
}

impl Checker {
    pub fn new(setting: &Setting) -> Self {
        Self {
            setting: setting.clone(),
            owner: BTreeMap::new(),
            twins: BTreeMap::new(),
            made: BTreeSet::new(),
            made_late: BTreeSet::new(),
            down: BTreeMap::new(),
            known_down: BTreeSet::new(),
            once_down: BTreeSet::new(),
            respected: BTreeSet::new(),
            maybe_respected: BTreeSet::new(),
            absent: BTreeMap::new(),
            back: BTreeMap::new(),
            believed: (0, [0; UNITS.len()]),
            shrunk: false,
            agreed: BTreeSet::new(),
            twice: BTreeSet::new(),
            earlier: VecDeque::new(),
            names: BTreeMap::new(),
            written: BTreeMap::new(),
            places: BTreeMap::new(),
            approvals: approvals::Approvals::default(),
            guard: guard::Sums::default(),
            mails: mails::Mails::default(),
            seats: seats::Seats::default(),
            amnesia: false,
            copy: amnesia::Copy::default(),
            runs: amnesia::Runs::default(),
            offset: None,
            clock_jumped: false,
            fresh_jump: false,
            replaced: false,
            persons: persons::Persons::default(),
            given_back: BTreeMap::new(),
            gone: BTreeMap::new(),
            dates: BTreeMap::new(),
            rebooted: false,
            noticed: false,
        }
    }

    /// Somebody else than mattersync did something.
    pub fn happened(&mut self, done: &Done) {
        match done {
            Done::Deactivated(user) => {
                // Until it has read what its own call did, mattersync takes any deactivation for it.
                let was = self.down.get(user);
                let doubtful = was == Some(&Down::Ours) && !self.known_down.contains(user);
                let down = if doubtful {
                    Down::Forgotten
                } else {
                    Down::ByHand
                };
                self.down.insert(user.clone(), down);
                self.respected.remove(user);
            }
            Done::Reactivated(user) => {
                self.down.remove(user);
                if self.known_down.contains(user) {
                    self.respected.insert(user.clone());
                } else if self.once_down.contains(user) {
                    self.maybe_respected.insert(user.clone());
                }
                self.mails.changed(user);
            }
            Done::Changed(user) => self.mails.changed(user),
            Done::Nothing | Done::Happened => {}
        }
    }

    /// Judges one cycle.
    pub fn cycle(&mut self, cycle: &Cycle) -> Verdict {
        self.read_persons(cycle);
        self.read(cycle);
        self.read_gone(cycle);
        self.mails.reading(&cycle.served);
        for deed in &cycle.deeds {
            self.deed(cycle, deed)?;
        }
        self.links(cycle)?;
        self.untouched(cycle)?;
        self.limits(cycle)?;
        self.seats(cycle)?;
        self.lied_to(cycle)?;
        self.own_branch(cycle)?;
        self.old_news(cycle)?;
        self.delays(cycle)?;
        if let Some(plan) = &cycle.plan
            && cycle.order.is_none()
        {
            self.reasons(cycle, plan)?;
        }
        self.learn(cycle);
        Ok(())
    }

    /// Takes note of what a reading shows.
    fn read(&mut self, cycle: &Cycle) {
        if cycle.order.is_some() {
            return;
        }
        let served = &cycle.served;
        // A cycle that failed may have read the directory or not: it can have seen that somebody
        // is missing or back, and need not have seen the contrary.
        let sure = cycle.error.is_none();
        for (number, shown) in served.all_shown() {
            self.names.insert(number, shown.legal_name());
            self.written.insert(number, shown.raw_name());
            let places = self.places.entry(number).or_default();
            if sure && served.proof != Proof::Broken {
                places.clear();
            }
            places.insert(shown.account.dn());
            // Who would be listed may not have been, in a reading that was cut.
            if served.proof != Proof::Broken && sure {
                self.absent.remove(&number);
            }
        }
        for (number, user) in &cycle.before.linked {
            let late = cycle.deeds.iter().filter(|d| d.late);
            let late = late.filter_map(|d| d.changed.get(user)?.1.as_ref());
            let out = late.clone().any(|u| !u.is_active());
            let active = !out && cycle.before.users.get(user).is_some_and(User::is_active);
            let seen = served.of(*number);
            let gone = matches!(seen, Seen::Elsewhere { .. } | Seen::Nowhere)
                && !self.is_misnumbered(served, *number);
            // What arrives late may arrive after the reading.
            let read_active = cycle.before.users.get(user).is_some_and(User::is_active);
            if !read_active && sure {
                self.absent.remove(number);
            } else if read_active && gone && served.proves_absence() {
                self.absent.entry(*number).or_default().push(cycle.at);
            }
            // Or as the same person under another id.
            let successor = served
                .all_shown()
                .find(|(n, _)| self.is_same_person(*n, *number));
            let gone_on = matches!(seen, Seen::Nowhere | Seen::Elsewhere { .. });
            let (number, seen) = match successor.filter(|_| gone_on) {
                Some((successor, _)) => (successor, served.of(successor)),
                None => (*number, seen),
            };
            let number = &number;
            let may_be = |s: &crate::served::Shown| s.state == State::Open || s.doubtful;
            let open = matches!(seen, Seen::Listed(s) if may_be(s));
            if active || !open {
                // A reading that proves nothing does not say that somebody went away again.
                let listed = matches!(seen, Seen::Listed(_)) && served.proof != Proof::Broken;
                if sure && (active || listed || served.proves_absence()) {
                    self.back.remove(number);
                }
            } else if served.proves() {
                *self.back.entry(*number).or_default() += 1;
            }
        }
    }

    /// Whether an entry stands where the account was seen last that cannot be used because it has
    /// another one's id: nobody is gone who may be there.
    fn is_misnumbered(&self, served: &Served, number: u32) -> bool {
        let nowhere = matches!(served.of(number), Seen::Nowhere);
        let here = served.misnumbered(number).filter(|_| nowhere);
        let seen = self.places.get(&number);
        here.is_some_and(|dn| seen.is_some_and(|at| at.len() == 1 && at.contains(dn)))
    }

    /// What one request did.
    fn deed(&mut self, cycle: &Cycle, deed: &Deed) -> Verdict {
        for member in &deed.members {
            if member.delete_at != 0 {
                return broken(1, format!("somebody was removed from a team: {member:?}"));
            }
        }
        for (id, (before, after)) in &deed.changed {
            match (before, after) {
                (None, Some(user)) => self.created(cycle, deed, user)?,
                (Some(before), Some(after)) => self.changed(cycle, deed, before, after)?,
                (Some(before), None) => self.purged(cycle, before)?,
                (None, None) => return broken(3, format!("{id} was deleted for good")),
            }
        }
        self.mailed(deed)
    }

    fn changed(&mut self, cycle: &Cycle, deed: &Deed, before: &User, after: &User) -> Verdict {
        let id = &before.id;
        if before.is_bot && reach::goes_with_owner(deed, id) {
            return Ok(());
        }
        self.reached(cycle, deed, before)?;
        // Over the socket a user is written whole, as read before: what a person changes while such a
        // request is under way is lost, and the server offers nothing against that.
        let whole = deed.late && self.setting.socket;
        if before.roles != after.roles || (before.props != after.props && !whole) {
            return broken(
                1,
                format!("roles or props of {} were changed", before.username),
            );
        }
        if before.is_active() && !after.is_active() {
            let ordered = cycle.order.as_ref() == Some(id);
            if !ordered && !deed.late {
                self.may_go(cycle, before)?;
            }
            let down = if ordered { Down::Ordered } else { Down::Ours };
            self.down.insert(id.clone(), down);
        } else if !before.is_active() && after.is_active() {
            if !deed.late {
                self.may_return(cycle, before)?;
            }
            self.down.remove(id);
        } else if before.delete_at != after.delete_at && deed.late {
            // An earlier attempt of ours. Whose work came before it nobody can tell any more.
            let down = self.down.entry(id.clone()).or_insert(Down::Forgotten);
            if *down == Down::ByHand {
                *down = Down::Forgotten;
            }
        } else if before.delete_at != after.delete_at && !overtaken(cycle, id) {
            let name = &before.username;
            return broken(3, format!("{name} was deactivated again: delete_at moved"));
        }
        if before.username != after.username {
            *self.given_back.entry(id.clone()).or_default() += 1;
        }
        if deed.late {
            return Ok(());
        }
        self.privileged(cycle, before, after)?;
        self.values(cycle, before, after)
    }

    /// Afterwards.
    fn learn(&mut self, cycle: &Cycle) {
        self.count_twice(cycle);
        self.learn_persons(cycle);
        self.fresh_jump &= cycle.error.is_some() || cycle.order.is_some();
        if !matches!(cycle.served.fault, Fault::HideAttribute(_)) {
            self.agreed.clear();
        }
        self.earlier.push_front(cycle.served.clone());
        self.earlier.truncate(LATE);
        if cycle.deeds.iter().any(|d| !d.late) {
            self.runs.begun();
        }
        self.noticed &= cycle.error.is_some() || cycle.order.is_some();
        let known = cycle
            .after
            .memory
            .links()
            .map(|(_, link)| link)
            .filter(|link| {
                let user = cycle.after.users.get(link.user.as_str());
                let seen = link.deactivated.as_ref().and_then(|d| d.delete_at);
                seen.is_some_and(|at| user.is_some_and(|u| u.delete_at == at.0))
            });
        self.known_down = known.map(|link| link.user.to_string()).collect();
        let links = cycle.after.memory.links().map(|(_, link)| link);
        let once = links.filter(|link| link.deactivated.is_some());
        self.once_down = once.map(|link| link.user.to_string()).collect();
        let served = &cycle.served;
        // A cycle that did something had decided before it failed.
        let decided = cycle.error.is_none() || cycle.deeds.iter().any(|deed| !deed.late);
        let used = cycle.order.is_none() && decided;
        // What shrinks a little at a time is believed a little at a time, and what a person agreed
        // to at once.
        let plan = cycle.plan.iter().flat_map(|plan| &plan.holds);
        let doubted = |hold: &mattersync::model::Hold| hold_word(&hold.key).starts_with("shrank");
        let agreed = self.shrunk && !plan.into_iter().any(doubted);
        let even = served.proves() && (agreed || !self.is_odd(served));
        if used && (served.proof == Proof::True || even) {
            self.believed = (served.listed, served.units);
            self.shrunk &= served.proof != Proof::True;
        }
        if used && served.proof == Proof::True && !cycle.killed && cycle.struck.is_empty() {
            self.guard.a_clean_cycle(cycle, self.setting.limits);
        }
        // The directory agrees with the administrator: the matter is over.
        if cycle.error.is_none() && cycle.order.is_none() {
            for (number, user) in &cycle.before.linked {
                let doubtful = matches!(served.of(*number), Seen::Listed(s) if s.doubtful);
                let open = matches!(served.of(*number), Seen::Listed(s) if s.state == State::Open);
                if !open && !doubtful || !self.respected.contains(user) {
                    continue;
                }
                // Whether a cut reading had them nobody knows.
                if served.proof == Proof::Broken || doubtful {
                    self.maybe_respected.insert(user.clone());
                }
                self.respected.remove(user);
            }
        }
    }

    /// The account that a user is linked to, as remembered after the cycle or before.
    fn linked_to(&self, cycle: &Cycle, user: &str) -> Option<u32> {
        let of = |snapshot: &Snapshot| snapshot.accounts.get(user)?.first().copied();
        of(&cycle.after).or_else(|| of(&cycle.before))
    }
}

/// Whether an earlier attempt to deactivate a user arrived in this cycle, perhaps after the user was
/// read for the last time.
fn overtaken(cycle: &Cycle, user: &str) -> bool {
    let mut late = cycle.deeds.iter().filter(|deed| deed.late);
    late.any(|deed| {
        let change = deed.changed.get(user);
        change.is_some_and(|(_, after)| after.as_ref().is_some_and(|u| !u.is_active()))
    })
}

/// An account for people, with all that was shown of it.
pub fn tell(served: &Served, number: u32) -> String {
    match served.of(number) {
        Seen::Listed(shown) => {
            let (name, dn) = (shown.raw_name(), shown.account.dn());
            format!("account {number} ({name}, {dn}, {:?})", shown.state)
        }
        Seen::Unusable(all) => {
            let places: Vec<String> = all.iter().map(|shown| shown.account.dn()).collect();
            format!("account {number} (unusable: {})", places.join(" and "))
        }
        other => format!("account {number} ({other:?})"),
    }
}

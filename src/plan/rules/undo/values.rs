//! Usernames and addresses that people take back. Several may have changed hands: one can go back
//! only if whoever has it now gives it up in the same plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    AccountKey, Action, Link, Precondition, StepId, Undoing, Undone, User, UserId, ValueOf, Values,
    Why,
};
use crate::plan::facts::temporary::is_temporary;
use crate::plan::facts::{address, exchange};
use crate::plan::ledger::draft::Draft;
use crate::plan::ledger::undone_steps::{reason, subject};
use crate::plan::ledger::{rings, undone_steps};

/// A username or an address that shall be again what it was.
#[derive(Debug)]
pub struct WantedBack<'a> {
    /// The account.
    pub key: AccountKey,
    /// The linked user.
    pub user: &'a User,
    /// Which of the two.
    pub of: ValueOf,
    /// What the run made it.
    pub made: String,
    /// What it was before.
    pub back: String,
    /// The whole of what was taken back.
    pub undone: Undone,
    /// Why it cannot be, whoever has the value now.
    pub cannot: Option<String>,
    /// The server waits for the person's click.
    pub asked: bool,
}

impl<'a> WantedBack<'a> {
    /// What was taken back, if that is a username or an address.
    pub fn of(
        draft: &Draft<'_>,
        (key, link): (&AccountKey, &Link),
        user: &'a User,
        undone: &Undone,
    ) -> Option<Self> {
        let Undoing::Value { of, made, back, .. } = &undone.what else {
            return None;
        };
        if matches!(of, ValueOf::Field(_)) {
            return None;
        }
        let waits = draft.world.server.require_email_verification != Some(false);
        Some(Self {
            key: key.clone(),
            user,
            of: *of,
            made: made.clone(),
            back: back.clone(),
            cannot: cannot(draft, key, user, undone),
            asked: *of == ValueOf::Email && waits && link.email_waiting.as_ref() == Some(back),
            undone: undone.clone(),
        })
    }

    /// The present value.
    fn now(&self) -> &str {
        match self.of {
            ValueOf::Email => &self.user.email,
            _ => &self.user.username,
        }
    }

    /// Whether the user has the value that a ring was opened with.
    fn is_between(&self) -> bool {
        is_temporary(self.of, self.now(), &self.key)
    }

    /// What the user keeps if it is not taken back: who is between two values goes back to the
    /// former.
    fn keeps(&self) -> &str {
        match self.is_between() {
            true => &self.made,
            false => self.now(),
        }
    }
}

/// What becomes of a value that somebody wants back.
#[derive(Debug)]
pub enum Fate {
    /// It is carried out in this plan.
    Do(Undone),
    /// It waits.
    Wait(Undone, Why),
    /// It cannot be carried out.
    Lost(String),
    /// Nor can it, and the user gets out of the temporary value.
    Return(Undone, String),
}

/// Why a value cannot be taken back, whoever has it now.
fn cannot(draft: &Draft<'_>, key: &AccountKey, user: &User, undone: &Undone) -> Option<String> {
    let Undoing::Value { of, back, .. } = &undone.what else {
        return None;
    };
    if is_temporary(*of, back, key) {
        return Some(format!(
            "before that run the {of} was the temporary {back:?}: the run only ended an exchange \
             that an earlier one had begun"
        ));
    }
    let domains = &draft.world.server.restrict_to_domains;
    if *of == ValueOf::Email && !address::domain_allowed(back, domains) {
        let (email, allowed) = (back.clone(), domains.join(", "));
        return Some(Why::DomainRefused { email, allowed }.to_string());
    }
    owned(user, undone).or_else(|| undone_steps::out_of_reach(draft, user))
}

/// Returns why the value is another service's to set, if it is.
pub fn owned(user: &User, undone: &Undone) -> Option<String> {
    let Undoing::Value { of, .. } = &undone.what else {
        return None;
    };
    let service = &user.auth_service;
    (!service.is_empty()).then(|| format!("the login service {service} owns the {of}"))
}

/// Decides about all values, which are all usernames or all addresses, and plans the changes.
/// Returns what becomes of each, in their order.
pub fn give_back(draft: &mut Draft<'_>, all: &[WantedBack<'_>]) -> Vec<Fate> {
    let mut lost = Losses::of(draft, all);
    lost.find();
    lost.refuse_rings();
    let lost = lost.why;
    let mut fates: Vec<Option<Fate>> = Vec::with_capacity(all.len());
    // Which of them lead to a change, and to what.
    let mut changes = Vec::new();
    for (at, wanted) in all.iter().enumerate() {
        fates.push(match lost[at].clone() {
            None => {
                changes.push((at, wanted.back.clone()));
                None
            }
            Some(why) if can_return(draft, wanted) => {
                changes.push((at, wanted.made.clone()));
                let why = format!("{why}. It is made {:?} again", wanted.made);
                Some(Fate::Return(returning(wanted), why))
            }
            Some(why) => Some(Fate::Lost(why)),
        });
    }
    let waiting = carry_out(draft, all, &changes);
    let fates = fates.into_iter().zip(all).zip(waiting);
    let fate = |((fate, wanted), waits): ((Option<Fate>, &WantedBack<'_>), Option<Why>)| {
        let undone = || wanted.undone.clone();
        fate.unwrap_or_else(|| match waits {
            Some(why) => Fate::Wait(undone(), why),
            None => Fate::Do(undone()),
        })
    };
    fates.map(fate).collect()
}

/// Which values cannot be given back, and why.
struct Losses<'d, 'a, 'w> {
    draft: &'d Draft<'a>,
    all: &'w [WantedBack<'w>],
    /// For each value the reason, once it is given up.
    why: Vec<Option<String>>,
    of_user: BTreeMap<&'w UserId, usize>,
    /// The users who want a value back.
    wanting: BTreeMap<&'w str, Vec<usize>>,
    /// The users who go back to a value if they cannot go on.
    returning: BTreeMap<&'w str, usize>,
}

impl<'d, 'a, 'w> Losses<'d, 'a, 'w> {
    fn of(draft: &'d Draft<'a>, all: &'w [WantedBack<'w>]) -> Self {
        let mut losses = Self {
            draft,
            all,
            why: vec![None; all.len()],
            of_user: BTreeMap::new(),
            wanting: BTreeMap::new(),
            returning: BTreeMap::new(),
        };
        for (at, wanted) in all.iter().enumerate() {
            losses.of_user.insert(&wanted.user.id, at);
            losses.wanting.entry(&wanted.back).or_default().push(at);
            if wanted.is_between() {
                losses.returning.insert(&wanted.made, at);
            }
        }
        losses
    }

    /// Gives up what cannot be done, and then all that waits for it.
    fn find(&mut self) {
        let mut queue: Vec<usize> = (0..self.all.len()).rev().collect();
        while let Some(at) = queue.pop() {
            if self.why[at].is_some() {
                continue;
            }
            let Some(why) = self.obstacle(at) else {
                continue;
            };
            self.why[at] = Some(why);
            let waiting = self.wanting.get(self.all[at].keeps());
            queue.extend(waiting.into_iter().flatten());
        }
    }

    fn obstacle(&self, at: usize) -> Option<String> {
        let wanted = &self.all[at];
        if let Some(why) = &wanted.cannot {
            return Some(why.clone());
        }
        let (of, back) = (wanted.of, &wanted.back);
        let rivals = self.wanting.get(back.as_str()).into_iter().flatten();
        let mut earlier = rivals.filter(|other| **other < at && self.why[**other].is_none());
        if let Some(rival) = earlier.next() {
            let user = &self.all[*rival].user;
            return Some(format!(
                "the {of} {back:?} goes back to {} ({})",
                user.username, user.id
            ));
        }
        let holder = match of {
            ValueOf::Email => self.draft.addressed(back),
            _ => self.draft.named(back),
        };
        let theirs = match holder {
            Some(user) if user.id == wanted.user.id => return None,
            Some(user) => self.of_user.get(&user.id).copied(),
            None => {
                let other = self.returning.get(back.as_str()).copied();
                Some(other.filter(|other| *other != at)?)
            }
        };
        let Some(theirs) = theirs else {
            let user = holder?;
            let known = match self.draft.owner(&user.id) {
                Some(_) => "; if that run gave it away, take the whole run back",
                None => "",
            };
            return Some(format!(
                "the {of} {back:?} belongs to {} ({}) by now{known}",
                user.username, user.id
            ));
        };
        self.why[theirs].as_ref()?;
        let theirs = &self.all[theirs];
        if holder.is_none() && !can_return(self.draft, theirs) {
            return None;
        }
        Some(format!(
            "the {of} {back:?} belongs to {} ({}), whose own cannot be taken back",
            theirs.user.username, theirs.user.id
        ))
    }

    /// Where no temporary address can be had, those who exchanged theirs keep them.
    fn refuse_rings(&mut self) {
        let email = self.all.first().is_some_and(|w| w.of == ValueOf::Email);
        if !email || rings::takes_temporary(self.draft) {
            return;
        }
        let left = (0..self.all.len()).filter(|at| self.why[*at].is_none());
        let left: Vec<usize> = left.collect();
        let changes = left.iter().map(|at| &self.all[*at]);
        let changes: Vec<_> = changes.map(|w| (w.now(), w.back.as_str())).collect();
        let rings = exchange::chains(&changes).into_iter().filter(|c| c.ring);
        for at in rings.flat_map(|ring| ring.members) {
            let at = left[at];
            self.why[at] = Some(format!(
                "the people of that run exchanged their addresses, and this server takes no \
                 temporary one, because it verifies addresses or restricts their domains: give one \
                 of them a third address in the System Console first (wanted back: {})",
                self.all[at].back
            ));
        }
    }
}

/// Whether a user who is between two values, and cannot go on, can go back.
fn can_return(draft: &Draft<'_>, wanted: &WantedBack<'_>) -> bool {
    let taken = match wanted.of {
        ValueOf::Email => draft.addressed(&wanted.made).is_some(),
        _ => draft.named(&wanted.made).is_some(),
    };
    wanted.is_between()
        && !taken
        && !is_temporary(wanted.of, &wanted.made, &wanted.key)
        && wanted.user.auth_service.is_empty()
        && draft.untouchable(wanted.user).is_none()
}

/// What is to be undone, changed so that what the run had made comes back.
fn returning(wanted: &WantedBack<'_>) -> Undone {
    let mut undone = wanted.undone.clone();
    if let Undoing::Value { made, back, .. } = &mut undone.what {
        back.clone_from(made);
    }
    undone
}

/// Plans the changes, each after the one that frees its value. Returns why each has to wait.
fn carry_out(
    draft: &mut Draft<'_>,
    all: &[WantedBack<'_>],
    changes: &[(usize, String)],
) -> Vec<Option<Why>> {
    let mut waiting: Vec<Option<Why>> = all.iter().map(|_| None).collect();
    let pairs = changes.iter().map(|(at, to)| (all[*at].now(), to.as_str()));
    let pairs: Vec<_> = pairs.collect();
    let mut freed: BTreeMap<&str, StepId> = BTreeMap::new();
    // Values that somebody gives up, but not yet.
    let mut not_yet: BTreeSet<&str> = BTreeSet::new();
    for chain in exchange::chains(&pairs) {
        let mut members = chain.members.iter();
        let mut opened = None;
        if let Some(at) = members.next().filter(|_| chain.ring) {
            let wanted = &all[changes[*at].0];
            let temporary = match wanted.of {
                ValueOf::Email => rings::free_email(draft, &wanted.key),
                _ => rings::free_username(draft, &wanted.key),
            };
            let step = change(draft, wanted, (wanted.now(), &temporary), Vec::new());
            freed.insert(wanted.now(), step);
            opened = Some((*at, temporary, step));
        } else {
            members = chain.members.iter();
        }
        for at in members {
            let (of, to) = (changes[*at].0, changes[*at].1.as_str());
            let wanted = &all[of];
            waiting[of] = waits(draft, wanted, not_yet.contains(to));
            if waiting[of].is_some() {
                not_yet.insert(wanted.now());
                continue;
            }
            let after = freed.get(to).copied().into_iter().collect();
            let step = change(draft, wanted, (wanted.now(), to), after);
            // Where the server waits for a click the old address is not free after the step.
            if wanted.of == ValueOf::Email && verifies(draft) {
                not_yet.insert(wanted.now());
            } else {
                freed.insert(wanted.now(), step);
            }
        }
        if let Some((at, temporary, step)) = opened {
            let (of, to) = (changes[at].0, changes[at].1.as_str());
            let mut after = vec![step];
            after.extend(freed.get(to));
            change(draft, &all[of], (&temporary, to), after);
        }
    }
    waiting
}

fn verifies(draft: &Draft<'_>) -> bool {
    draft.world.server.require_email_verification == Some(true)
}

fn waits(draft: &Draft<'_>, wanted: &WantedBack<'_>, not_yet: bool) -> Option<Why> {
    let email = wanted.back.clone();
    if wanted.asked {
        return Some(Why::EmailWaiting { email });
    }
    let holder = draft.addressed(&wanted.back).filter(|_| not_yet)?;
    Some(Why::UndoWaits {
        run: wanted.undone.run,
        email,
        holder: holder.username.clone(),
    })
}

fn change(
    draft: &mut Draft<'_>,
    wanted: &WantedBack<'_>,
    (from, to): (&str, &str),
    after: Vec<StepId>,
) -> StepId {
    let values = Values {
        from: from.to_owned(),
        to: to.to_owned(),
    };
    let (account, user) = (wanted.key.clone(), wanted.user.id.clone());
    let (action, expects) = match wanted.of {
        ValueOf::Email => (
            Action::ChangeEmail {
                account,
                user,
                email: values,
                waits_for_click: verifies(draft),
            },
            Precondition::Email(from.to_owned()),
        ),
        _ => (
            Action::Rename {
                account,
                user,
                username: values,
            },
            Precondition::Username(from.to_owned()),
        ),
    };
    let subject = subject(draft, &wanted.key, &wanted.undone);
    draft.step(subject, action, expects, reason(&wanted.undone), after)
}

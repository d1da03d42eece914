//! Random histories of a small organisation.

use std::time::Duration;

use mattersync::model::{
    AccountState, Class, Gap, LinkOrigin, Lookup, ProfileField, SourceIdentity, UserId,
};
use mattersync::plan::{AdoptRule, Limit};
use proptest::prelude::*;

use crate::world::{HOUR, MiniWorld, account, emails, id, key, locked};

const NAMES: [&str; 8] = ["anna", "ben", "Cleo", "dora", "finn", "eve", "all", "Gül"];
const PEOPLE: usize = 7;

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Event {
    Join(usize, usize),
    Leave(usize),
    /// The account was away: locked or gone in one cycle, there again afterwards.
    Away(usize, bool),
    State(usize, u8),
    Rename(usize, usize),
    SwapNames(usize, usize),
    Move(usize),
    Mail(usize, usize),
    TwoMails(usize, usize, usize),
    NoMail(usize, bool),
    SwapMails(usize, usize),
    Field(usize, u8, Option<u8>),
    Elsewhere(usize, u8),
    /// A user outside the directory: name, address, kind.
    Stranger(usize, usize, u8),
    /// An administrator deactivates or reactivates a user.
    ByHand(usize, bool),
    /// A person changes the own username or address.
    OwnName(usize, usize),
    OwnMail(usize, usize),
    Promote(usize),
    Login(usize),
    Click(usize),
    Order(usize),
    Hours(u8),
    Reboot,
    Gap(bool),
    Hide(u8),
    OtherServer(bool),
    Refuse(u8),
    Die(u8),
    Approve,
    Cycle,
}

pub fn event() -> impl Strategy<Value = Event> {
    use Event as E;
    let who = 0..PEOPLE;
    let name = 0..NAMES.len();
    let (w, n) = (who.clone(), name.clone());
    prop_oneof![
        6 => (w.clone(), n.clone()).prop_map(|(a, b)| E::Join(a, b)),
        2 => w.clone().prop_map(E::Leave),
        3 => (w.clone(), any::<bool>()).prop_map(|(a, b)| E::Away(a, b)),
        5 => (w.clone(), 0..4_u8).prop_map(|(a, b)| E::State(a, b.saturating_sub(1))),
        3 => (w.clone(), n.clone()).prop_map(|(a, b)| E::Rename(a, b)),
        2 => (w.clone(), w.clone()).prop_map(|(a, b)| E::SwapNames(a, b)),
        1 => w.clone().prop_map(E::Move),
        3 => (w.clone(), n.clone()).prop_map(|(a, b)| E::Mail(a, b)),
        1 => (w.clone(), n.clone(), n.clone()).prop_map(|(a, b, c)| E::TwoMails(a, b, c)),
        1 => (w.clone(), any::<bool>()).prop_map(|(a, b)| E::NoMail(a, b)),
        1 => (w.clone(), w.clone()).prop_map(|(a, b)| E::SwapMails(a, b)),
        3 => (w.clone(), 0..5_u8, prop::option::of(0..3_u8)).prop_map(|(a, b, c)| E::Field(a, b, c)),
        1 => (w.clone(), 0..4_u8).prop_map(|(a, b)| E::Elsewhere(a, b)),
        4 => (n.clone(), n.clone(), 0..8_u8)
            .prop_map(|(a, b, c)| E::Stranger(a, if c % 2 == 0 { a } else { b }, c)),
        2 => (w.clone(), any::<bool>()).prop_map(|(a, b)| E::ByHand(a, b)),
        1 => (w.clone(), n.clone()).prop_map(|(a, b)| E::OwnName(a, b)),
        1 => (w.clone(), n).prop_map(|(a, b)| E::OwnMail(a, b)),
        1 => w.clone().prop_map(E::Promote),
        1 => w.clone().prop_map(E::Login),
        1 => w.clone().prop_map(E::Click),
        1 => w.prop_map(E::Order),
        2 => (1..30_u8).prop_map(E::Hours),
        1 => Just(E::Reboot),
        1 => prop::bool::weighted(0.3).prop_map(E::Gap),
        1 => any::<u8>().prop_map(E::Hide),
        1 => any::<bool>().prop_map(E::OtherServer),
        1 => (0..6_u8).prop_map(E::Refuse),
        1 => (0..6_u8).prop_map(E::Die),
        1 => Just(E::Approve),
        20 => Just(E::Cycle),
    ]
}

/// A world with some policy, and what happens in it.
pub fn history() -> impl Strategy<Value = (MiniWorld, Vec<Event>)> {
    (settings(), prop::collection::vec(event(), 4..36))
}

fn settings() -> impl Strategy<Value = MiniWorld> {
    let seats = prop::option::weighted(0.3, 4..8_u64);
    let room = prop::option::weighted(0.2, 2..6_u64);
    let people = 0..PEOPLE - 1;
    (0..4_u8, 0..3_u8, any::<[bool; 4]>(), seats, room, people).prop_map(
        |(adopt, grace, [auto, verifies, only, protect], seats, room, people)| {
            let mut world = MiniWorld::new();
            world.policy.adopt = match adopt {
                0 => AdoptRule::Never,
                1 => AdoptRule::Username,
                2 => AdoptRule::Email,
                _ => AdoptRule::UsernameAndEmail,
            };
            world.policy.grace = HOUR * 10 * u32::from(grace);
            if auto {
                world.policy.guard.clear();
            }
            if protect {
                world.policy.protect.insert("anna".into());
            }
            world.server.verifies_email = verifies;
            world.server.seat_limit = seats;
            world.server.max_users_per_team = room;
            if only {
                world.server.domains = vec!["example.org".into()];
            }
            for person in 0..people {
                world.happen(&Event::Join(person, person));
            }
            world.cycle();
            world.cycle();
            world
        },
    )
}

fn who(number: usize) -> String {
    format!("p{number}")
}

fn mail(number: usize) -> String {
    let domain = if number == 6 {
        "else.net"
    } else {
        "example.org"
    };
    format!("{}@{domain}", NAMES[number].to_lowercase())
}

impl MiniWorld {
    /// What an event is made of, in order.
    pub fn parts(&self, event: &Event) -> Vec<Event> {
        let Event::Away(person, gone) = event else {
            return vec![event.clone()];
        };
        let Some(account) = self.accounts.get(&id(&who(*person))) else {
            return Vec::new();
        };
        let name = NAMES
            .iter()
            .position(|n| *n == account.username)
            .unwrap_or(0);
        let (away, back) = match gone {
            true => (Event::Leave(*person), Event::Join(*person, name)),
            false => (Event::State(*person, 1), Event::State(*person, 0)),
        };
        vec![away, Event::Cycle, back, Event::Cycle]
    }

    /// Lets an event happen. A cycle is for the caller: `true` for one.
    pub fn happen(&mut self, event: &Event) -> bool {
        match event {
            Event::Cycle => return true,
            Event::Away(..) => {}
            Event::Join(person, name) => {
                let mut new = account(&who(*person), NAMES[*name]);
                new.emails = emails(&[&mail(*name)]);
                self.accounts.entry(id(&who(*person))).or_insert(new);
            }
            Event::Leave(person) => {
                self.accounts.remove(&id(&who(*person)));
            }
            Event::Stranger(name, mail_of, kind) => self.stranger(*name, *mail_of, *kind),
            Event::Elsewhere(person, how) => self.elsewhere(*person, *how),
            Event::Hours(hours) => self.tick(Duration::from_secs(3600 * u64::from(*hours))),
            Event::Reboot => {
                self.now.boot = Duration::from_secs(60);
                self.now.boot_id.push('x');
            }
            Event::Gap(gap) => {
                self.gaps.clear();
                self.gaps.extend(gap.then_some(Gap::Empty));
            }
            Event::Hide(mask) => {
                let ids = (0..PEOPLE).filter(|n| mask & (1 << n) != 0);
                self.hidden = ids.map(|n| id(&who(n))).collect();
            }
            Event::OtherServer(other) => {
                let server = if *other { "two" } else { "one" };
                self.identity = SourceIdentity {
                    server: Some(server.into()),
                    ..self.identity.clone()
                };
            }
            Event::Refuse(later) => {
                self.refuse.insert(self.server.writes + usize::from(*later));
            }
            Event::Die(later) => self.die_after = Some(self.server.writes + usize::from(*later)),
            Event::Approve => {
                let plan = self.plan();
                for hold in &plan.holds {
                    self.approve(&plan, &hold.key);
                }
            }
            Event::ByHand(..)
            | Event::OwnName(..)
            | Event::OwnMail(..)
            | Event::Promote(_)
            | Event::Login(_)
            | Event::Click(_)
            | Event::Order(_) => self.on_server(event),
            _ => self.in_directory(event),
        }
        false
    }

    fn in_directory(&mut self, event: &Event) {
        let person = match event {
            Event::State(p, _)
            | Event::Rename(p, _)
            | Event::SwapNames(p, _)
            | Event::Move(p)
            | Event::Mail(p, _)
            | Event::TwoMails(p, ..)
            | Event::NoMail(p, _)
            | Event::SwapMails(p, _)
            | Event::Field(p, ..) => *p,
            _ => return,
        };
        let other = match event {
            Event::SwapNames(_, b) | Event::SwapMails(_, b) => self.accounts.get(&id(&who(*b))),
            _ => None,
        };
        let other = other.cloned();
        let Some(account) = self.accounts.get_mut(&id(&who(person))) else {
            return;
        };
        match event {
            Event::State(_, 0) => account.state = AccountState::Active,
            Event::State(_, 1) => account.state = locked(),
            Event::State(..) => {
                account.state = AccountState::Unknown {
                    why: "no right".into(),
                }
            }
            Event::Rename(_, name) => account.username = NAMES[*name].into(),
            Event::Move(_) => account.dn = format!("uid={},ou=moved,dc=example", account.username),
            Event::Mail(_, of) => account.emails = emails(&[&mail(*of)]),
            Event::TwoMails(_, a, b) => {
                let (a, b) = (mail(*a.min(b)), mail(*a.max(b)));
                account.emails = emails(&[&a, &b]);
            }
            Event::NoMail(_, fall_back) => {
                account.emails = emails(&[]);
                if *fall_back {
                    let mut other = emails(&[&format!("{}@example.org", account.id)]);
                    other[0].source = "{id}@example.org".into();
                    account.emails.extend(other);
                }
            }
            Event::Field(_, field, value) => {
                let field = ProfileField::ALL[usize::from(*field)];
                match value {
                    Some(value) => {
                        let value = ["de", "it", "zz"][usize::from(*value)];
                        account.profile.insert(field, value.into());
                    }
                    None => {
                        account.profile.remove(&field);
                    }
                }
            }
            _ => {}
        }
        let Some(mut other) = other else { return };
        match event {
            Event::SwapNames(..) => std::mem::swap(&mut account.username, &mut other.username),
            Event::SwapMails(..) => std::mem::swap(&mut account.emails, &mut other.emails),
            _ => {}
        }
        self.accounts.insert(other.id.clone(), other);
    }

    fn on_server(&mut self, event: &Event) {
        let link = |p: &usize| self.memory.link(&key(&who(*p))).map(|l| l.user.clone());
        match event {
            Event::ByHand(p, active) => {
                let seat = self
                    .server
                    .seat_limit
                    .is_none_or(|l| self.server.active() < l);
                if let Some(user) = link(p).filter(|_| seat || !active) {
                    let only = self.server.human_admins() == 1;
                    if *active || !(only && self.server.user(&user).is_admin()) {
                        self.server.set_active(&user, *active);
                    }
                }
            }
            Event::OwnName(p, name) => {
                let name = NAMES[*name].to_lowercase();
                if let Some(user) = link(p).filter(|_| self.server.name_is_free(&name, None))
                    && name != "all"
                {
                    self.server.user(&user).username = name;
                }
            }
            Event::OwnMail(p, of) => {
                let mail = mail(*of);
                if let Some(user) = link(p).filter(|_| self.server.email_is_free(&mail, None)) {
                    self.server.user(&user).email = mail;
                }
            }
            Event::Promote(p) => {
                if let Some(user) = link(p) {
                    self.server.user(&user).roles.insert("system_admin".into());
                }
            }
            Event::Login(p) => {
                if let Some(user) = link(p) {
                    self.server.user(&user).auth_service = "gitlab".into();
                }
            }
            Event::Click(p) => {
                if let Some(user) = link(p) {
                    self.server.click(&user);
                }
            }
            Event::Order(p) if link(p).is_some() => self.order(&who(*p)),
            _ => {}
        }
    }

    fn elsewhere(&mut self, person: usize, how: u8) {
        let dn = "uid=x,ou=elsewhere".to_owned();
        let said = match how {
            0 => None,
            1 => Some(Err(Gap::Lookup("busy".into()))),
            2 => Some(Ok(Lookup::Elsewhere {
                dn,
                state: locked(),
                new_id: None,
            })),
            _ => {
                let state = AccountState::Active;
                Some(Ok(Lookup::Elsewhere {
                    dn,
                    state,
                    new_id: None,
                }))
            }
        };
        self.lookups.insert(id(&who(person)), said);
    }

    fn stranger(&mut self, name: usize, mail_of: usize, kind: u8) {
        let (name, mail) = (NAMES[name].to_lowercase(), mail(mail_of));
        let seat = self
            .server
            .seat_limit
            .is_none_or(|l| self.server.active() < l);
        if !seat
            || !self.server.name_is_free(&name, None)
            || !self.server.email_is_free(&mail, None)
        {
            return;
        }
        let user = self.server.stranger(&name, &mail);
        let user = self.server.user(&user);
        match kind {
            0 => user.is_bot = true,
            1 => drop(user.roles.insert("system_guest".into())),
            2 => drop(user.roles.insert("system_admin".into())),
            _ => {}
        }
    }

    /// The users whom we created ourselves.
    pub fn created(&self) -> impl Iterator<Item = &UserId> {
        let links = self.memory.links().map(|(_, link)| link);
        links
            .filter(|l| l.origin == LinkOrigin::Created)
            .map(|l| &l.user)
    }
}

/// The classes that a world's guard limits.
pub fn limited(world: &MiniWorld, class: Class) -> bool {
    world.policy.guard.get(&class) != Some(&Limit::Off)
}

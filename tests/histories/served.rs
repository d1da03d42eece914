//! What the directory server says in one reading, and what that shows of whom.

use std::collections::{BTreeMap, BTreeSet};

use ldap_fault::{Armed, At, Entry, Fault as Ldap, FaultServer, Target};

use crate::dice::Dice;
use crate::events::{Fault, Proof};
use crate::world::{Account, BASE, CONTEXT, Directory, Flaw, Lock, Place, UNITS};

/// What a reading shows of an account.
#[derive(Clone, Debug)]
pub enum Seen {
    /// It is listed.
    Listed(Shown),
    /// More than one entry has its id: these.
    Unusable(Vec<Shown>),
    /// A look-up finds it outside the base.
    Elsewhere {
        locked: bool,
    },
    Nowhere,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    Locked,
    /// Locks cannot be seen.
    Unknown,
}

/// An entry as it is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// As in the directory; what is hidden is empty.
    pub account: Account,
    pub no_mail: bool,
    pub no_given: bool,
    pub title: String,
    pub state: State,
    /// Nothing but a day that has come locks the account.
    pub by_date: bool,
    /// By mattersync's clock the day has come, or not, and in truth it is the other way.
    pub doubtful: bool,
}

impl Shown {
    pub fn is_locked(&self) -> bool {
        self.state == State::Locked
    }

    /// The username as it is written in the directory.
    pub fn raw_name(&self) -> String {
        match self.account.flaw {
            Some(Flaw::NoName) => "--".into(),
            _ => self.account.name.raw(),
        }
    }

    /// The username as Mattermost can have it; what it is now, if it has no legal form.
    pub fn legal_name(&self) -> String {
        match self.account.flaw {
            Some(Flaw::NoName) => "--".into(),
            _ => self.account.name.legal(),
        }
    }

    pub fn given(&self) -> String {
        if self.no_given {
            String::new()
        } else {
            self.account.given()
        }
    }

    /// The addresses of `mail` that a server accepts.
    pub fn mails(&self) -> Vec<String> {
        if self.no_mail || self.account.flaw == Some(Flaw::BadMail) {
            return Vec::new();
        }
        self.account.mails.iter().map(|m| m.legal()).collect()
    }

    /// The address that is made of the username.
    pub fn template(&self) -> String {
        format!("{}@example.org", self.raw_name()).to_lowercase()
    }
}

/// One reading, as the directory gives it.
#[derive(Clone, Debug)]
pub struct Served {
    pub fault: Fault,
    pub proof: Proof,
    /// By the number that the id stands for.
    pub seen: BTreeMap<u32, Seen>,
    /// Entries without an id. Whoever is missing is looked up by id, so that nobody else is in doubt
    /// because of them.
    pub nameless: Vec<Account>,
    /// Where they stand, by the number of whoever each one is.
    without_id: BTreeMap<u32, String>,
    /// Whose entry has another one's id, with that one and the entry's DN.
    misnumbered: BTreeMap<u32, (u32, String)>,
    pub listed: usize,
    pub units: [usize; UNITS.len()],
    /// The DN of an entry that nobody can read.
    pub too_large: Option<String>,
    /// How often the directory was replaced by another one.
    pub replaced: u32,
    /// Who is there in truth, and is not shown although nothing says that anybody is missing.
    pub hidden: BTreeSet<u32>,
}

impl Served {
    pub fn of(&self, number: u32) -> &Seen {
        self.seen.get(&number).unwrap_or(&Seen::Nowhere)
    }

    /// Where the entry of an account stands that cannot be used because it has no id, or another
    /// one's.
    pub fn misnumbered(&self, number: u32) -> Option<&String> {
        if let Some(dn) = self.without_id.get(&number) {
            return Some(dn);
        }
        let (other, dn) = self.misnumbered.get(&number)?;
        matches!(self.of(*other), Seen::Unusable(_)).then_some(dn)
    }

    pub fn shown(&self, number: u32) -> Option<&Shown> {
        match self.of(number) {
            Seen::Listed(shown) => Some(shown),
            _ => None,
        }
    }

    pub fn all_shown(&self) -> impl Iterator<Item = (u32, &Shown)> {
        self.seen.iter().filter_map(|(n, seen)| match seen {
            Seen::Listed(shown) => Some((*n, shown)),
            _ => None,
        })
    }

    /// Whether the reading is whole, as far as the directory can tell.
    pub fn proves(&self) -> bool {
        self.proof != Proof::Broken
    }

    /// Whether who is not seen is missing.
    pub fn proves_absence(&self) -> bool {
        self.proves() && self.fault != Fault::LookupsFail
    }
}

/// More octets than anybody reads of one person.
const LARGE: usize = 1_100_000;

/// How it is seen that somebody is locked.
#[derive(Clone, Copy, Debug)]
pub struct Locks {
    pub lock: Lock,
    /// Accounts expire.
    pub dates: bool,
    /// The day since 1970, in truth and by mattersync's clock.
    pub today: i64,
    pub today_by_clock: i64,
}

/// Lets the server answer from now on with the directory as it is, through this fault.
pub fn serve(server: &FaultServer, directory: &Directory, fault: &Fault, locks: Locks) -> Served {
    server.disarm();
    for armed in armed(fault) {
        server.arm(armed);
    }
    let mut visible: Vec<&Account> = directory
        .accounts
        .values()
        .filter(|a| a.place != Place::Deleted && is_shown(a, fault))
        .collect();
    if let Fault::Reordered(seed) = fault {
        Dice::new(*seed).shuffle(&mut visible);
    }
    let mut entries = vec![root(directory.replaced)];
    let units = UNITS.iter().map(|unit| format!("ou={unit},{BASE}"));
    let units = units.chain([BASE.to_owned(), format!("ou=archive,{CONTEXT}")]);
    entries.extend(units.map(|dn| Entry::new(&dn).with("objectClass", "organizationalUnit")));
    entries.extend(visible.iter().map(|a| entry(a, fault, locks.lock)));
    server.set_entries(entries);
    let mut served = Served {
        fault: fault.clone(),
        proof: fault.proof(),
        seen: BTreeMap::new(),
        nameless: Vec::new(),
        without_id: BTreeMap::new(),
        misnumbered: BTreeMap::new(),
        listed: 0,
        units: [0; UNITS.len()],
        too_large: None,
        replaced: directory.replaced,
        hidden: BTreeSet::new(),
    };
    let hidden = |a: &Account| match fault {
        Fault::HideUnit(unit) => a.place == Place::Unit(*unit),
        _ => false,
    };
    for account in visible.into_iter().filter(|a| !hidden(a)) {
        served.add(account, locks);
    }
    if served.proof == Proof::Lies {
        let here = directory
            .accounts
            .values()
            .filter(|a| a.is_here() && a.flaw.is_none());
        let here = here.map(|a| a.number);
        served.hidden = here.filter(|n| !served.seen.contains_key(n)).collect();
    }
    for seen in served.seen.values() {
        if let Seen::Listed(shown) = seen
            && let Place::Unit(unit) = shown.account.place
        {
            served.listed += 1;
            served.units[unit] += 1;
        }
    }
    served
}

impl Served {
    fn add(&mut self, account: &Account, locks: Locks) {
        let lock = locks.lock;
        let number = match account.flaw {
            Some(Flaw::NoId) => {
                if account.is_here() {
                    self.nameless.push(account.clone());
                    self.without_id.insert(account.number, account.dn());
                }
                return;
            }
            Some(Flaw::IdOf(other)) => {
                if account.is_here() {
                    let place = (other, account.dn());
                    self.misnumbered.insert(account.number, place);
                }
                other
            }
            _ => account.number,
        };
        let hides = |attribute: &str| match &self.fault {
            Fault::HideAttribute(hidden) => *hidden == attribute,
            Fault::HideAttributeIn(unit, hidden) => {
                *hidden == attribute && account.place == Place::Unit(*unit)
            }
            _ => false,
        };
        let unseen = hides(lock.attribute());
        let state = match lock {
            Lock::Ppolicy if unseen && matches!(self.fault, Fault::HideAttribute(_)) => {
                State::Unknown
            }
            _ if account.locked && !unseen => State::Locked,
            _ => State::Open,
        };
        let has_come = |day: i64| account.expires.is_some_and(|at| locks.dates && at <= day);
        let by_date = state != State::Locked && has_come(locks.today);
        let doubtful = state != State::Locked && has_come(locks.today_by_clock) != by_date;
        let state = if by_date { State::Locked } else { state };
        let shown = Shown {
            by_date,
            doubtful,
            no_mail: hides("mail"),
            no_given: hides("givenName"),
            title: if hides("title") {
                String::new()
            } else {
                account.title()
            },
            state,
            account: account.clone(),
        };
        let elsewhere = Seen::Elsewhere {
            locked: state == State::Locked,
        };
        // Who is too large is there; whether they are locked can be asked for by itself.
        if self.fault == Fault::LargeEntry(account.number) && account.is_here() {
            let seen = match state {
                State::Locked => Seen::Elsewhere { locked: true },
                _ => Seen::Unusable(Vec::new()),
            };
            self.too_large = Some(account.dn());
            self.seen.insert(number, seen);
            return;
        }
        let seen = match (self.seen.remove(&number), account.is_here()) {
            (None, false) => elsewhere,
            (None | Some(Seen::Elsewhere { .. } | Seen::Nowhere), true) => Seen::Listed(shown),
            (Some(Seen::Listed(one)), true) => Seen::Unusable(vec![one, shown]),
            (Some(Seen::Unusable(mut all)), true) => {
                all.push(shown);
                Seen::Unusable(all)
            }
            // Two that are not listed have no state that a look-up could tell.
            (Some(Seen::Elsewhere { .. }), false) => Seen::Unusable(Vec::new()),
            (Some(seen), false) => seen,
        };
        self.seen.insert(number, seen);
    }
}

fn is_shown(account: &Account, fault: &Fault) -> bool {
    match fault {
        Fault::Emptied => false,
        Fault::Replica(rest, of) => account.number % of != *rest,
        _ => true,
    }
}

fn entry(account: &Account, fault: &Fault, lock: Lock) -> Entry {
    let entry = account.entry(lock);
    match fault {
        Fault::HideAttributeIn(unit, attribute) if account.place == Place::Unit(*unit) => {
            entry.without(attribute)
        }
        Fault::LargeEntry(number) if account.number == *number => {
            entry.without("title").with("title", "x".repeat(LARGE))
        }
        _ => entry,
    }
}

/// The tree's own entry: its id is that of the directory.
fn root(replaced: u32) -> Entry {
    Entry::new(CONTEXT)
        .with_all("objectClass", ["top", "domain"])
        .with("dc", "example")
        .with_operational(
            "entryUUID",
            format!("20000000-0000-4000-8000-{replaced:012x}"),
        )
}

fn armed(fault: &Fault) -> Vec<Armed> {
    let people = "objectclass=posixaccount";
    let at = |n: &usize| At::entries(*n);
    let one: Armed = match fault {
        Fault::None
        | Fault::Reordered(_)
        | Fault::Emptied
        | Fault::HideAttributeIn(..)
        | Fault::LargeEntry(_)
        | Fault::Replica(..) => return Vec::new(),
        Fault::Cut(n) => Armed::from(Ldap::Cut(at(n))).when_filter_has(people),
        Fault::CutInside(n) => Armed::from(Ldap::CutInsideEntry(at(n))).when_filter_has(people),
        Fault::Ends(n, code) => Armed::from(Ldap::End {
            at: at(n),
            code: *code,
            cookie: false,
        })
        .when_filter_has(people),
        Fault::NoBase => Ldap::NoSuchObject(BASE.into()).into(),
        Fault::Reference => {
            let elsewhere = format!("ldap://elsewhere.example.org/ou=more,{BASE}");
            Armed::from(Ldap::References(vec![elsewhere])).when_filter_has(people)
        }
        Fault::LookupsFail => Armed::from(Ldap::End {
            at: At::START,
            code: 51,
            cookie: false,
        })
        .on(Target::Searches)
        .when_filter_has("entryuuid="),
        Fault::Refused(code) => Ldap::BindResult(*code).into(),
        Fault::HideUnit(unit) => Ldap::HideBelow(format!("ou={},{BASE}", UNITS[*unit])).into(),
        Fault::HideAttribute(name) => Ldap::HideAttribute((*name).into()).into(),
    };
    vec![one]
}

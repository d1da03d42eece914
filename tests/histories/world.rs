//! The truth: who is in the directory, and how. Nothing of this is read back from mattersync.

use std::collections::{BTreeMap, BTreeSet};

use ldap_fault::Entry;

pub const CONTEXT: &str = "dc=example,dc=org";
pub const BASE: &str = "ou=company,dc=example,dc=org";
/// The second anchor.
pub const ANCHOR: &str = "employeeNumber";
/// Another attribute with an immutable id.
pub const OTHER_ID: &str = "uniqueIdentifier";
/// Where the day stands on which an account expires.
pub const EXPIRY: &str = "shadowExpire";
pub const UNITS: [&str; 3] = ["sales", "works", "board"];

/// Usernames as the directory has them, and what Mattermost can have of them. Written down, so
/// that nothing is computed as the planner does.
const NAMES: [(&str, &str); 16] = [
    ("anna", "anna"),
    ("Cleo", "cleo"),
    ("José", "jose"),
    ("O'Neil", "oneil"),
    ("Max Power", "max-power"),
    ("all", "all-1"),
    ("vip", "vip"),
    ("eve@corp", "eve-corp"),
    ("günther", "gunther"),
    ("dora.d", "dora.d"),
    ("finn_f", "finn_f"),
    ("gina-g", "gina-g"),
    ("ÉMILE", "emile"),
    ("carl", "carl"),
    ("bert", "bert"),
    ("zoë", "zoe"),
];

/// A username in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub number: u32,
    /// Written in capitals.
    pub loud: bool,
}

impl Name {
    pub fn of(number: u32) -> Self {
        Self {
            number,
            loud: false,
        }
    }

    /// As the directory has it.
    pub fn raw(self) -> String {
        let raw = match NAMES.get(self.number as usize) {
            Some((raw, _)) => (*raw).to_owned(),
            None => format!("user{}", letters(self.number)),
        };
        if self.loud { raw.to_uppercase() } else { raw }
    }

    /// As Mattermost can have it.
    pub fn legal(self) -> String {
        match NAMES.get(self.number as usize) {
            Some((_, legal)) => (*legal).to_owned(),
            None => format!("user{}", letters(self.number)),
        }
    }
}

/// A number in letters: a digit at a name's end is left to suffixes.
fn letters(number: u32) -> String {
    let digit = |c: char| char::from(b'a' + u8::try_from(c.to_digit(10).unwrap()).unwrap());
    number.to_string().chars().map(digit).collect()
}

/// An e-mail address in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mail {
    pub number: u32,
    pub loud: bool,
}

impl Mail {
    pub fn of(number: u32) -> Self {
        Self {
            number,
            loud: false,
        }
    }

    pub fn raw(self) -> String {
        let raw = format!("mail{}@example.org", self.number);
        if self.loud {
            raw.replace("mail", "Mail").replace("example", "Example")
        } else {
            raw
        }
    }

    pub fn legal(self) -> String {
        format!("mail{}@example.org", self.number)
    }
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In one of the [`UNITS`].
    Unit(usize),
    /// In the same tree, outside the base.
    Archive,
    Deleted,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It has no id.
    NoId,
    /// It has the id of another entry that exists.
    IdOf(u32),
    /// Nothing legal can be made of its username.
    NoName,
    /// Its only address is none.
    BadMail,
}

/// One entry of the directory, and by its number and id one account for ever.
#[derive(Clone, Debug)]
pub struct Account {
    pub number: u32,
    pub name: Name,
    pub mails: Vec<Mail>,
    /// Counts changes of first and last name and title; each person's values are their own.
    pub version: u32,
    pub titled: bool,
    pub locked: bool,
    pub place: Place,
    pub flaw: Option<Flaw>,
    /// Who the person is, whatever the directory: in the second anchor, where there is one.
    pub person: u32,
    /// The day since 1970 on which the account expires.
    pub expires: Option<i64>,
}

impl Account {
    pub fn new(number: u32) -> Self {
        Self {
            number,
            name: Name::of(number),
            mails: vec![Mail::of(number)],
            version: 0,
            titled: number.is_multiple_of(2),
            locked: false,
            place: Place::Unit(number as usize % UNITS.len()),
            flaw: None,
            person: number,
            expires: None,
        }
    }

    /// What the second anchor is called and what it is.
    pub fn anchor(&self) -> String {
        format!("E-{}", self.person)
    }

    pub fn id(&self) -> String {
        format!("10000000-0000-4000-8000-{:012x}", self.number)
    }

    pub fn given(&self) -> String {
        format!("Given{}v{}", self.number, self.version)
    }

    pub fn surname(&self) -> String {
        format!("Sur{}v{}", self.number, self.version)
    }

    pub fn title(&self) -> String {
        if self.titled {
            format!("Title{}v{}", self.number, self.version)
        } else {
            String::new()
        }
    }

    /// In the base, whatever its state.
    pub fn is_here(&self) -> bool {
        matches!(self.place, Place::Unit(_))
    }

    pub fn dn(&self) -> String {
        let n = self.number;
        match self.place {
            Place::Unit(unit) => format!("cn=Person {n},ou={},{BASE}", UNITS[unit]),
            Place::Archive | Place::Deleted => format!("cn=Person {n},ou=archive,{CONTEXT}"),
        }
    }

    /// As the directory server has it; `lock` is the attribute in which locks are written.
    pub fn entry(&self, lock: Lock) -> Entry {
        let name = match self.flaw {
            Some(Flaw::NoName) => "--".to_owned(),
            _ => self.name.raw(),
        };
        let mut entry = Entry::new(&self.dn())
            .with_all("objectClass", ["top", "inetOrgPerson", "posixAccount"])
            .with("cn", format!("Person {}", self.number))
            .with("uid", name)
            .with("givenName", self.given())
            .with("sn", self.surname())
            .with(ANCHOR, self.anchor());
        if let Some(day) = self.expires {
            entry = entry.with(EXPIRY, day.to_string());
        }
        if self.titled {
            entry = entry.with("title", self.title());
        }
        let id = match self.flaw {
            Some(Flaw::NoId) => None,
            Some(Flaw::IdOf(other)) => Some(Account::new(other).id()),
            _ => Some(self.id()),
        };
        if let Some(id) = id {
            let other = id.replacen('1', "2", 1);
            entry = entry.with(OTHER_ID, other);
            entry = entry.with_operational("entryUUID", id);
        }
        let mails: Vec<String> = match self.flaw {
            Some(Flaw::BadMail) => vec!["not an address".into()],
            _ => self.mails.iter().map(|m| m.raw()).collect(),
        };
        if !mails.is_empty() {
            entry = entry.with_all("mail", mails);
        }
        match (lock, self.locked) {
            (Lock::NsAccountLock, true) => entry.with(lock.attribute(), "TRUE"),
            (Lock::NsAccountLock, false) if self.number.is_multiple_of(3) => {
                entry.with(lock.attribute(), "FALSE")
            }
            (Lock::Ppolicy, true) => entry.with_operational(lock.attribute(), "000001010000Z"),
            _ => entry,
        }
    }
}

/// Where the directory writes that somebody is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    NsAccountLock,
    Ppolicy,
}

impl Lock {
    pub fn attribute(self) -> &'static str {
        match self {
            Self::NsAccountLock => "nsAccountLock",
            Self::Ppolicy => "pwdAccountLockedTime",
        }
    }
}

/// All accounts there ever were, by number.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    pub accounts: BTreeMap<u32, Account>,
    /// The directory was replaced by another one of the same content so many times.
    pub replaced: u32,
    /// The day since 1970 in truth.
    pub today: i64,
    /// The configuration names [`OTHER_ID`].
    pub other_ids: bool,
    /// Who was not there when everybody got another id, and so is somebody else should they come
    /// back; nobody does.
    pub gave_up: BTreeSet<u32>,
}

impl Directory {
    pub fn new(people: u32) -> Self {
        Self {
            accounts: (0..people).map(|n| (n, Account::new(n))).collect(),
            replaced: 0,
            today: 0,
            ..Self::default()
        }
    }

    /// The first account from this number on that fits, all the way round.
    pub fn find(&self, from: u32, fits: impl Fn(&Account) -> bool) -> Option<u32> {
        let after = self
            .accounts
            .range(from..)
            .chain(self.accounts.range(..from));
        let mut numbers = after.filter(|(_, a)| fits(a)).map(|(n, _)| *n);
        numbers.next()
    }

    pub fn edit(&mut self, number: u32, change: impl FnOnce(&mut Account)) {
        change(self.accounts.get_mut(&number).unwrap());
    }

    /// Whom an id belongs to.
    pub fn number_of(id: &str) -> Option<u32> {
        let id = id.rsplit('=').next().unwrap_or(id);
        let tail = id.strip_prefix(['1', '2'])?;
        let tail = tail.strip_prefix("0000000-0000-4000-8000-")?;
        u32::from_str_radix(tail, 16).ok()
    }
}

//! Who may be meant by a text that is nobody's username, address, DN or id.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cycle::View;
use crate::model::{Link, Memory, ProfileField, Subject, User, UserId, full_name};
use crate::state::{RunFilter, State, StateError};

use super::full_name::{TypedName, spellings};
use super::similar::{MOST, how_far};

/// The newest runs in which people are looked for who are no longer linked.
const RUNS: u32 = 50;

/// By what people are told apart who are searched by similar names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Somebody {
    /// First and last name; empty if none is known.
    pub full_name: String,
    /// The username.
    pub username: String,
    /// The addresses.
    pub emails: Vec<String>,
}

/// Who may be meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guess {
    /// Full name and username of those whose full name it is.
    called: Vec<(String, String)>,
    /// Where nobody is: similar names.
    near: Vec<String>,
}

/// The usernames that could be typed instead of a text that names nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instead {
    /// What was typed.
    pub typed: String,
    /// The usernames.
    pub usernames: Vec<String>,
}

impl Guess {
    /// Looks for those of these people who may be meant.
    pub fn of(typed: &str, people: impl IntoIterator<Item = Somebody>) -> Self {
        let people: BTreeSet<Somebody> = people.into_iter().collect();
        let name = TypedName::of(typed);
        let called = name.best(people.iter().map(|one| {
            let called = (one.full_name.clone(), one.username.clone());
            (one.full_name.as_str().into(), one.username.as_str(), called)
        }));
        let near = match called.is_empty() {
            true => similar(typed, people.iter()),
            false => Vec::new(),
        };
        Self {
            called: called.into_iter().collect(),
            near,
        }
    }

    /// Returns whether a full name is the one that was typed.
    pub fn is_called(&self) -> bool {
        !self.called.is_empty()
    }

    /// Returns what may be typed instead.
    pub fn instead(&self, typed: &str) -> Option<Instead> {
        let usernames = self.called.iter().map(|(_, username)| username.clone());
        self.is_called().then(|| Instead {
            typed: typed.to_owned(),
            usernames: usernames.take(MOST).collect(),
        })
    }

    /// Says who it may be, or which names are similar, as the end of a sentence.
    pub fn words(&self) -> String {
        let called = self.called.iter().take(MOST);
        let mut called: Vec<String> = called.map(|(name, user)| label(name, user)).collect();
        match self.called.len().saturating_sub(MOST) {
            0 => {}
            more => called.push(format!("and {more} more")),
        }
        match (called.as_slice(), self.near.as_slice()) {
            ([], []) => String::new(),
            ([], near) => format!(". Similar names: {}", near.join(", ")),
            (called, _) => format!("; by full name it may be: {}", called.join(", ")),
        }
    }
}

fn label(full_name: &str, username: &str) -> String {
    match full_name {
        "" => username.to_owned(),
        name => format!("{name} ({username})"),
    }
}

/// Returns the names that are nearest to a typed one, nearest first, each person once: by username,
/// address, the part of an address before the `@`, or full name.
pub fn similar<'a>(typed: &str, people: impl Iterator<Item = &'a Somebody>) -> Vec<String> {
    let words: Vec<Vec<String>> = spellings(typed);
    let mut found: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for one in people {
        let username = how_far(typed, &one.username).map(|far| (far, one.username.clone()));
        let address = one.emails.iter().filter_map(|email| {
            let local = email.split('@').next().unwrap_or_default();
            let far = [how_far(typed, email), how_far(typed, local)];
            let far = far.into_iter().flatten().min()?;
            Some((far, email.clone()))
        });
        let own = spellings(&one.full_name);
        let name = all_near(&words, &own);
        let name = name.map(|far| (far, label(&one.full_name, &one.username)));
        // Of equally near ones the first is told.
        let ways = username.into_iter().chain(name).chain(address);
        let Some(nearest) = ways.min_by_key(|(far, _)| *far) else {
            continue;
        };
        let best = found
            .entry(&one.username)
            .or_insert_with(|| nearest.clone());
        if nearest.0 < best.0 {
            *best = nearest;
        }
    }
    let found: BTreeSet<(usize, String)> = found.into_values().collect();
    found.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// Returns how far all typed words together are from words of a name; `None` if one is near none.
fn all_near(typed: &[Vec<String>], own: &[Vec<String>]) -> Option<usize> {
    let nearest = |word: &Vec<String>| {
        let pairs = word
            .iter()
            .flat_map(|a| own.iter().flatten().map(move |b| (a, b)));
        pairs.filter_map(|(a, b)| how_far(a, b)).min()
    };
    let far: Option<Vec<usize>> = typed.iter().map(nearest).collect();
    far.filter(|far| !far.is_empty())
        .map(|far| far.iter().sum())
}

/// Returns everybody whom a view knows.
pub fn everybody(view: &View) -> Vec<Somebody> {
    let mut all: Vec<Somebody> = users(view).collect();
    all.extend(accounts(view));
    let gone = |user: &UserId| view.users.get(user).is_none();
    all.extend(linked(&view.memory, gone));
    all
}

/// Returns the users of a view.
pub fn users(view: &View) -> impl Iterator<Item = Somebody> + '_ {
    view.users.iter().map(|(_, user)| of_user(user))
}

fn of_user(user: &User) -> Somebody {
    Somebody {
        full_name: full_name(&user.profile),
        username: user.username.clone(),
        emails: vec![user.email.clone()],
    }
}

/// Returns the accounts of a view, by the username of their user if they have one.
pub fn accounts(view: &View) -> impl Iterator<Item = Somebody> + '_ {
    view.accounts().map(|(key, account)| {
        let link = view.memory.link(&key);
        let user = link.and_then(|link| view.users.get(&link.user));
        let emails = account.emails.iter().flat_map(|c| &c.values);
        Somebody {
            full_name: full_name(&account.profile),
            username: user
                .map_or(&account.username, |user| &user.username)
                .clone(),
            emails: emails.cloned().collect(),
        }
    })
}

/// Returns those who are linked, by what they are called now as far as it is known.
pub fn linked_now(view: &View) -> Vec<Somebody> {
    let links = view.memory.links();
    let people = links.map(|(_, link)| match view.users.get(&link.user) {
        Some(user) => of_user(user),
        None => of_link(link),
    });
    people.collect()
}

/// Returns those who are linked to such a user, by what was last given to them.
pub fn linked(memory: &Memory, is: impl Fn(&UserId) -> bool) -> Vec<Somebody> {
    let links = memory.links().map(|(_, link)| link);
    links.filter(|link| is(&link.user)).map(of_link).collect()
}

fn of_link(link: &Link) -> Somebody {
    let given = |field| link.given.get(&field).map(|given| given.sent.trim());
    let names = [ProfileField::FirstName, ProfileField::LastName];
    let names: Vec<&str> = names.into_iter().filter_map(given).collect();
    Somebody {
        full_name: names.join(" ").trim().to_owned(),
        username: link.last_username.clone(),
        emails: Vec::new(),
    }
}

/// Returns the person whom a step is about.
pub fn of_subject(subject: &Subject) -> Somebody {
    Somebody {
        full_name: subject.full_name.clone(),
        username: subject.name.clone(),
        emails: subject.email.clone().into_iter().collect(),
    }
}

/// Guesses who is meant of those who are linked or in the record of the newest runs.
///
/// # Errors
/// When the state cannot be read.
pub async fn guess_recorded(store: &State, typed: &str) -> Result<Guess, StateError> {
    let memory = store.load().await?;
    let mut people = linked(&memory, |_| true);
    let newest = RunFilter {
        last: Some(RUNS),
        ..RunFilter::default()
    };
    for head in store.heads(newest).await? {
        let Some(run) = store.run(head.id).await? else {
            continue;
        };
        let subjects = run.steps.into_iter().map(|step| step.step.subject);
        let people_of =
            subjects.filter(|subject| subject.user.is_some() || subject.account.is_some());
        people.extend(people_of.map(|subject| of_subject(&subject)));
    }
    Ok(Guess::of(typed, people))
}

//! Forgetting one person.

use serde::{Deserialize, Serialize};

use crate::cycle::{Engine, View};
use crate::model::{
    Evidence, Gap, Memory, MemoryDelta, Note, Noted, Remember, Timestamp, UserChange, UserId,
};
use crate::plan::forget_account;
use crate::state::{People, State};

use super::error::DeskError;
use super::person::{PersonError, find_recorded, nobody_recorded};
use super::request::{Asker, Request};

/// Erase everything that is remembered and recorded of one person, or show what that is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Forget {
    /// Username, address, DN or id.
    pub person: String,
    /// Whether to do it; else it is shown.
    pub yes: bool,
}

/// What was erased, or would be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Forgotten {
    /// The account's provider and id, if there was one.
    pub account: Option<String>,
    /// The users' ids.
    pub users: Vec<String>,
    /// Whether there is a link.
    pub link: bool,
    /// In how many runs there are steps of the person.
    pub runs: usize,
    /// How many steps.
    pub steps: u64,
    /// Users who are still there, deactivated. Their ids are kept, so that nobody gets them.
    pub still_there: Vec<String>,
    /// Whether it was done.
    pub done: bool,
    /// What is still to be done by hand, if anything.
    pub left: Option<String>,
}

impl Request for Forget {
    const NAME: &'static str = "forget";
    type Tool = Engine;
    type Answer = Forgotten;

    fn writes(&self) -> bool {
        true
    }

    async fn run(self, engine: &mut Engine, asker: &Asker<'_>) -> Result<Forgotten, DeskError> {
        forget(engine, &self, asker).await
    }
}

async fn forget(
    engine: &mut Engine,
    ask: &Forget,
    asker: &Asker<'_>,
) -> Result<Forgotten, DeskError> {
    let store = engine.store().clone();
    let person = &ask.person;
    let memory = store.load().await?;
    let who = one(store.as_ref(), person, &memory).await?;
    let unsettled = store.unsettled().await?;
    let open = |step: &crate::model::Step| who.has(step.action.account(), step.action.user());
    if unsettled.iter().any(|unsettled| open(&unsettled.step)) {
        return Err(refused(
            person,
            "what became of a step is not known yet: the next cycle finds out, then try again",
        ));
    }
    let view = engine.look(asker.stages).await?;
    let still_there = still_there(&view, &who, person)?;
    let which = crate::state::RunFilter {
        who: Some(who.clone()),
        ..Default::default()
    };
    let heads = store.heads(which).await?;
    let counts = heads.iter().flat_map(|head| &head.counts);
    let mut forgotten = Forgotten {
        account: who.accounts.first().map(ToString::to_string),
        users: who.users.iter().map(ToString::to_string).collect(),
        link: who.accounts.iter().any(|key| memory.is_linked(key)),
        runs: heads.len(),
        steps: counts.map(|count| count.number).sum(),
        still_there: still_there.iter().map(ToString::to_string).collect(),
        done: false,
        left: None,
    };
    if !ask.yes {
        return Ok(forgotten);
    }
    let at = engine.clock().now().wall;
    let delta = delta(&memory, &who, &still_there, at);
    let note = Note {
        run: None,
        at,
        account: None,
        user: None,
        what: Noted::Forgotten {
            by: asker.by.to_owned(),
        },
    };
    let erased = store.erase(who, delta, note).await;
    forgotten.steps = erased?.steps;
    forgotten.done = true;
    tracing::info!(
        sync_action = "forget",
        "{} had one person forgotten",
        asker.by
    );
    if let Err(error) = store.scrub().await {
        forgotten.left = Some(format!(
            "nothing of the person is listed any more, but traces may still be in the file or \
                 its copy ({error}). They go when any other person is forgotten, or: stop the \
                 service, delete state.sqlite.copy, and open state.sqlite with sqlite3 for VACUUM"
        ));
    }
    Ok(forgotten)
}

/// Finds the one person who is meant.
async fn one(store: &State, person: &str, memory: &Memory) -> Result<People, DeskError> {
    let mut who = find_recorded(store, person).await?;
    // Their account or user may have had another name in other runs.
    for (key, link) in memory.links() {
        if who.has(Some(key), Some(&link.user)) {
            who.accounts.insert(key.clone());
            who.users.insert(link.user.clone());
        }
    }
    if who.is_empty() {
        return Err(nobody_recorded(store, person).await?.into());
    }
    if who.accounts.len() > 1 {
        let names: Vec<String> = who.accounts.iter().map(|key| key.id.to_string()).collect();
        return Err(PersonError::Several(person.to_owned(), names.join("; ")).into());
    }
    Ok(who)
}

fn refused(person: &str, why: &str) -> DeskError {
    DeskError::Refused(format!("{person} is not forgotten: {why}"))
}

/// Returns the users of the person who still exist; refuses where the person is still there.
fn still_there(view: &View, who: &People, person: &str) -> Result<Vec<UserId>, DeskError> {
    for key in &who.accounts {
        let directory = view.directories.get(&key.provider);
        let Some(directory) = directory else {
            continue;
        };
        if let Some((dn, _)) = directory.accounts.found_elsewhere(&key.id) {
            let why = format!(
                "the account is still in the directory, as {dn}; delete it there first, or it \
                 would get a user again when it is back in scope"
            );
            return Err(refused(person, &why));
        }
        match directory.accounts.look(&key.id) {
            Evidence::Present(account) => {
                let why = format!(
                    "the account {} is still in the directory, and the next cycle would begin \
                     anew; delete it there first",
                    account.dn
                );
                return Err(refused(person, &why));
            }
            // Those who left long ago are not looked up; a complete reading is enough.
            Evidence::Absent(_) => {}
            Evidence::Unknown(Gap::Lookup(_)) if directory.accounts.gaps().is_empty() => {}
            Evidence::Unknown(gap) => {
                let why = format!(
                    "the directory was not read completely, so that nobody can tell whether the \
                     account is gone: {gap}"
                );
                return Err(refused(person, &why));
            }
        }
    }
    let mut there = Vec::new();
    for id in &who.users {
        match view.users.look(id) {
            Evidence::Present(user) if user.is_active() => {
                let why = format!(
                    "the user {} is active on Mattermost; deactivate the user first (mattersync \
                     deactivate {})",
                    user.username, user.username
                );
                return Err(refused(person, &why));
            }
            Evidence::Present(_) => there.push(id.clone()),
            Evidence::Absent(_) => {}
            Evidence::Unknown(gap) => {
                let why = format!("whether the user {id} is still active cannot be seen: {gap}");
                return Err(refused(person, &why));
            }
        }
    }
    Ok(there)
}

/// Returns what removes a person from memory. Of a user who still exists the id stays, so that the
/// user is never given to anybody else.
fn delta(memory: &Memory, who: &People, still_there: &[UserId], at: Timestamp) -> MemoryDelta {
    let mut delta = MemoryDelta::new();
    for key in &who.accounts {
        delta.extend(forget_account(memory, key));
    }
    let known = who
        .users
        .iter()
        .filter(|user| memory.users.contains_key(user));
    delta.extend(known.cloned().map(Remember::forget_user));
    let marks = still_there.iter();
    delta.extend(marks.map(|user| Remember::User(user.clone(), UserChange::Forgotten(Some(at)))));
    delta
}

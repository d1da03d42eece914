//! The release of what is held.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cycle::{Engine, View};
use crate::model::{
    AccountKey, Action, Approval, Class, Fingerprint, Hold, HoldChange, HoldKey, Identifiers, Kept,
    NewIds, Now, Order, Remember, ServerChange, Step, StepId, Timestamp, UserChange,
};
use crate::observe::PlanFacts;
use crate::plan::{APPROVAL, approved, forget_absences, hold_name, witnesses};

use super::alike::{Guess, of_subject};
use super::error::DeskError;
use super::new_ids;
use super::person::{PersonError, Search, identifiers_of_link, is_named, only};
use super::request::{Asker, Request};

/// Release what is held under a name (a class, or another hold), or of one person: exactly the
/// steps that were last shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Approve {
    /// A hold's name or a person.
    pub what: String,
    /// Who is adopted because of it gets a random password, and has to log in anew.
    #[serde(default)]
    pub new_password: bool,
}

/// What an approval released.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Approved {
    /// What was planned when it was given.
    pub plan: PlanFacts,
    /// The steps that are released now.
    pub released: Vec<StepId>,
    /// Steps that have come to be held since they were last shown, and stay so: look first.
    pub unseen: Vec<StepId>,
    /// Until when it is good.
    pub until: Timestamp,
    /// The new ids that everybody got; nothing else was released then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_ids: Option<NewIds>,
}

impl Request for Approve {
    const NAME: &'static str = "approve";
    type Tool = Engine;
    type Answer = Approved;

    fn writes(&self) -> bool {
        true
    }

    async fn run(self, engine: &mut Engine, asker: &Asker<'_>) -> Result<Approved, DeskError> {
        approve(engine, &self, asker).await
    }
}

async fn approve(
    engine: &mut Engine,
    ask: &Approve,
    asker: &Asker<'_>,
) -> Result<Approved, DeskError> {
    let what = ask.what.as_str();
    let shown = engine.store().load().await?;
    let view = engine.look(asker.stages).await?;
    if let Some(provider) = new_ids::named(&view, what) {
        let given = new_ids::give(engine, &view, &provider, (asker.by, asker.stages)).await?;
        let people = given.renumbered.len();
        tracing::info!(
            sync_action = "approve",
            "{} approved {what}: {people} account(s) moved from {} to {}",
            asker.by,
            given.from,
            given.to,
        );
        let now = engine.clock().now();
        return Ok(Approved {
            plan: view.facts(&now),
            released: Vec::new(),
            unseen: Vec::new(),
            until: now.wall,
            new_ids: Some(given),
        });
    }
    let mut released = Vec::new();
    let mut unseen = Vec::new();
    let now = engine.clock().now();
    let mut until = now.wall.after(APPROVAL);
    let mut delta = Vec::new();
    let persons = steps_of_person(&view, what)?;
    for hold in &view.plan.holds {
        let meant = meant(&view, hold, what, &persons);
        if meant.is_empty() {
            continue;
        }
        let seen = shown.hold(&hold.key).shown.as_ref();
        delta.extend(shown_afterwards(hold, seen, &meant));
        let (old, new): (Vec<_>, Vec<_>) = meant
            .into_iter()
            .partition(|(_, print)| seen.is_some_and(|seen| seen.contains(print)));
        released.extend(old.iter().map(|(id, _)| *id));
        unseen.extend(new.iter().map(|(id, _)| *id));
        let steps: BTreeSet<Fingerprint> = old.into_iter().map(|(_, print)| print).collect();
        if hold.key == HoldKey::Restored && steps.len() == hold.steps.len() {
            delta.extend(accept_older_state(&view, hold, asker.by, &now));
            continue;
        }
        let approval = approval(&view, &hold.key, steps, asker.by, &now);
        until = until.min(approval.until);
        delta.push(Remember::Hold(
            hold.key.clone(),
            HoldChange::Approval(Some(approval)),
        ));
    }
    if released.is_empty() && unseen.is_empty() {
        let held = view.plan.held();
        let held = view
            .plan
            .steps
            .iter()
            .filter(|step| held.contains(&step.id));
        let guess = Guess::of(what, held.map(|step| of_subject(&step.subject)));
        if guess.is_called() {
            return Err(PersonError::Nobody(what.to_owned(), guess).into());
        }
        let names = view.plan.holds.iter().map(|h| hold_name(&h.key)).collect();
        return Err(DeskError::NothingHeld(what.to_owned(), names));
    }
    if ask.new_password {
        delta.extend(password_resets(&view, &released, asker.by, &now));
    }
    engine.store().observe(delta).await?;
    tracing::info!(
        sync_action = "approve",
        "{} approved {what}: {} step(s), until {until}",
        asker.by,
        released.len(),
    );
    Ok(Approved {
        plan: view.facts(&engine.clock().now()),
        released,
        unseen,
        until,
        new_ids: None,
    })
}

/// Returns the held steps of the person whom a text names, and the steps that these wait for. A
/// text that is the name of a hold names no person.
fn steps_of_person(view: &View, what: &str) -> Result<BTreeSet<StepId>, PersonError> {
    let is_name = |key: &HoldKey| hold_name(key).eq_ignore_ascii_case(what);
    let a_hold = Class::ALL.into_iter().any(|c| is_name(&HoldKey::Class(c)))
        || view.plan.holds.iter().any(|h| is_name(&h.key));
    if a_hold {
        return Ok(BTreeSet::new());
    }
    let held: BTreeSet<StepId> = view
        .plan
        .holds
        .iter()
        .flat_map(|h| h.steps.clone())
        .collect();
    let steps = view.plan.steps.iter().filter(|s| held.contains(&s.id));
    let steps: BTreeMap<StepId, &Step> = steps.map(|s| (s.id, s)).collect();
    let is_rename = |step: &Step| matches!(step.action, Action::Rename { .. });
    let mut found = BTreeSet::new();
    let key = one_account(view, what, steps.values().copied())?;
    let own = steps.values().copied();
    let mut open: Vec<&Step> = match key {
        Some(key) => own
            .filter(|step| step.subject.account.as_ref() == Some(&key))
            .collect(),
        None => own
            .filter(|step| is_named(&Identifiers::subject(&step.subject), what))
            .collect(),
    };
    while let Some(step) = open.pop() {
        if !found.insert(step.id) {
            continue;
        }
        open.extend(step.after.iter().filter_map(|id| steps.get(id).copied()));
        // Whoever makes room with a temporary name gets the final one too.
        if is_rename(step) {
            let same = |s: &&&Step| is_rename(s) && s.action.user() == step.action.user();
            open.extend(steps.values().filter(same).copied());
        }
    }
    Ok(found)
}

/// Returns the one account that a text names, of all that are known and not only of those with held
/// steps: a user can choose a name on Mattermost that somebody else has in the directory.
fn one_account<'s>(
    view: &View,
    what: &str,
    held: impl Iterator<Item = &'s Step>,
) -> Result<Option<AccountKey>, PersonError> {
    let mut search = Search::new(what);
    for (key, account) in view.accounts() {
        search.offer(&Identifiers::account(&key, account), key.clone());
    }
    for (key, link) in view.memory.links() {
        search.offer(&identifiers_of_link(view, key, link), key.clone());
    }
    for step in held {
        if let Some(key) = &step.subject.account {
            search.offer(&Identifiers::subject(&step.subject), key.clone());
        }
    }
    let found: BTreeSet<AccountKey> = search.found().into_iter().collect();
    let label = |key: &AccountKey| {
        let link = view.memory.link(key);
        let dn = view.account(key).map(|account| &account.dn);
        let dn = dn.or(link.map(|link| &link.last_dn));
        let user = link.and_then(|link| view.users.get(&link.user));
        let name = user.map_or("no user", |user| user.username.as_str());
        let dn = dn.map(String::as_str).unwrap_or_default();
        format!("{name} ({dn}, id {})", key.id)
    };
    only(what, found.into_iter().collect(), label)
}

/// Returns the steps of a hold that are to be released: all of them, or those that one person
/// needs.
fn meant(
    view: &View,
    hold: &Hold,
    what: &str,
    persons: &BTreeSet<StepId>,
) -> Vec<(StepId, Fingerprint)> {
    let whole = hold_name(&hold.key).eq_ignore_ascii_case(what);
    let held: BTreeSet<&StepId> = hold.steps.iter().collect();
    let steps = view.plan.steps.iter().filter(|s| held.contains(&s.id));
    steps
        .filter(|s| whole || persons.contains(&s.id))
        .map(|s| (s.id, s.action.fingerprint()))
        .collect()
}

/// Returns what has been shown of a hold once these steps are printed.
fn shown_afterwards(
    hold: &Hold,
    seen: Option<&BTreeSet<Fingerprint>>,
    meant: &[(StepId, Fingerprint)],
) -> Option<Remember> {
    let prints = meant.iter().map(|(_, print)| print.clone());
    let shown: BTreeSet<Fingerprint> = match seen {
        _ if meant.len() == hold.steps.len() => prints.collect(),
        Some(seen) => seen.iter().cloned().chain(prints).collect(),
        None => prints.collect(),
    };
    Some(Remember::Hold(
        hold.key.clone(),
        HoldChange::Shown(Some(shown)),
    ))
}

/// Returns what is to be remembered when a person accepts an older state file: from now on the
/// usual limits decide, and the users by whom its age was noticed are kept as they are. Other users
/// with a mark of ours stay orphans for a person to look at: they may have left meanwhile.
fn accept_older_state(view: &View, hold: &Hold, by: &str, now: &Now) -> Vec<Remember> {
    let kept = Kept {
        by: by.to_owned(),
        at: now.wall,
        witness: true,
    };
    let memory = &view.memory;
    let learned = view.plan.learned.iter().find_map(|learned| match learned {
        Remember::Server(ServerChange::Restored(Some(restored))) => Some(restored),
        _ => None,
    });
    let shown = memory.server.restored.as_ref().or(learned);
    let by_marks = shown.map(|restored| restored.witnesses.clone());
    let by_marks = by_marks.unwrap_or_default();
    let steps = view
        .plan
        .steps
        .iter()
        .filter(|s| hold.steps.contains(&s.id));
    let keys = steps.filter_map(|step| step.action.account().cloned());
    let (forgotten, users) = match by_marks.is_empty() {
        // What cannot be believed was forgotten when the older file was opened.
        true => {
            let users = witnesses(&view.world()).into_iter();
            (Vec::new(), users.map(|user| user.id.clone()).collect())
        }
        false => (forget_absences(memory, &keys.collect()), by_marks),
    };
    let kept = users
        .into_iter()
        .map(|user| Remember::User(user, UserChange::Kept(Some(kept.clone()))));
    std::iter::once(Remember::Server(ServerChange::Restored(None)))
        .chain(forgotten)
        .chain(kept)
        .collect()
}

/// Returns orders to give a random password to the users whose adoption is released.
fn password_resets(view: &View, released: &[StepId], by: &str, now: &Now) -> Vec<Remember> {
    let steps = view.plan.steps.iter();
    let adopted = steps.filter_map(|step| match &step.action {
        Action::Adopt { user, .. } if released.contains(&step.id) => Some(user.clone()),
        _ => None,
    });
    let order = Order {
        by: by.to_owned(),
        at: now.wall,
    };
    adopted
        .map(|user| Remember::User(user, UserChange::Reset(Some(order.clone()))))
        .collect()
}

/// Makes an approval, and takes in what an earlier one released that is still good and still
/// wanted. Both then end with the earlier one: nothing is released for longer than a person said.
fn approval(
    view: &View,
    key: &HoldKey,
    mut steps: BTreeSet<Fingerprint>,
    by: &str,
    now: &Now,
) -> Approval {
    let mut until = now.wall.after(APPROVAL);
    if let Some(earlier) = view.memory.hold(key).approval.as_ref()
        && let Some(good) = approved(&view.memory, key, now)
    {
        let wanted = view.plan.steps.iter().map(|s| s.action.fingerprint());
        let kept: Vec<Fingerprint> = wanted.filter(|print| good.contains(print)).collect();
        if !kept.is_empty() {
            until = until.min(earlier.until);
        }
        steps.extend(kept);
    }
    Approval {
        steps,
        by: by.to_owned(),
        at: now.wall,
        until,
    }
}

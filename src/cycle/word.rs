//! A person's word: approvals of what is held, orders to deactivate.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::apply::Listener;
use crate::model::{
    AccountKey, Action, Approval, Class, Fingerprint, Hold, HoldChange, HoldKey, Kept, Known, Now,
    Order, Origin, Remember, RunKind, ServerChange, Step, StepId, Surest, Timestamp, UserChange,
    UserId,
};
use crate::plan::{APPROVAL, approved, forget_absences, hold_name, witnesses};

use super::person::{PersonError, known_by};
use super::{Asker, CycleError, Engine, FindError, PlanReport, Stages, Summary, View};

/// What an approval released.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Approved {
    /// What was planned when it was given.
    pub plan: PlanReport,
    /// The steps that are released now.
    pub released: Vec<StepId>,
    /// Steps that have come to be held since they were last shown, and stay so: look first.
    pub unseen: Vec<StepId>,
    /// Until when it is good.
    pub until: Timestamp,
}

/// A word that cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum WordError {
    /// Nothing of that name is held.
    #[error("nothing is held as {0:?}{rest}", rest = held_list(.1))]
    NothingHeld(String, Vec<String>),
    /// Whom it is about is not clear.
    #[error("{0}")]
    Person(#[from] PersonError),
    /// Who is meant on one of the sides is not clear.
    #[error("{0}")]
    Find(#[from] FindError),
    /// The plan does not do it, and says why.
    #[error("{0}")]
    Refused(String),
    /// The cycle failed.
    #[error("{0}")]
    Cycle(#[from] CycleError),
}

fn held_list(names: &[String]) -> String {
    if names.is_empty() {
        ": nothing is held at all".to_owned()
    } else {
        format!("; held are: {}", names.join(", "))
    }
}

impl Engine {
    /// Shows what is held, and remembers what was shown: an approval releases no more than that.
    ///
    /// # Errors
    /// As [`Engine::look`].
    pub async fn show_holds(&mut self, stages: &Stages<'_>) -> Result<View, CycleError> {
        let view = self.look(stages).await?;
        self.shown(&view).await?;
        Ok(view)
    }

    /// Remembers that a person sees what is held in this view.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn shown(&self, view: &View) -> Result<(), CycleError> {
        let learned = view.plan.learned.iter();
        let is_shown = |l: &&Remember| {
            matches!(
                l,
                Remember::Hold(_, HoldChange::Shown(..))
                    | Remember::Server(ServerChange::Restored(Some(_)))
            )
        };
        let shown = learned.filter(is_shown);
        let shown: Vec<Remember> = shown.cloned().collect();
        if !shown.is_empty() {
            self.store().observe(shown).await?;
        }
        Ok(())
    }

    /// Approves what is held under a name (a class, or another hold), or of one person. Bound to
    /// exactly the steps that were last shown.
    ///
    /// # Errors
    /// When nothing of that name is held, and as [`Engine::look`].
    pub async fn approve(
        &mut self,
        what: &str,
        by: &str,
        stages: &Stages<'_>,
    ) -> Result<Approved, WordError> {
        self.approve_with(what, false, by, stages).await
    }

    /// Approves as [`Engine::approve`]; with `new_password`, who is adopted because of it gets a
    /// random password, and has to log in anew.
    ///
    /// # Errors
    /// As [`Engine::approve`].
    pub async fn approve_with(
        &mut self,
        what: &str,
        new_password: bool,
        by: &str,
        stages: &Stages<'_>,
    ) -> Result<Approved, WordError> {
        let shown = self.store().load().await.map_err(CycleError::from)?;
        let view = self.look(stages).await?;
        let mut released = Vec::new();
        let mut unseen = Vec::new();
        let now = self.clock().now();
        let mut until = now.wall.after(APPROVAL);
        let mut delta = Vec::new();
        let persons = persons(&view, what)?;
        for hold in &view.plan.holds {
            let meant = meant(&view, hold, what, &persons);
            if meant.is_empty() {
                continue;
            }
            let seen = shown.hold(&hold.key).shown.as_ref();
            delta.extend(sight(hold, seen, &meant));
            let (old, new): (Vec<_>, Vec<_>) = meant
                .into_iter()
                .partition(|(_, print)| seen.is_some_and(|seen| seen.contains(print)));
            released.extend(old.iter().map(|(id, _)| *id));
            unseen.extend(new.iter().map(|(id, _)| *id));
            let steps: BTreeSet<Fingerprint> = old.into_iter().map(|(_, print)| print).collect();
            if hold.key == HoldKey::Restored && steps.len() == hold.steps.len() {
                delta.extend(accepted(&view, hold, by, &now));
                continue;
            }
            let approval = approval(&view, &hold.key, steps, by, &now);
            until = until.min(approval.until);
            delta.push(Remember::Hold(
                hold.key.clone(),
                HoldChange::Approval(Some(approval)),
            ));
        }
        if released.is_empty() && unseen.is_empty() {
            let names = view.plan.holds.iter().map(|h| hold_name(&h.key)).collect();
            return Err(WordError::NothingHeld(what.to_owned(), names));
        }
        if new_password {
            delta.extend(resets(&view, &released, by, &now));
        }
        self.store()
            .observe(delta)
            .await
            .map_err(CycleError::from)?;
        Ok(Approved {
            plan: view.report(),
            released,
            unseen,
            until,
        })
    }

    /// Deactivates one linked user now, because a person says so, and does nothing else. Who is
    /// deactivated already stays so. Works without the directory.
    ///
    /// # Errors
    /// When the person is not one of ours or out of reach, and as [`Engine::run`].
    pub async fn deactivate(
        &mut self,
        person: &str,
        by: &str,
        stages: &Stages<'_>,
        listener: &Listener<'_>,
    ) -> Result<Summary, WordError> {
        let view = self.look_at_mattermost(stages).await?;
        let user = view.linked_user(person)?;
        let is_out = view.users.get(&user).is_some_and(|u| !u.is_active());
        let asker = Asker {
            by,
            stages,
            listener,
        };
        self.carry_order(&user, is_out, &asker).await
    }

    /// Writes an order to deactivate this user down, and carries it out. `is_out`: the user is
    /// deactivated already.
    pub(super) async fn carry_order(
        &mut self,
        user: &UserId,
        is_out: bool,
        asker: &Asker<'_>,
    ) -> Result<Summary, WordError> {
        let order = Order {
            by: asker.by.to_owned(),
            at: self.clock().now().wall,
        };
        let note = vec![Remember::User(user.clone(), UserChange::Order(Some(order)))];
        self.store().observe(note).await.map_err(CycleError::from)?;
        let never = watch::channel(false).1;
        let of_user = |a: &Action| matches!(a, Action::Deactivate { user: u, .. } if u == user);
        let forget = vec![Remember::User(user.clone(), UserChange::Order(None))];
        let origin = Origin::asked(RunKind::Deactivate, asker.by);
        let about = |step: &Step| step.action.user() == Some(user);
        let run = self.run_only(Some(&about), origin, never, asker.stages, asker.listener);
        let summary = match run.await {
            Ok(summary) => summary,
            Err(error) => {
                // Who is told that it failed does not expect it days later. What was sent already
                // is another matter: that is still to be settled.
                let unsettled = self.store().unsettled().await.map_err(CycleError::from)?;
                if !unsettled.iter().any(|u| of_user(&u.step.action)) {
                    let forgotten = self.store().observe(forget).await;
                    forgotten.map_err(CycleError::from)?;
                }
                return Err(error.into());
            }
        };
        if is_out || summary.view.plan.steps.iter().any(|s| of_user(&s.action)) {
            return Ok(summary);
        }
        // Out of reach: the order must not wait for the day on which this changes.
        self.store()
            .observe(forget)
            .await
            .map_err(CycleError::from)?;
        Err(WordError::Refused(why_not(&summary.view, user)))
    }
}

fn why_not(view: &View, user: &UserId) -> String {
    let about = |s: &&crate::model::LeftAlone| s.subject.user.as_ref() == Some(user);
    // Orders are judged first; what follows is about a directory that was not read.
    match view.plan.left_alone.iter().find(about) {
        Some(left) => format!("{} was not deactivated: {}", left.subject, left.why),
        None => "the user was not deactivated".to_owned(),
    }
}

/// The held steps of the person that a word means, and those that these wait for. Somebody who is
/// called like a hold is never meant by that word.
fn persons(view: &View, what: &str) -> Result<BTreeSet<StepId>, PersonError> {
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
            .filter(|step| known_by(&Known::subject(&step.subject), what).is_some())
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

/// The one account that a word means, of all that are known: who is called so on Mattermost may have
/// chosen that, and who is in the directory has perhaps nothing that is held.
fn one_account<'s>(
    view: &View,
    what: &str,
    held: impl Iterator<Item = &'s Step>,
) -> Result<Option<AccountKey>, PersonError> {
    let mut found = Surest::default();
    for (key, account) in view.accounts() {
        found.add(known_by(&Known::account(&key, account), what), key);
    }
    for (key, link) in view.memory.links() {
        found.add(known_by(&view.known_link(key, link), what), key.clone());
    }
    for step in held {
        if let Some(key) = &step.subject.account {
            let by = known_by(&Known::subject(&step.subject), what);
            found.add(by, key.clone());
        }
    }
    let found: BTreeSet<AccountKey> = found.found().into_iter().collect();
    let label = |key: &AccountKey| {
        let link = view.memory.link(key);
        let dn = view.account(key).map(|account| &account.dn);
        let dn = dn.or(link.map(|link| &link.last_dn));
        let user = link.and_then(|link| view.users.get(&link.user));
        let name = user.map_or("no user", |user| user.username.as_str());
        let dn = dn.map(String::as_str).unwrap_or_default();
        format!("{name} ({dn}, id {})", key.id)
    };
    if found.len() > 1 {
        let names: Vec<String> = found.iter().map(label).collect();
        return Err(PersonError::Several(what.to_owned(), names.join("; ")));
    }
    Ok(found.into_iter().next())
}

/// The steps of a hold that a word means: all of them, or those that one person needs.
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

/// What has been shown of a hold once the steps that are meant are printed. A hold of which nothing
/// was shown, and now a part, still counts as never shown.
fn sight(
    hold: &Hold,
    seen: Option<&BTreeSet<Fingerprint>>,
    meant: &[(StepId, Fingerprint)],
) -> Option<Remember> {
    let prints = meant.iter().map(|(_, print)| print.clone());
    let sight: BTreeSet<Fingerprint> = match seen {
        _ if meant.len() == hold.steps.len() => prints.collect(),
        Some(seen) => seen.iter().cloned().chain(prints).collect(),
        None => prints.collect(),
    };
    Some(Remember::Hold(
        hold.key.clone(),
        HoldChange::Shown(Some(sight)),
    ))
}

/// What follows from a person's word that an older state file may be worked with: from now on the
/// usual limits decide, and the users who gave it away do so no more. Who else carries a mark stays
/// an orphan for a person to look at: it may be somebody who left meanwhile.
fn accepted(view: &View, hold: &Hold, by: &str, now: &Now) -> Vec<Remember> {
    let kept = Kept {
        by: by.to_owned(),
        at: now.wall,
        witness: true,
    };
    let memory = &view.memory;
    let told = view.plan.learned.iter().find_map(|learned| match learned {
        Remember::Server(ServerChange::Restored(Some(restored))) => Some(restored),
        _ => None,
    });
    let shown = memory.server.restored.as_ref().or(told);
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

/// An approval, together with what an earlier one that is still good had released and the plan
/// still wants. Nothing is released for longer than a person said: joined, they end with the earlier.
/// Orders to lock everybody out of those users whose adoption is released.
fn resets(view: &View, released: &[StepId], by: &str, now: &Now) -> Vec<Remember> {
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

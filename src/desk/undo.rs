//! Taking back what a run did, and giving up what was taken back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cycle::{Engine, Scope, remember};
use crate::model::{
    AccountChange, AccountKey, AccountMemory, ActionKind, Identifiers, Link, Memory, MemoryDelta,
    Reason, Remember, RunId, RunKind, Step, StepId, StepRecord, Undoing, Undone, Why, shell_word,
};
use crate::observe::{CycleFacts, PlanFacts};
use crate::plan::inverse;
use crate::state::{People, RunRecord, State};

use super::alike::{Guess, of_subject};
use super::error::DeskError;
use super::history::ended;
use super::holds::note_shown_in_part;
use super::person::{PersonError, Search, find_recorded, nobody_recorded};
use super::request::{Asker, Request};

/// Take back what a run did, or show what that would do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Undo {
    /// The run.
    pub run: RunId,
    /// Of this person only: username, address, DN or id.
    pub person: Option<String>,
    /// Whether to do it; else it is shown.
    pub yes: bool,
}

/// What is taken back, or would be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UndoReport {
    /// The run that is taken back.
    pub run: RunId,
    /// What is planned. Nothing is known of the directory.
    pub plan: PlanFacts,
    /// What was done; none where it was only shown.
    pub sync: Option<CycleFacts>,
    /// Steps that cannot be taken back, and why.
    pub left: Vec<LeftStep>,
}

/// A step that cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeftStep {
    /// The user's name, or the team's.
    pub name: String,
    /// What had been done; none where the reason says it.
    pub action: Option<ActionKind>,
    /// Why.
    pub why: String,
}

impl Request for Undo {
    const NAME: &'static str = "undo";
    type Tool = Engine;
    type Answer = UndoReport;

    fn writes(&self) -> bool {
        true
    }

    async fn run(self, engine: &mut Engine, asker: &Asker<'_>) -> Result<UndoReport, DeskError> {
        undo(engine, &self, asker).await
    }
}

/// Give up what was taken back of a person: the directory decides again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Redo {
    /// Username, address, DN or id.
    pub person: String,
}

/// What was given up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Redone {
    /// The account.
    pub name: String,
    /// What, in words.
    pub what: Vec<String>,
}

impl Request for Redo {
    const NAME: &'static str = "redo";
    type Tool = Engine;
    type Answer = Redone;

    fn writes(&self) -> bool {
        true
    }

    async fn run(self, engine: &mut Engine, _asker: &Asker<'_>) -> Result<Redone, DeskError> {
        redo(engine, &self.person).await
    }
}

async fn undo(engine: &mut Engine, ask: &Undo, asker: &Asker<'_>) -> Result<UndoReport, DeskError> {
    let record = ended(engine.store().as_ref(), ask.run).await?;
    let memory = engine.store().load().await?;
    let steps = meant(&record, ask.person.as_deref(), &memory)?;
    let at = engine.clock().now().wall;
    let (plan_undo, mut left) = plan_undo(&steps, &memory, |what, user| Undone {
        what,
        user,
        run: ask.run,
        by: asker.by.to_owned(),
        at,
        done: false,
    });
    let delta: MemoryDelta = plan_undo
        .into_iter()
        .map(|(key, list)| Remember::Account(key, AccountChange::Undone(list)))
        .collect();
    if delta.is_empty() && left.is_empty() {
        let whose = ask.person.as_ref().map(|person| format!(" to {person}"));
        return Err(DeskError::Refused(format!(
            "run {} did nothing{} that could be taken back",
            ask.run.0,
            whose.unwrap_or_default()
        )));
    }
    let ours = |step: &Step| matches!(&step.reason, Reason::Undone { run, .. } if *run == ask.run);
    let (view, sync) = if ask.yes && !delta.is_empty() {
        engine.store().observe(delta).await?;
        let course = asker.course(
            RunKind::Undo,
            Scope::Named {
                with_directory: false,
            },
        );
        let run = engine.run_chosen(course, |mut planned| {
            planned.keep_steps(ours);
            Ok::<_, DeskError>(())
        });
        let (summary, ()) = run.await?;
        note_shown_in_part(engine, &summary.view).await?;
        let report = summary.facts;
        (summary.view, Some(report))
    } else {
        let mut view = engine.look_at_mattermost(asker.stages).await?;
        remember(&mut view.memory, &delta);
        view.plan = engine.plan(&view, &engine.clock().now());
        view.plan.steps.retain(ours);
        (view, None)
    };
    left.extend(
        view.plan
            .left_alone
            .iter()
            .filter_map(|alone| match &alone.why {
                Why::NotUndone { run, why } if *run == ask.run => Some(LeftStep {
                    name: alone.subject.name.clone(),
                    action: None,
                    why: why.clone(),
                }),
                _ => None,
            }),
    );
    left.sort();
    let mut plan = view.facts(&engine.clock().now());
    keep_own_holds(&mut plan);
    Ok(UndoReport {
        run: ask.run,
        plan,
        sync,
        left,
    })
}

/// The steps of a run, or those of one person.
fn meant<'r>(
    record: &'r RunRecord,
    person: Option<&str>,
    memory: &Memory,
) -> Result<Vec<&'r StepRecord>, DeskError> {
    let Some(person) = person else {
        return Ok(record.steps.iter().collect());
    };
    let mut search = Search::new(person);
    for (key, link) in memory.links() {
        let one = (Some(key.clone()), Some(link.user.clone()));
        search.offer(&Identifiers::link(key, link), one);
    }
    for step in &record.steps {
        let user = step.user().map(Identifiers::id);
        let known = Identifiers::subject(&step.step.subject).and(user.unwrap_or_default());
        let one = (step.account().cloned(), step.user().cloned());
        search.offer(&known, one);
    }
    let mut who = People::default();
    for (account, user) in search.found() {
        who.accounts.extend(account);
        who.users.extend(user);
    }
    let steps = record.steps.iter();
    let steps: Vec<_> = steps
        .filter(|step| who.has(step.account(), step.user()))
        .collect();
    let accounts: BTreeSet<_> = steps.iter().filter_map(|step| step.account()).collect();
    if accounts.len() > 1 {
        let names: Vec<String> = accounts.iter().map(ToString::to_string).collect();
        return Err(PersonError::Several(person.to_owned(), names.join("; ")).into());
    }
    if steps.is_empty() {
        let people = record
            .steps
            .iter()
            .map(|step| of_subject(&step.step.subject));
        let guess = Guess::of(person, people);
        if guess.is_called() {
            return Err(PersonError::Nobody(person.to_owned(), guess).into());
        }
        return Err(DeskError::Refused(format!(
            "run {} has no step about {person:?}: `mattersync history {}` lists whom it was about",
            record.id.0, record.id.0
        )));
    }
    Ok(steps)
}

async fn redo(engine: &mut Engine, person: &str) -> Result<Redone, DeskError> {
    let memory = engine.store().load().await?;
    let who = find_recorded(engine.store().as_ref(), person).await?;
    let all = memory.accounts_with(|account| {
        let ordered = account.link.as_ref().is_some_and(is_ordered);
        (ordered || !account.undone.is_empty()).then_some(account)
    });
    let theirs: Vec<(&AccountKey, &AccountMemory)> = all
        .filter(|(key, account)| {
            let link = account.link.as_ref().map(|link| &link.user);
            let mut users = account.undone.iter().map(|undone| &undone.user).chain(link);
            who.accounts.contains(*key) || users.any(|user| who.users.contains(user))
        })
        .collect();
    let (key, account) = match theirs.as_slice() {
        [] => return Err(nothing_holds(engine.store().as_ref(), &memory, &who, person).await?),
        [one] => *one,
        several => {
            let names: Vec<String> = several.iter().map(|(key, _)| key.to_string()).collect();
            return Err(PersonError::Several(person.to_owned(), names.join("; ")).into());
        }
    };
    let mut delta = vec![Remember::Account(
        key.clone(),
        AccountChange::Undone(Vec::new()),
    )];
    let mut name = key.to_string();
    let mut what: Vec<String> = account.undone.iter().map(words).collect();
    if let Some(link) = &account.link {
        name.clone_from(&link.last_username);
        let mut freed = link.clone();
        let respected =
            |undone: &Undone| undone.done && matches!(undone.what, Undoing::Reactivate { .. });
        if account.undone.iter().any(respected) {
            // Without the mark of the deactivation that was taken back, the directory decides.
            freed.deactivated = None;
        }
        if let Some(deactivation) = &mut freed.deactivated
            && let Some(by) = deactivation.ordered_by.take()
        {
            what.push(format!("deactivated by the word of {by}"));
        }
        if freed != *link {
            delta.push(Remember::Account(
                key.clone(),
                AccountChange::Link(Some(freed)),
            ));
        }
    }
    engine.store().observe(delta).await?;
    Ok(Redone { name, what })
}

/// Says why nothing can be given up of a person.
async fn nothing_holds(
    store: &State,
    memory: &Memory,
    who: &People,
    person: &str,
) -> Result<DeskError, DeskError> {
    if who.is_empty() {
        return Ok(nobody_recorded(store, person).await?.into());
    }
    let linked: BTreeSet<_> = memory.links().map(|(_, link)| &link.user).collect();
    let mut alone = who.users.iter().filter(|user| !linked.contains(user));
    if let Some(user) = alone.next().filter(|_| who.accounts.is_empty()) {
        let past = store.steps_about(None, Some(user), 1).await?;
        let name = past
            .first()
            .map(|past| past.record.step.subject.name.as_str());
        let name = name.unwrap_or(person);
        return Ok(DeskError::RefusedFor(
            format!(
                "{name} has no account in the directory, and mattersync reactivates only users \
                 with an account; nothing else holds them. To let them in again, activate the user \
                 in Mattermost's System Console, or type"
            ),
            vec![format!("  mmctl user activate {}", shell_word(name))],
        ));
    }
    Ok(DeskError::Refused(format!(
        "nothing of {person:?} was taken back or ordered by a person that still holds: \
         `mattersync plan` lists what does"
    )))
}

fn is_ordered(link: &Link) -> bool {
    let deactivation = link.deactivated.as_ref();
    deactivation.is_some_and(|deactivation| deactivation.ordered_by.is_some())
}

fn words(undone: &Undone) -> String {
    let run = undone.run.0;
    match &undone.what {
        Undoing::Value { of, made, back, .. } => {
            format!("the {of} {back:?} instead of {made:?} (run {run})")
        }
        Undoing::Reactivate { .. } => format!("active although the directory says no (run {run})"),
        Undoing::Deactivate { .. } => format!("deactivated (run {run})"),
        Undoing::Unlink => format!("not linked (run {run})"),
        Undoing::Link { .. } => format!("linked (run {run})"),
    }
}

/// Of an account: what takes back all that these steps did, beside what was taken back before.
type UndoPlan = BTreeMap<AccountKey, Vec<Undone>>;

fn plan_undo(
    steps: &[&StepRecord],
    memory: &Memory,
    undone: impl Fn(Undoing, crate::model::UserId) -> Undone,
) -> (UndoPlan, Vec<LeftStep>) {
    let mut plan_undo = UndoPlan::new();
    let mut left = Vec::new();
    for record in steps {
        match inverse(record, memory) {
            Ok(None) => {}
            Ok(Some((key, user, undoing))) => {
                let list = plan_undo.entry(key).or_default();
                for what in undoing {
                    join(list, undone(what, user.clone()));
                }
            }
            Err(why) => left.push(LeftStep {
                name: record.step.subject.name.clone(),
                action: Some(record.step.action.kind()),
                why,
            }),
        }
    }
    for (key, list) in &mut plan_undo {
        for earlier in &memory.account(key).undone {
            match list
                .iter_mut()
                .find(|new| new.what.is_about_same(&earlier.what))
            {
                Some(new) => inherit(&mut new.what, &earlier.what),
                None => list.push(earlier.clone()),
            }
        }
    }
    (plan_undo, left)
}

/// Adds what takes a later step of the same run back: a name that changed twice goes back to the
/// first.
fn join(list: &mut Vec<Undone>, new: Undone) {
    let same = |old: &&mut Undone| old.what.is_about_same(&new.what);
    let Some(old) = list.iter_mut().find(same) else {
        return list.push(new);
    };
    if let (
        Undoing::Value {
            made, directory, ..
        },
        Undoing::Value {
            made: later,
            directory: said,
            ..
        },
    ) = (&mut old.what, &new.what)
    {
        made.clone_from(later);
        if said.is_some() {
            directory.clone_from(said);
        }
    } else {
        *old = new;
    }
}

/// What the directory said when the same was taken back before.
fn inherit(new: &mut Undoing, earlier: &Undoing) {
    if let (
        Undoing::Value { directory, .. },
        Undoing::Value {
            directory: Some(said),
            ..
        },
    ) = (new, earlier)
        && directory.is_none()
    {
        *directory = Some(said.clone());
    }
}

/// A plan that is shown in part has only the holds of that part.
fn keep_own_holds(report: &mut PlanFacts) {
    let own: BTreeSet<StepId> = report.plan.steps.iter().map(|step| step.id).collect();
    for hold in &mut report.plan.holds {
        hold.steps.retain(|id| own.contains(id));
    }
    report.plan.holds.retain(|hold| !hold.steps.is_empty());
}

//! Taking back what a run did, and giving up what was taken back.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::model::{
    AccountChange, AccountKey, HoldChange, Known, Memory, MemoryDelta, Origin, Reason, Remember,
    RunId, RunKind, Step, StepId, StepRecord, Surest, Undoing, Undone, Why,
};
use crate::plan::inverse;
use crate::state::{RunRecord, Who};

use super::person::{PersonError, known_by};
use super::question::ended;
use super::{Asker, CycleError, Engine, Errand, PlanReport, SyncReport, View, WordError, remember};

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
    pub plan: PlanReport,
    /// What was done; none where it was only shown.
    pub sync: Option<SyncReport>,
    /// Steps that cannot be taken back, and why.
    pub left: Vec<LeftStep>,
}

/// A step that cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeftStep {
    /// The user's name, or the team's.
    pub name: String,
    /// What had been done; empty where the reason says it.
    pub action: String,
    /// Why.
    pub why: String,
}

impl Errand for Undo {
    const NAME: &'static str = "undo";
    const WRITES: bool = true;
    type Answer = UndoReport;

    fn run<'a>(
        self,
        engine: &'a mut Engine,
        asker: &'a Asker<'a>,
    ) -> BoxFuture<'a, Result<UndoReport, WordError>> {
        Box::pin(async move { engine.undo(&self, asker).await })
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
    /// Whose.
    pub name: String,
    /// What, in words.
    pub what: Vec<String>,
}

impl Errand for Redo {
    const NAME: &'static str = "redo";
    const WRITES: bool = true;
    type Answer = Redone;

    fn run<'a>(
        self,
        engine: &'a mut Engine,
        _asker: &'a Asker<'a>,
    ) -> BoxFuture<'a, Result<Redone, WordError>> {
        Box::pin(async move { engine.redo(&self.person).await })
    }
}

impl Engine {
    async fn undo(&mut self, ask: &Undo, asker: &Asker<'_>) -> Result<UndoReport, WordError> {
        let record = ended(self.store().as_ref(), ask.run).await?;
        let memory = self.store().load().await.map_err(CycleError::from)?;
        let steps = self.meant(&record, ask.person.as_deref(), &memory)?;
        let at = self.clock().now().wall;
        let (wishes, mut left) = wishes(&steps, &memory, |what, user| Undone {
            what,
            user,
            run: ask.run,
            by: asker.by.to_owned(),
            at,
            done: false,
        });
        let delta: MemoryDelta = wishes
            .into_iter()
            .map(|(key, list)| Remember::Account(key, AccountChange::Undone(list)))
            .collect();
        if delta.is_empty() && left.is_empty() {
            let whose = ask.person.as_ref().map(|person| format!(" to {person}"));
            return Err(WordError::Refused(format!(
                "run {} did nothing{} that could be taken back",
                ask.run.0,
                whose.unwrap_or_default()
            )));
        }
        let ours =
            |step: &Step| matches!(&step.reason, Reason::Undone { run, .. } if *run == ask.run);
        let pick = move |step: &Step| ours(step);
        let (view, sync) = if ask.yes && !delta.is_empty() {
            self.store()
                .observe(delta)
                .await
                .map_err(CycleError::from)?;
            let never = watch::channel(false).1;
            let origin = Origin::asked(RunKind::Undo, asker.by);
            let run = self.run_only(Some(&pick), origin, never, asker.stages, asker.listener);
            let summary = run.await?;
            self.show_own_holds(&summary.view).await?;
            let report = summary.report();
            (summary.view, Some(report))
        } else {
            let mut view = self.look_at_mattermost(asker.stages).await?;
            remember(&mut view.memory, &delta);
            view.plan = self.plan(&view, &self.clock().now());
            view.plan.steps.retain(pick);
            (view, None)
        };
        left.extend(
            view.plan
                .left_alone
                .iter()
                .filter_map(|alone| match &alone.why {
                    Why::NotUndone { run, why } if *run == ask.run => Some(LeftStep {
                        name: alone.subject.name.clone(),
                        action: String::new(),
                        why: why.clone(),
                    }),
                    _ => None,
                }),
        );
        left.sort();
        let mut plan = view.report();
        keep_own_holds(&mut plan);
        Ok(UndoReport {
            run: ask.run,
            plan,
            sync,
            left,
        })
    }

    /// What of the undo is held is shown, and can be approved. What else is held is not seen here.
    async fn show_own_holds(&self, view: &View) -> Result<(), CycleError> {
        let learned = view.plan.learned.iter();
        let shown = learned
            .filter(|learned| matches!(learned, Remember::Hold(_, HoldChange::Shown(Some(_)))));
        let shown: MemoryDelta = shown.cloned().collect();
        if !shown.is_empty() {
            self.store().observe(shown).await?;
        }
        Ok(())
    }

    /// The steps of a run, or those of one person.
    fn meant<'r>(
        &self,
        record: &'r RunRecord,
        person: Option<&str>,
        memory: &Memory,
    ) -> Result<Vec<&'r StepRecord>, WordError> {
        let Some(person) = person else {
            return Ok(record.steps.iter().collect());
        };
        let mut found = Surest::default();
        for (key, link) in memory.links() {
            let by = known_by(&Known::link(key, link), person);
            found.add(by, (Some(key.clone()), Some(link.user.clone())));
        }
        for step in &record.steps {
            let user = step.user().map(Known::id);
            let known = Known::subject(&step.step.subject).and(user.unwrap_or_default());
            let one = (step.account().cloned(), step.user().cloned());
            found.add(known_by(&known, person), one);
        }
        let mut who = Who::default();
        for (account, user) in found.found() {
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
            return Err(WordError::Refused(format!(
                "run {} has no step about {person:?}: `mattersync show {}` lists whom it was about",
                record.id.0, record.id.0
            )));
        }
        Ok(steps)
    }

    async fn redo(&mut self, person: &str) -> Result<Redone, WordError> {
        let memory = self.store().load().await.map_err(CycleError::from)?;
        let known = self.store().known_as(person.to_owned()).await;
        let who = known.map_err(CycleError::from)?;
        let all = memory.accounts_with(|account| Some(&account.undone));
        let theirs = all
            .filter(|(_, list)| !list.is_empty())
            .filter(|(key, list)| {
                who.accounts.contains(*key) || list.iter().any(|u| who.users.contains(&u.user))
            })
            .collect::<Vec<_>>();
        let (key, list) = match theirs.as_slice() {
            [] => {
                return Err(WordError::Refused(format!(
                    "nothing of {person:?} was taken back that still holds: `mattersync plan` \
                     lists what does"
                )));
            }
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
        if let Some(link) = memory.link(key) {
            name.clone_from(&link.last_username);
            let respected = list
                .iter()
                .any(|undone| undone.done && matches!(undone.what, Undoing::Reactivate { .. }));
            if respected && link.deactivated.is_some() {
                // Without the mark of the deactivation that was taken back, the directory decides.
                let mut link = link.clone();
                link.deactivated = None;
                delta.push(Remember::Account(
                    key.clone(),
                    AccountChange::Link(Some(link)),
                ));
            }
        }
        let what = list.iter().map(words).collect();
        self.store()
            .observe(delta)
            .await
            .map_err(CycleError::from)?;
        Ok(Redone { name, what })
    }
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
type Wishes = BTreeMap<AccountKey, Vec<Undone>>;

fn wishes(
    steps: &[&StepRecord],
    memory: &Memory,
    undone: impl Fn(Undoing, crate::model::UserId) -> Undone,
) -> (Wishes, Vec<LeftStep>) {
    let mut wishes = Wishes::new();
    let mut left = Vec::new();
    for record in steps {
        match inverse(record, memory) {
            Ok(None) => {}
            Ok(Some((key, user, undoing))) => {
                let list = wishes.entry(key).or_default();
                for what in undoing {
                    join(list, undone(what, user.clone()));
                }
            }
            Err(why) => left.push(LeftStep {
                name: record.step.subject.name.clone(),
                action: record.step.action.kind().to_owned(),
                why,
            }),
        }
    }
    for (key, list) in &mut wishes {
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
    (wishes, left)
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
fn keep_own_holds(report: &mut PlanReport) {
    let own: BTreeSet<StepId> = report.plan.steps.iter().map(|step| step.id).collect();
    for hold in &mut report.plan.holds {
        hold.steps.retain(|id| own.contains(id));
    }
    report.plan.holds.retain(|hold| !hold.steps.is_empty());
}

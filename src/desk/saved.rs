//! A plan that was saved, looked at, and is carried out exactly as it was, or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::config::{MattermostAccess, Settings};
use crate::cycle::{Engine, Planned, Scope, Summary, View};
use crate::model::{
    Action, Fingerprint, MemoryDelta, Plan, Precondition, ProviderName, RunId, RunKind,
    SourceIdentity, Step, StepId, TeamRef, Timestamp, UserRef,
};
use crate::observe::{CycleFacts, PlanFacts};
use crate::plan::Sentence;

use super::error::DeskError;
use super::request::{Asker, Request};

/// How long a saved plan stays good.
const GOOD: Duration = Duration::from_secs(72 * 60 * 60);
/// The form of the file.
const FORMAT: u32 = 1;
/// By which a file is recognised.
const KIND: &str = "mattersync plan";
/// So many differences are told one by one.
const TOLD: usize = 20;

/// A plan with all that says when it may be carried out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedPlan {
    /// `mattersync plan`.
    pub kind: String,
    /// The form of this file.
    pub format: u32,
    /// The mattersync that made it.
    pub version: String,
    /// When it was made.
    pub made: Timestamp,
    /// Until when it may be carried out.
    pub until: Timestamp,
    /// Digest of the configuration.
    pub config: String,
    /// Which directory was read of each provider.
    pub directories: BTreeMap<ProviderName, SourceIdentity>,
    /// Which Mattermost it is for.
    pub mattermost: String,
    /// The number of the last run before it.
    pub last_run: RunId,
    /// The plan. What is held in it is not carried out.
    pub plan: Plan,
    /// SHA-256 of all the rest, in hex.
    pub seal: String,
}

/// A file that is no saved plan, or one that was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SavedError {
    /// It is something else.
    #[error("it is no plan that was saved with `mattersync plan --out`")]
    Other,
    /// Its form is not known.
    #[error("it was saved by mattersync {0}, this is {version}: save the plan again", version = env!("CARGO_PKG_VERSION"))]
    Version(String),
    /// It is not what was written.
    #[error("it was changed after it was saved, or is not whole: save the plan again")]
    Changed,
}

impl SavedPlan {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// When it is no saved plan of this version, or was changed.
    pub fn parse(text: &str) -> Result<Self, SavedError> {
        let value: Value = serde_json::from_str(text).map_err(|_| match text.contains(KIND) {
            true => SavedError::Changed,
            false => SavedError::Other,
        })?;
        if value.get("kind").and_then(Value::as_str) != Some(KIND) {
            return Err(SavedError::Other);
        }
        let version = value.get("version").and_then(Value::as_str);
        let version = version.unwrap_or("of an unknown version").to_owned();
        let format = value.get("format").and_then(Value::as_u64);
        if format != Some(FORMAT.into()) || version != env!("CARGO_PKG_VERSION") {
            return Err(SavedError::Version(version));
        }
        let saved: Self = serde_json::from_value(value).map_err(|_| SavedError::Changed)?;
        if saved.seal != saved.digest() {
            return Err(SavedError::Changed);
        }
        Ok(saved)
    }

    fn digest(&self) -> String {
        let unsealed = Self {
            seal: String::new(),
            ..self.clone()
        };
        let text = serde_json::to_vec(&unsealed).unwrap_or_default();
        let hash = Sha256::digest(&text);
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What speaks against carrying it out before anything is read.
    fn objection(&self, settings: &Settings, last_run: RunId, now: Timestamp) -> Option<String> {
        let again = "save the plan again";
        if now >= self.until {
            return Some(format!("it was good until {}: {again}", self.until));
        }
        if now < self.made {
            return Some(format!(
                "it was made at {}, which is still to come: look at the clock, and {again}",
                self.made
            ));
        }
        let server = server(settings);
        if self.mattermost != server {
            let other = &self.mattermost;
            return Some(format!("it is for {other}, and this is {server}"));
        }
        let (saved, own) = (
            names(self.directories.keys()),
            names(settings.provider_names()),
        );
        if saved != own {
            return Some(format!("it is for the provider {saved}, and this is {own}"));
        }
        if self.config != settings.digest {
            return Some(format!("the configuration is another one since: {again}"));
        }
        (last_run < self.last_run).then(|| {
            format!(
                "it was made after run {}, and the state file knows of {} only: it is another \
                 one, or an older copy; {again}",
                self.last_run.0, last_run.0
            )
        })
    }
}

fn server(settings: &Settings) -> String {
    match &settings.mattermost.access {
        MattermostAccess::Http { url, .. } => url.clone(),
        MattermostAccess::Socket { path } => path.display().to_string(),
    }
}

/// Plan, and give it in a form that can be saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavePlan {}

/// A plan for people, and for a file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Saved {
    /// For people.
    pub report: PlanFacts,
    /// For a file.
    pub saved: SavedPlan,
}

impl Request for SavePlan {
    const NAME: &'static str = "save-plan";
    type Tool = Engine;
    type Answer = Saved;

    fn writes(&self) -> bool {
        false
    }

    async fn run(self, engine: &mut Engine, asker: &Asker<'_>) -> Result<Saved, DeskError> {
        let store = engine.store();
        let last_run = store.last_run().await?;
        let view = engine.look(asker.stages).await?;
        let settings = engine.settings();
        let made = engine.clock().now().wall;
        let mut saved = SavedPlan {
            kind: KIND.to_owned(),
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            made,
            until: made.after(GOOD),
            config: settings.digest.clone(),
            directories: sources(&view),
            mattermost: server(settings),
            last_run,
            plan: Plan {
                learned: MemoryDelta::new(),
                ..view.plan.clone()
            },
            seal: String::new(),
        };
        saved.seal = saved.digest();
        let report = view.facts(&engine.clock().now());
        Ok(Saved { report, saved })
    }
}

/// Carry out a saved plan exactly, or refuse.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SyncSaved {
    /// The plan.
    pub saved: SavedPlan,
}

/// What came of a saved plan.
#[derive(Debug, Serialize, Deserialize)]
pub struct SyncedSaved {
    /// What was done.
    pub report: CycleFacts,
    /// Steps that are wanted now, are not in the saved plan, and were not done.
    pub others: usize,
    /// Steps that were held when the plan was saved, and so are no part of it.
    pub held: usize,
}

impl Request for SyncSaved {
    const NAME: &'static str = "sync-saved";
    const IS_LARGE: bool = true;
    type Tool = Engine;
    type Answer = SyncedSaved;

    fn writes(&self) -> bool {
        true
    }

    async fn run(self, engine: &mut Engine, asker: &Asker<'_>) -> Result<SyncedSaved, DeskError> {
        let (summary, others) = sync_saved(engine, &self.saved, asker).await?;
        Ok(SyncedSaved {
            report: summary.facts,
            others,
            held: self.saved.plan.held().len(),
        })
    }
}

/// Carries out exactly what a saved plan says, or nothing. Returns how many steps more are wanted
/// now.
async fn sync_saved(
    engine: &mut Engine,
    saved: &SavedPlan,
    asker: &Asker<'_>,
) -> Result<(Summary, usize), DeskError> {
    let refused = |why: String| DeskError::Refused(format!("nothing was done: {why}"));
    let last_run = engine.store().last_run().await?;
    let now = engine.clock().now().wall;
    if let Some(why) = saved.objection(engine.settings(), last_run, now) {
        return Err(refused(why));
    }
    let course = asker.course(RunKind::SavedPlan, Scope::Everybody);
    let run = engine.run_chosen(course, |planned: Planned<'_>| {
        let Planned { view, .. } = planned;
        let which = |source: &SourceIdentity| (source.where_ids_count(), source.server.clone());
        let read = sources(view);
        let read = read.values().map(which);
        if !read.eq(saved.directories.values().map(which)) {
            let why = "it was made of another directory than the one that answers now";
            return Err(refused(format!("{why}: save the plan again")));
        }
        let differences = differences(&saved.plan, &view.plan);
        if !differences.is_empty() {
            return Err(not_wanted_now(differences));
        }
        let wanted: BTreeSet<Fingerprint> = prints(saved.plan.released()).into_keys().collect();
        let is_wanted = |step: &Step| wanted.contains(&step.action.fingerprint());
        let others = view.plan.released().filter(|s| !is_wanted(s)).count();
        let held = view.plan.held();
        let steps = &mut view.plan.steps;
        steps.retain(|step| held.contains(&step.id) || is_wanted(step));
        Ok(others)
    });
    run.await
}

fn sources(view: &View) -> BTreeMap<ProviderName, SourceIdentity> {
    let all = view.directories.iter();
    all.map(|(name, directory)| (name.clone(), directory.accounts.source().clone()))
        .collect()
}

/// The names of providers in one line, in order.
fn names<'a>(providers: impl Iterator<Item = &'a ProviderName>) -> String {
    let names: BTreeSet<&str> = providers.map(ProviderName::as_str).collect();
    Vec::from_iter(names).join(", ")
}

fn prints<'a>(steps: impl Iterator<Item = &'a Step>) -> BTreeMap<Fingerprint, &'a Step> {
    steps.map(|s| (s.action.fingerprint(), s)).collect()
}

/// What a saved plan would do and a new one would not do in the very same way.
fn differences<'a>(saved: &Plan, new: &Plan) -> Vec<(String, &'a str)> {
    let wanted = prints(new.steps.iter());
    let held = new.held();
    let (saved_ids, new_ids) = (ids(saved), ids(new));
    let mut differences = Vec::new();
    for step in saved.released() {
        let what = match wanted.get(&step.action.fingerprint()) {
            None => "no longer wanted: it was done meanwhile, or directory or Mattermost changed",
            Some(now) if held.contains(&now.id) => "held now",
            Some(now) if Essence::of(step, &saved_ids) != Essence::of(now, &new_ids) => {
                "wanted in another way: other values, or other steps before it"
            }
            Some(_) => continue,
        };
        differences.push((Sentence(step).to_string(), what));
    }
    differences
}

fn not_wanted_now(differences: Vec<(String, &str)>) -> DeskError {
    let hidden = differences.len().saturating_sub(TOLD);
    let mut lines = Vec::new();
    for (step, why) in differences.into_iter().take(TOLD) {
        lines.push(format!("  {step}"));
        lines.push(format!("      {why}"));
    }
    if hidden > 0 {
        lines.push(format!("  and {hidden} more"));
    }
    lines.push("Save the plan again, and look at it".to_owned());
    DeskError::RefusedFor(
        "nothing was done: the saved plan is not what is wanted now".to_owned(),
        lines,
    )
}

fn ids(plan: &Plan) -> BTreeMap<StepId, Fingerprint> {
    let steps = plan.steps.iter();
    steps.map(|s| (s.id, s.action.fingerprint())).collect()
}

/// What counts of a step, without its number: numbers move when somebody else joins. Why it is
/// wanted is not among it: how long somebody has been missing grows.
#[derive(PartialEq, Eq)]
struct Essence {
    /// What it does; users and teams that another step makes have the number 0 in it.
    action: Action,
    /// The fingerprints of the steps that make these users and teams.
    makers: Vec<String>,
    expects: Precondition,
    /// The fingerprints of the steps before it.
    after: BTreeSet<String>,
}

impl Essence {
    fn of(step: &Step, ids: &BTreeMap<StepId, Fingerprint>) -> Self {
        let name = |id: &StepId| ids.get(id).map_or("?", Fingerprint::as_str).to_owned();
        let (mut action, mut makers) = (step.action.clone(), Vec::new());
        if let Action::JoinTeam { user, team, .. } = &mut action {
            if let UserRef::Made(by) = user {
                makers.push(name(by));
                *by = StepId(0);
            }
            if let TeamRef::Made(by) = team {
                makers.push(name(by));
                *by = StepId(0);
            }
        }
        Self {
            action,
            makers,
            expects: step.expects.clone(),
            after: step.after.iter().map(name).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const CONFIG: &str = "[[provider]]\nkind = \"ldif\"\npath = \"/p.ldif\"\nschema = \"rfc2307\"\n\
                          base = \"dc=example\"\n[mattermost]\nsocket = \"/s\"\n";
    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn settings() -> Settings {
        Settings::parse(CONFIG, Path::new("config.toml")).unwrap().0
    }

    fn saved() -> SavedPlan {
        let settings = settings();
        let mut saved = SavedPlan {
            kind: KIND.into(),
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            made: NOW,
            until: NOW.after(GOOD),
            config: settings.digest.clone(),
            directories: settings
                .provider_names()
                .map(|name| (name.clone(), SourceIdentity::default()))
                .collect(),
            mattermost: server(&settings),
            last_run: RunId(7),
            plan: Plan::default(),
            seal: String::new(),
        };
        saved.seal = saved.digest();
        saved
    }

    fn objection(change: impl FnOnce(&mut SavedPlan), now: Timestamp) -> String {
        let mut saved = saved();
        change(&mut saved);
        let objection = saved.objection(&settings(), RunId(7), now);
        objection.unwrap_or_default()
    }

    #[test]
    fn a_saved_plan_is_for_one_server_one_configuration_one_state_and_three_days() {
        let fine = |_: &mut SavedPlan| {};
        assert_eq!(objection(fine, NOW), "");
        assert_eq!(objection(fine, Timestamp(NOW.after(GOOD).0 - 1)), "");
        assert!(objection(fine, NOW.after(GOOD)).contains("was good until"));
        assert!(objection(fine, Timestamp(NOW.0 - 1)).contains("clock"));
        let other = |s: &mut SavedPlan| s.mattermost = "https://other".into();
        assert!(objection(other, NOW).contains("it is for https://other"));
        let other = |s: &mut SavedPlan| {
            let name = ProviderName::new("other");
            s.directories = BTreeMap::from([(name, SourceIdentity::default())]);
        };
        assert!(objection(other, NOW).contains("the provider other"));
        let other = |s: &mut SavedPlan| s.config = "other".into();
        assert!(objection(other, NOW).contains("configuration"));
        let newer = |s: &mut SavedPlan| s.last_run = RunId(8);
        assert!(objection(newer, NOW).contains("an older copy"));
    }

    #[test]
    fn what_was_changed_or_is_something_else_is_no_saved_plan() {
        let text = serde_json::to_string(&saved()).unwrap();
        let read = |text: &str| SavedPlan::parse(text).map(|saved| saved.last_run);
        assert_eq!(read(&text), Ok(RunId(7)));
        let changed = text.replace("\"last_run\":7", "\"last_run\":6");
        assert_eq!(read(&changed), Err(SavedError::Changed));
        assert_eq!(read(&text[..text.len() - 9]), Err(SavedError::Changed));
        assert_eq!(read("{}"), Err(SavedError::Other));
        assert_eq!(read("hello"), Err(SavedError::Other));
        let newer = text.replace("\"format\":1", "\"format\":2");
        assert!(matches!(read(&newer), Err(SavedError::Version(_))));
    }
}

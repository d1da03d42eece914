//! What the record is asked: answered from the state alone, also while a cycle runs, and when
//! directory and Mattermost are down.

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::{HeldBack, Memory, RunId, StepId, Timestamp};
use crate::state::{RunRecord, RunState, State, Which, Who};

use super::history::{HistoryReport, RunReport, SCHEMA};
use super::{CycleError, PersonError, WordError};

/// Something that the state alone answers. A new one is a type with this, a line in
/// the daemon's control socket, and a view in the command line.
pub trait Question: Serialize + DeserializeOwned + Send + 'static {
    /// Its name on the control socket.
    const NAME: &'static str;
    /// What comes of it.
    type Answer: Serialize + DeserializeOwned + Send;

    /// Answers it.
    ///
    /// # Errors
    /// When there is no such thing, or the state cannot be read.
    fn answer<'a>(self, store: &'a State) -> BoxFuture<'a, Result<Self::Answer, WordError>>;
}

/// The runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct History {
    /// At most so many, the newest.
    pub last: Option<u32>,
    /// Those that began then or later.
    pub since: Option<Timestamp>,
    /// Those with a step about this person: username, address, DN or id.
    pub person: Option<String>,
    /// With all steps and notes.
    pub whole: bool,
}

impl Question for History {
    const NAME: &'static str = "history";
    type Answer = HistoryReport;

    fn answer<'a>(self, store: &'a State) -> BoxFuture<'a, Result<HistoryReport, WordError>> {
        Box::pin(async move {
            let who = match &self.person {
                Some(person) => Some(known(store, person).await?),
                None => None,
            };
            let which = Which {
                last: self.last,
                since: self.since,
                who: who.clone(),
            };
            let heads = store.heads(which).await.map_err(CycleError::from)?;
            let memory = memory(store).await?;
            let mut runs = Vec::with_capacity(heads.len());
            for head in heads {
                let id = head.id;
                let mut report = RunReport::of_head(head);
                if self.whole
                    && let Some(record) = store.run(id).await.map_err(CycleError::from)?
                {
                    add_steps(store, &mut report, &record, &memory, who.as_ref()).await?;
                    let notes = report.notes.into_iter();
                    report.notes = notes.map(|note| note.without_keys(report.run)).collect();
                }
                runs.push(report);
            }
            let mut events = store.loose_notes().await.map_err(CycleError::from)?;
            events.retain(|note| self.since.is_none_or(|since| note.at >= since));
            // What is held is about nobody alone.
            events.retain(|note| {
                who.is_none() || ![HeldBack::NOTE, HeldBack::OVER].contains(&note.kind.as_str())
            });
            Ok(HistoryReport::new(runs, events))
        })
    }
}

/// One run, with everything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Show {
    /// Its number.
    pub run: RunId,
}

impl Question for Show {
    const NAME: &'static str = "show";
    type Answer = RunReport;

    fn answer<'a>(self, store: &'a State) -> BoxFuture<'a, Result<RunReport, WordError>> {
        Box::pin(async move {
            let record = found(store, self.run).await?;
            let memory = memory(store).await?;
            let mut report = RunReport::of(&record);
            report.schema = Some(SCHEMA);
            add_steps(store, &mut report, &record, &memory, None).await?;
            Ok(report)
        })
    }
}

async fn memory(store: &State) -> Result<Memory, WordError> {
    Ok(store.load().await.map_err(CycleError::from)?)
}

/// A run of this number.
///
/// # Errors
/// When there is none, or it is not over.
pub(super) async fn found(store: &State, run: RunId) -> Result<RunRecord, WordError> {
    let found = store.run(run).await.map_err(CycleError::from)?;
    found.ok_or_else(|| {
        WordError::Refused(format!(
            "there is no run {}, or it was forgotten by state.keep: `mattersync history` lists \
             those that are there",
            run.0
        ))
    })
}

/// As [`found`], and it must be over.
pub(super) async fn ended(store: &State, run: RunId) -> Result<RunRecord, WordError> {
    let record = found(store, run).await?;
    match record.state {
        RunState::Open => Err(WordError::Refused(format!(
            "run {} is not over yet: try again when it is",
            run.0
        ))),
        RunState::Finished | RunState::Abandoned => Ok(record),
    }
}

/// Everybody who is called so.
async fn known(store: &State, person: &str) -> Result<Who, WordError> {
    let who = store.known_as(person.to_owned()).await;
    let who = who.map_err(CycleError::from)?;
    match who.is_empty() {
        true => Err(PersonError::Nobody(person.to_owned()).into()),
        false => Ok(who),
    }
}

async fn add_steps(
    store: &State,
    report: &mut RunReport,
    record: &RunRecord,
    memory: &Memory,
    who: Option<&Who>,
) -> Result<(), WordError> {
    let unsettled = store.unsettled().await.map_err(CycleError::from)?;
    let open: BTreeSet<StepId> = unsettled
        .iter()
        .filter(|unsettled| unsettled.run == record.id)
        .map(|unsettled| unsettled.step.id)
        .collect();
    let notes = store.notes(record.id).await.map_err(CycleError::from)?;
    report.add(record, notes, memory, &open, who);
    Ok(())
}

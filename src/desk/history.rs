//! What was done: the runs, or one of them. Answered from the state file alone, also while a cycle
//! runs, and when directory and Mattermost are down.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{ActionKind, Memory, Noted, OutcomeKind, RunId, StepId, Timestamp};
use crate::state::{People, RunFilter, RunRecord, RunState, State};

use super::error::DeskError;
use super::person::{find_recorded, nobody_recorded};
use super::request::{Asker, Record, Request};
use super::run_report::{HistoryReport, RunReport, SCHEMA};

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

impl Request for History {
    const NAME: &'static str = "history";
    type Tool = Record;
    type Answer = HistoryReport;

    fn writes(&self) -> bool {
        false
    }

    async fn run(
        self,
        record: &mut Record,
        _asker: &Asker<'_>,
    ) -> Result<HistoryReport, DeskError> {
        let store = record.0.as_ref();
        let who = match &self.person {
            Some(person) => Some(known(store, person).await?),
            None => None,
        };
        let which = RunFilter {
            last: self.last,
            since: self.since,
            who: who.clone(),
        };
        let heads = store.heads(which).await?;
        let memory = memory(store).await?;
        let mut runs = Vec::with_capacity(heads.len());
        for head in heads {
            let id = head.id;
            let mut report = RunReport::of_head(head);
            if !self.whole {
                let few = few(&report);
                if !few.is_empty()
                    && let Some(record) = store.run(id).await?
                {
                    report.name(&record, &few, who.as_ref());
                }
            } else if let Some(record) = store.run(id).await? {
                add_steps(store, &mut report, &record, &memory, who.as_ref()).await?;
                let notes = report.notes.into_iter();
                report.notes = notes.map(|note| note.without_keys(report.run)).collect();
            }
            runs.push(report);
        }
        let mut events = store.loose_notes().await?;
        events.retain(|note| self.since.is_none_or(|since| note.at >= since));
        // A hold is about many people.
        let of_hold = |what: &Noted| matches!(what, Noted::Held(_) | Noted::HeldNoMore(_));
        events.retain(|note| who.is_none() || !of_hold(&note.what));
        Ok(HistoryReport::new(runs, events))
    }
}

/// The kinds of steps of which so few were done that people are named.
fn few(report: &RunReport) -> BTreeSet<ActionKind> {
    const FEW: u64 = 3;
    let done = report.counts.iter();
    let done = done.filter(|count| count.outcome == OutcomeKind::Done && count.number <= FEW);
    done.map(|count| count.action).collect()
}

/// One run, with everything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowRun {
    /// Its number.
    pub run: RunId,
}

impl Request for ShowRun {
    const NAME: &'static str = "show";
    type Tool = Record;
    type Answer = RunReport;

    fn writes(&self) -> bool {
        false
    }

    async fn run(self, record: &mut Record, _asker: &Asker<'_>) -> Result<RunReport, DeskError> {
        let store = record.0.as_ref();
        let record = found(store, self.run).await?;
        let memory = memory(store).await?;
        let mut report = RunReport::of(&record);
        report.schema = Some(SCHEMA);
        add_steps(store, &mut report, &record, &memory, None).await?;
        Ok(report)
    }
}

async fn memory(store: &State) -> Result<Memory, DeskError> {
    Ok(store.load().await?)
}

/// Returns the run of this number.
///
/// # Errors
/// When there is none, or it is not over.
pub(super) async fn found(store: &State, run: RunId) -> Result<RunRecord, DeskError> {
    let found = store.run(run).await?;
    found.ok_or_else(|| {
        DeskError::Refused(format!(
            "there is no run {}, or it was forgotten by state.keep: `mattersync history` lists \
             those that are there",
            run.0
        ))
    })
}

/// Returns a run of this number that is over.
pub(super) async fn ended(store: &State, run: RunId) -> Result<RunRecord, DeskError> {
    let record = found(store, run).await?;
    match record.state {
        RunState::Open => Err(DeskError::Refused(format!(
            "run {} is not over yet: try again when it is",
            run.0
        ))),
        RunState::Finished | RunState::Abandoned => Ok(record),
    }
}

/// Returns everybody whom a text names.
async fn known(store: &State, person: &str) -> Result<People, DeskError> {
    let who = find_recorded(store, person).await?;
    match who.is_empty() {
        true => Err(nobody_recorded(store, person).await?.into()),
        false => Ok(who),
    }
}

async fn add_steps(
    store: &State,
    report: &mut RunReport,
    record: &RunRecord,
    memory: &Memory,
    who: Option<&People>,
) -> Result<(), DeskError> {
    let unsettled = store.unsettled().await?;
    let open: BTreeSet<StepId> = unsettled
        .iter()
        .filter(|unsettled| unsettled.run == record.id)
        .map(|unsettled| unsettled.step.id)
        .collect();
    let notes = store.notes(record.id).await?;
    report.add(record, notes, memory, &open, who);
    Ok(())
}

//! One piece of work at a time, in a task of its own, so that the loop goes on.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

use crate::apply::Event;
use crate::clock::Clock;
use crate::config::Settings;
use crate::cycle::{Asker, CycleError, Engine, PlanReport, Stage, Summary, WordError};
use crate::model::{Origin, RunKind};
use crate::state::State;

use super::control::{Answer, Refusal, Waiting, Wish};
use super::told::Told;

/// What a piece of work left behind.
pub struct Finished {
    /// The engine, for the next piece.
    pub engine: Engine,
    /// The cycle, if it was one.
    pub cycle: Option<Result<Summary, CycleError>>,
    /// Whether a cycle is to follow at once.
    pub goes_on: bool,
    /// Who wants to know of the cycle.
    replies: Vec<Waiting>,
}

impl Finished {
    /// Answers those who asked for a cycle.
    pub fn answer(&mut self) {
        let answer = match &self.cycle {
            Some(Ok(summary)) => Ok(summary.report()),
            Some(Err(error)) => Err(refusal(error)),
            None => return,
        };
        for waiting in self.replies.drain(..) {
            // Whoever asked may have gone.
            let _ = waiting.reply.send(answer.clone());
        }
    }
}

/// What is to be done.
pub enum Work {
    /// A cycle, and who wants to know of it.
    Cycle(Vec<Waiting>),
    /// Something that a caller wants.
    Wish(Wish),
}

impl Work {
    /// Tells whoever waits that it will not be done.
    pub fn refuse(self, why: &Refusal) {
        match self {
            Self::Cycle(replies) => {
                for waiting in replies {
                    Wish::Sync(waiting).refuse(why.clone());
                }
            }
            Self::Wish(wish) => wish.refuse(why.clone()),
        }
    }
}

/// What a piece of work needs from the daemon.
pub struct Tools {
    /// Where the stage is told.
    pub stage: watch::Sender<Stage>,
    /// Becomes true when a run shall end.
    pub stop: watch::Receiver<bool>,
    /// What was told already, not to be told at each cycle.
    pub told: Arc<Told>,
}

/// An engine for a configuration.
///
/// # Errors
/// As [`Engine::new`].
pub fn engine(
    settings: &Settings,
    store: &Arc<State>,
    clock: &Arc<dyn Clock>,
) -> Result<Engine, CycleError> {
    Engine::new(settings.clone(), Arc::clone(store), Arc::clone(clock))
}

/// Does one piece of work.
pub async fn work(mut engine: Engine, work: Work, tools: Tools) -> Finished {
    let stages = |stage| {
        tools.stage.send_replace(stage);
    };
    let told = Arc::clone(&tools.told);
    let listener = move |event: Event<'_>| told.step(event.step, event.outcome);
    let mut cycle = None;
    let mut replies = Vec::new();
    let mut goes_on = false;
    match work {
        Work::Cycle(waiting) => {
            replies = waiting;
            let run = engine.run_for(origin(&replies), tools.stop, &stages, &listener);
            cycle = Some(run.await);
        }
        Work::Wish(Wish::Sync(waiting)) => {
            replies.push(waiting);
            let run = engine.run_for(origin(&replies), tools.stop, &stages, &listener);
            cycle = Some(run.await);
        }
        Work::Wish(Wish::Plan(reply)) => {
            let view = engine.show_holds(&stages).await;
            let answer: Answer<PlanReport> = match &view {
                Ok(view) => Ok(view.report()),
                Err(error) => Err(refusal(error)),
            };
            let _ = reply.send(answer);
        }
        Work::Wish(Wish::Approve {
            what,
            new_password,
            by,
            reply,
        }) => {
            let word = engine.approve_with(&what, new_password, &by, &stages);
            let answer = word.await;
            if let Ok(approved) = &answer {
                tracing::info!(
                    sync_action = "approve",
                    "{by} approved {what}: {} step(s), until {}",
                    approved.released.len(),
                    approved.until
                );
            }
            let _ = reply.send(answer.map_err(|e| word_refusal(&e)));
        }
        Work::Wish(Wish::Errand { errand, by, reply }) => {
            let asker = Asker {
                by: &by,
                stages: &stages,
                listener: &listener,
            };
            let wants_cycle = errand.wants_a_cycle();
            let answer = errand.run_any(&mut engine, &asker).await;
            goes_on = wants_cycle && answer.is_ok();
            let _ = reply.send(answer.map_err(|e| word_refusal(&e)));
        }
    }
    if let Some(Ok(summary)) = &cycle
        && !replies.is_empty()
        && let Err(error) = engine.shown(&summary.view).await
    {
        cycle = Some(Err(error));
    }
    Finished {
        engine,
        cycle,
        goes_on,
        replies,
    }
}

/// Why a cycle runs: for those who wait for it, or by the schedule.
fn origin(waiting: &[Waiting]) -> Origin {
    if waiting.is_empty() {
        return Origin::default();
    }
    let names: BTreeSet<&str> = waiting.iter().map(|one| one.by.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    Origin::asked(RunKind::Sync, &names.join(", "))
}

/// What somebody is told whose word cannot be followed.
pub fn word_refusal(error: &WordError) -> Refusal {
    match error {
        WordError::Cycle(error) => refusal(error),
        other => Refusal {
            message: other.to_string(),
            exit: 1,
        },
    }
}

/// What those are told who wait for a cycle that failed.
pub fn refusal(error: &CycleError) -> Refusal {
    Refusal {
        message: error.to_string(),
        exit: error.exit_code(),
    }
}

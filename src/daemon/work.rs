//! One piece of work at a time, in a task of its own, so that the loop goes on.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

use crate::apply::Event;
use crate::clock::Clock;
use crate::config::Settings;
use crate::cycle::{CycleError, Engine, Stage, Summary};
use crate::desk::{Asker, cycle_for};
use crate::state::State;

use super::asked::{Asked, Refusal, Waiting};
use super::reporter::Reporter;

/// What a piece of work left behind.
pub struct Finished {
    /// The engine, for the next piece.
    pub engine: Engine,
    /// The cycle, if it was one.
    pub cycle: Option<Result<Summary, CycleError>>,
    /// Who wants to know of the cycle.
    waiting: Vec<Waiting>,
}

impl Finished {
    /// Answers those who asked for a cycle.
    pub fn answer(&mut self) {
        let answer = match &self.cycle {
            Some(Ok(summary)) => serde_json::to_value(&summary.facts).map_err(|_| Refusal::lost()),
            Some(Err(error)) => Err(error.into()),
            None => return,
        };
        for waiting in self.waiting.drain(..) {
            waiting.answer(answer.clone());
        }
    }
}

/// What is to be done.
pub enum Work {
    /// A cycle, and who wants to know of it.
    Cycle(Vec<Waiting>),
    /// Something that somebody asked for.
    Request(Asked),
}

impl Work {
    /// Tells whoever waits that it will not be done.
    pub fn refuse(self, why: &Refusal) {
        match self {
            Self::Cycle(waiting) => {
                for waiting in waiting {
                    waiting.refuse(why.clone());
                }
            }
            Self::Request(asked) => asked.waiting.refuse(why.clone()),
        }
    }
}

/// What a piece of work needs from the daemon.
pub struct Tools {
    /// Where the stage is told.
    pub stage: watch::Sender<Stage>,
    /// Becomes true when a run shall end.
    pub stop: watch::Receiver<bool>,
    /// Reports steps, each failure once.
    pub reporter: Arc<Reporter>,
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
    let reporter = Arc::clone(&tools.reporter);
    let listener = move |event: Event<'_>| reporter.step(event.step, event.outcome);
    let stop = tools.stop;
    match work {
        Work::Cycle(waiting) => {
            let names: BTreeSet<&str> = waiting.iter().map(|one| one.by.as_str()).collect();
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            let cycle = match waiting.is_empty() {
                true => engine.run(stop, &stages, &listener).await,
                false => cycle_for(&mut engine, &names, stop, &stages, &listener).await,
            };
            Finished {
                engine,
                cycle: Some(cycle),
                waiting,
            }
        }
        Work::Request(asked) => {
            let by = asked.waiting.by.clone();
            let asker = Asker {
                by: &by,
                stages: &stages,
                listener: &listener,
                stop,
            };
            asked.run(&mut engine, &asker).await;
            Finished {
                engine,
                cycle: None,
                waiting: Vec::new(),
            }
        }
    }
}

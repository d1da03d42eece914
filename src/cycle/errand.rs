//! What a person asks an engine for, wherever the work is done: in the service or in the command.
//!
//! A new command is a type with an [`Errand`], a line in the daemon's control socket, and a
//! view in the command line.

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::apply::Listener;

use super::{Engine, Stages, SyncReport, WordError};

/// Who asks, and who hears of the work.
pub struct Asker<'a> {
    /// Who asks, for the record.
    pub by: &'a str,
    /// Hears what the engine is doing.
    pub stages: &'a Stages<'a>,
    /// Hears of every step.
    pub listener: &'a Listener<'a>,
}

/// Something that a person asks for and that is answered once.
pub trait Errand: Serialize + DeserializeOwned + Send + 'static {
    /// Its name on the control socket.
    const NAME: &'static str;
    /// Whether it writes to the state; one that does not needs no lease.
    const WRITES: bool;
    /// Whether it goes before all that waits, and ends a run that nobody waits for.
    const URGENT: bool = false;

    /// Whether this one writes; one that only shows what it would do needs no lease either.
    fn writes(&self) -> bool {
        Self::WRITES
    }
    /// What comes of it.
    type Answer: Serialize + DeserializeOwned + Send;

    /// Whether a cycle can go on afterwards that could not before.
    fn wants_cycle(&self) -> bool {
        false
    }

    /// Does it.
    ///
    /// # Errors
    /// When it cannot be done, with what to type instead.
    fn run<'a>(
        self,
        engine: &'a mut Engine,
        asker: &'a Asker<'a>,
    ) -> BoxFuture<'a, Result<Self::Answer, WordError>>;
}

/// An errand of any kind, with its answer as JSON.
pub trait AnyErrand: Send {
    /// [`Errand::NAME`].
    fn name(&self) -> &'static str;
    /// [`Errand::URGENT`].
    fn is_urgent(&self) -> bool;
    /// [`Errand::writes`].
    fn writes_any(&self) -> bool;
    /// [`Errand::wants_cycle`].
    fn wants_a_cycle(&self) -> bool;
    /// [`Errand::run`].
    ///
    /// # Errors
    /// As [`Errand::run`].
    fn run_any<'a>(
        self: Box<Self>,
        engine: &'a mut Engine,
        asker: &'a Asker<'a>,
    ) -> BoxFuture<'a, Result<Value, WordError>>;
}

impl<E: Errand> AnyErrand for E {
    fn name(&self) -> &'static str {
        E::NAME
    }

    fn is_urgent(&self) -> bool {
        E::URGENT
    }

    fn writes_any(&self) -> bool {
        self.writes()
    }

    fn wants_a_cycle(&self) -> bool {
        self.wants_cycle()
    }

    fn run_any<'a>(
        self: Box<Self>,
        engine: &'a mut Engine,
        asker: &'a Asker<'a>,
    ) -> BoxFuture<'a, Result<Value, WordError>> {
        Box::pin(async move {
            let answer = (*self).run(engine, asker).await?;
            serde_json::to_value(answer).map_err(|error| WordError::Refused(error.to_string()))
        })
    }
}

/// Deactivate one linked user now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deactivate {
    /// Username, address, DN or id.
    pub person: String,
}

impl Errand for Deactivate {
    const NAME: &'static str = "deactivate";
    const WRITES: bool = true;
    const URGENT: bool = true;
    type Answer = SyncReport;

    fn run<'a>(
        self,
        engine: &'a mut Engine,
        asker: &'a Asker<'a>,
    ) -> BoxFuture<'a, Result<SyncReport, WordError>> {
        Box::pin(async move {
            let done = engine.deactivate(&self.person, asker.by, asker.stages, asker.listener);
            Ok(done.await?.report())
        })
    }
}

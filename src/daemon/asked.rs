//! What the service was asked to do, by whom, and where the answer goes.

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::cycle::{CycleError, Engine};
use crate::desk::{Asker, DeskError, Instead, Request, Turn};
use crate::model::printable;

/// The most characters of what a caller says of a person behind it.
const MAX_NAME: usize = 64;

/// What comes of a request, as JSON.
pub type JsonAnswer = Result<Value, Refusal>;

/// A request that was not answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// Why, and what to do.
    pub message: String,
    /// More lines below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<String>,
    /// The exit code that the command ends with.
    pub exit: u8,
    /// What could be typed instead, if the text named nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<Instead>,
}

impl Refusal {
    /// The daemon ends and does not begin anything new.
    pub fn stopping() -> Self {
        Self {
            message: "the daemon is stopping: try again when it is up".to_owned(),
            more: Vec::new(),
            exit: 75,
            instead: None,
        }
    }

    /// Too much waits already.
    pub fn busy() -> Self {
        Self {
            message: "too much is asked of the service at once: try again later".to_owned(),
            more: Vec::new(),
            exit: 75,
            instead: None,
        }
    }

    /// The work ended without a word.
    pub fn lost() -> Self {
        Self {
            message: "it was not finished: the daemon is stopping, or it failed; the journal \
                      says which"
                .to_owned(),
            more: Vec::new(),
            exit: 75,
            instead: None,
        }
    }
}

impl From<&CycleError> for Refusal {
    fn from(error: &CycleError) -> Self {
        Self {
            message: error.to_string(),
            more: Vec::new(),
            exit: error.exit_code(),
            instead: None,
        }
    }
}

impl From<&DeskError> for Refusal {
    fn from(error: &DeskError) -> Self {
        match error {
            DeskError::Cycle(error) => error.into(),
            DeskError::RefusedFor(message, more) => Self {
                message: format!("{message}:"),
                more: more.clone(),
                exit: 1,
                instead: None,
            },
            other => Self {
                message: other.to_string(),
                more: Vec::new(),
                exit: 1,
                instead: other.instead(),
            },
        }
    }
}

/// Somebody who waits for an answer.
pub struct Waiting {
    /// Who asked.
    pub by: String,
    reply: oneshot::Sender<JsonAnswer>,
}

impl Waiting {
    /// Answers. Whoever asked may have gone.
    pub fn answer(self, answer: JsonAnswer) {
        let _ = self.reply.send(answer);
    }

    /// Says that it will not be done.
    pub fn refuse(self, why: Refusal) {
        self.answer(Err(why));
    }
}

type Work = dyn for<'a> FnOnce(&'a mut Engine, &'a Asker<'a>) -> BoxFuture<'a, Result<Value, DeskError>>
    + Send;

/// A request of any kind that an engine works on.
pub struct Asked {
    /// When it is done.
    pub turn: Turn,
    /// Who waits for the answer.
    pub waiting: Waiting,
    is_dropped_unheard: bool,
    work: Box<Work>,
}

impl Asked {
    /// Takes a request; its answer goes to `reply`.
    pub fn new<R: Request<Tool = Engine>>(
        request: R,
        by: String,
        reply: oneshot::Sender<JsonAnswer>,
    ) -> Self {
        Self {
            turn: request.turn(),
            waiting: Waiting { by, reply },
            is_dropped_unheard: request.is_dropped_unheard(),
            work: Box::new(move |engine, asker| Box::pin(to_json(request.run(engine, asker)))),
        }
    }

    /// Whether nobody waits for it any more, and nothing but an answer would come of it.
    pub fn is_pointless(&self) -> bool {
        self.is_dropped_unheard && self.waiting.reply.is_closed()
    }

    /// Does it, and answers.
    pub async fn run(self, engine: &mut Engine, asker: &Asker<'_>) {
        let Self { waiting, work, .. } = self;
        let answer = work(engine, asker).await;
        waiting.answer(answer.map_err(|error| Refusal::from(&error)));
    }
}

async fn to_json<A: Serialize>(
    answer: impl Future<Output = Result<A, DeskError>>,
) -> Result<Value, DeskError> {
    let answer = answer.await?;
    serde_json::to_value(answer).map_err(|error| DeskError::Refused(error.to_string()))
}

/// Who asked, for the record: the user whom the kernel names, and whom that user says to stand for,
/// quoted and marked as no more than told.
pub fn asked_by(name: &str, on_behalf: Option<&str>) -> String {
    let on_behalf: String = on_behalf
        .map(printable)
        .unwrap_or_default()
        .chars()
        .take(MAX_NAME)
        .collect();
    let on_behalf = on_behalf.trim();
    if on_behalf.is_empty() || on_behalf == name {
        name.to_owned()
    } else {
        format!("{name} (says: for {on_behalf:?})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_says_of_a_person_is_quoted_marked_and_short() {
        let name = |on_behalf| asked_by("root", on_behalf);
        assert_eq!(name(None), "root");
        assert_eq!(name(Some("root")), "root");
        assert_eq!(name(Some("\n")), "root");
        assert_eq!(name(Some("anna")), "root (says: for \"anna\")");
        let forged = asked_by("uid 1234", Some("x\"), root (admin"));
        assert_eq!(forged, r#"uid 1234 (says: for "x\"), root (admin")"#);
        let steering = name(Some("an\nna\u{1b}[2J\u{202e}"));
        assert_eq!(steering, "root (says: for \"an na\u{fffd}[2J\u{fffd}\")");
        let long = name(Some(&"x".repeat(100_000)));
        assert_eq!(
            long.chars().count(),
            "root (says: for \"\")".len() + MAX_NAME
        );
    }
}

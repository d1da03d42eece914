//! What a person types, carried out by an engine.

use mattersync::cycle::Engine;
use mattersync::desk::{Approve, Approved, Asker, Deactivate, DeskError, Request, ShowPlan};
use mattersync::observe::{CycleFacts, PlanFacts};
use tokio::sync::watch;

/// Does what somebody asks for.
pub async fn ask<R: Request<Tool = Engine>>(
    engine: &mut Engine,
    by: &str,
    request: R,
) -> Result<R::Answer, DeskError> {
    let asker = Asker {
        by,
        stages: &|_| {},
        listener: &|_| {},
        stop: watch::channel(false).1,
    };
    request.run(engine, &asker).await
}

/// Shows what is held.
pub async fn show_holds(engine: &mut Engine) -> Result<PlanFacts, DeskError> {
    ask(engine, "alice", ShowPlan { read_only: false }).await
}

/// Releases what is held, as far as it was shown.
pub async fn approve(engine: &mut Engine, what: &str, by: &str) -> Result<Approved, DeskError> {
    let what = what.to_owned();
    let new_password = false;
    ask(engine, by, Approve { what, new_password }).await
}

/// Deactivates one linked person.
pub async fn deactivate(
    engine: &mut Engine,
    person: &str,
    by: &str,
) -> Result<CycleFacts, DeskError> {
    let request = Deactivate {
        person: person.to_owned(),
        admin: false,
        yes: None,
        only_show: false,
    };
    let answer = ask(engine, by, request).await?;
    let shown = || DeskError::Refused("no account stands behind the user".into());
    answer.done.ok_or_else(shown)
}

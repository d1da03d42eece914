//! What happened to one person.

use rusqlite::{Connection, params};

use super::super::PastStep;
use super::super::fault::Fault;
use super::runs::step_record;
use crate::model::{AccountKey, RunId, Timestamp, UserId};

/// The newest steps about an account or a user, newest first.
pub(in super::super) fn steps_about(
    db: &Connection,
    account: Option<&AccountKey>,
    user: Option<&UserId>,
    most: u32,
) -> Result<Vec<PastStep>, Fault> {
    // Each half has an index of its own; what is in both is one row.
    let mut select = db.prepare_cached(
        "SELECT s.step, s.intended_at, s.outcome, s.message, s.settled_at, s.result,
                s.run, runs.began
         FROM (SELECT run, number FROM steps WHERE account = ?1 AND provider = ?2
               UNION SELECT run, number FROM steps WHERE user = ?3) AS found
         JOIN steps AS s ON s.run = found.run AND s.number = found.number
         JOIN runs ON runs.id = s.run
         ORDER BY s.run DESC, s.position DESC LIMIT ?4",
    )?;
    let mut rows = select.query(params![
        account.map(|key| key.id.as_str()),
        account.map(|key| key.provider.as_str()),
        user.map(UserId::as_str),
        most,
    ])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(PastStep {
            run: RunId(row.get(6)?),
            began: Timestamp(row.get(7)?),
            record: step_record(row)?,
        });
    }
    Ok(steps)
}

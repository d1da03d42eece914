//! Reads the record from rows.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Row, params};

use super::super::fault::Fault;
use super::super::history::{PastStep, People, RunFilter, RunHead, StepCount, tally};
use super::super::json::from_json;
use super::runs::{STEP_COLUMNS, state, step_record};
use super::{action, from_column, unknown_word, unsigned};
use crate::model::{AccountKey, ActionKind, Dn, OutcomeKind, RunId, Step, Timestamp, UserId};

/// The e-mails that were sent because of a step.
const MAILS: &str = "CASE WHEN word = 'done' THEN mails ELSE 0 END";

/// Reads runs without their steps, newest first.
pub(super) fn heads(db: &Connection, which: &RunFilter) -> Result<Vec<RunHead>, Fault> {
    let theirs = match &which.who {
        Some(who) => Some(counts_of(db, who)?),
        None => None,
    };
    let since = which.since.map_or(i64::MIN, |since| since.0);
    let most = usize::try_from(which.last.unwrap_or(u32::MAX)).unwrap_or(usize::MAX);
    let mut select = db.prepare_cached(
        "SELECT id, began, ended, state, config, about FROM runs WHERE began >= ?1
         ORDER BY id DESC",
    )?;
    let mut rows = select.query([since])?;
    let mut heads = Vec::new();
    while let Some(row) = rows.next()? {
        if heads.len() >= most {
            break;
        }
        let id = RunId(row.get(0)?);
        let (counts, mails) = match &theirs {
            None => counts(db, id)?,
            Some(theirs) => match theirs.get(&id) {
                Some(counts) => counts.clone(),
                None => continue,
            },
        };
        heads.push(RunHead {
            id,
            began: Timestamp(row.get(1)?),
            ended: row.get::<_, Option<i64>>(2)?.map(Timestamp),
            state: state(&row.get::<_, String>(3)?)?,
            config: row.get(4)?,
            about: from_column("runs", row, 5)?,
            counts,
            mails,
        });
    }
    Ok(heads)
}

fn counts(db: &Connection, run: RunId) -> Result<(Vec<StepCount>, u64), Fault> {
    let mut select = db.prepare_cached(&format!(
        "SELECT action, word, count(*), sum({MAILS}) FROM steps WHERE run = ?1
         GROUP BY action, word ORDER BY action, word"
    ))?;
    let mut rows = select.query([run.0])?;
    let mut counts = Vec::new();
    let mut mails = 0;
    while let Some(row) = rows.next()? {
        mails += unsigned(row.get(3)?)?;
        counts.push(StepCount {
            action: action(row, 0)?,
            outcome: outcome(row, 1)?,
            number: unsigned(row.get(2)?)?,
        });
    }
    Ok((counts, mails))
}

/// Reads the kind of a step's outcome.
fn outcome(row: &Row<'_>, column: usize) -> Result<OutcomeKind, Fault> {
    let word: String = row.get(column)?;
    let known = OutcomeKind::ALL
        .iter()
        .copied()
        .find(|kind| kind.name() == word);
    known.ok_or_else(|| unknown_word("steps have the outcome", &word))
}

/// The kinds and outcomes of some people's steps in a run, and the e-mails sent because of them.
type StepsOfPeople = (Vec<(ActionKind, OutcomeKind)>, u64);

/// Counts the steps of some people in each run that has any.
fn counts_of(
    db: &Connection,
    who: &People,
) -> Result<BTreeMap<RunId, (Vec<StepCount>, u64)>, Fault> {
    type Found = BTreeSet<(RunId, i64, ActionKind, OutcomeKind, u64)>;
    fn take(found: &mut Found, row: &Row<'_>) -> Result<(), Fault> {
        let mails = unsigned(row.get(4)?)?;
        found.insert((
            RunId(row.get(0)?),
            row.get(1)?,
            action(row, 2)?,
            outcome(row, 3)?,
            mails,
        ));
        Ok(())
    }
    let mut found = Found::new();
    let mut by_account = db.prepare_cached(&format!(
        "SELECT run, number, action, word, {MAILS} FROM steps WHERE account = ?1 AND provider = ?2"
    ))?;
    for key in &who.accounts {
        let mut rows = by_account.query(params![key.id.as_str(), key.provider.as_str()])?;
        while let Some(row) = rows.next()? {
            take(&mut found, row)?;
        }
    }
    let mut by_user = db.prepare_cached(&format!(
        "SELECT run, number, action, word, {MAILS} FROM steps WHERE user = ?1"
    ))?;
    for user in &who.users {
        let mut rows = by_user.query([user.as_str()])?;
        while let Some(row) = rows.next()? {
            take(&mut found, row)?;
        }
    }
    let mut runs: BTreeMap<RunId, StepsOfPeople> = BTreeMap::new();
    for (run, _, action, word, mails) in found {
        let (steps, sum) = runs.entry(run).or_default();
        steps.push((action, word));
        *sum += mails;
    }
    let runs = runs.into_iter();
    Ok(runs
        .map(|(run, (steps, mails))| (run, (tally(steps.into_iter()), mails)))
        .collect())
}

/// Reads the newest steps about an account or a user, newest first.
pub(super) fn steps_about(
    db: &Connection,
    account: Option<&AccountKey>,
    user: Option<&UserId>,
    most: u32,
) -> Result<Vec<PastStep>, Fault> {
    // Each half uses its own index; a row that is in both is returned once.
    let mut select = db.prepare_cached(&format!(
        "SELECT {STEP_COLUMNS}, steps.run, runs.began
         FROM (SELECT run, number FROM steps WHERE account = ?1 AND provider = ?2
               UNION SELECT run, number FROM steps WHERE user = ?3) AS found
         JOIN steps ON steps.run = found.run AND steps.number = found.number
         JOIN runs ON runs.id = steps.run
         ORDER BY steps.run DESC, position DESC LIMIT ?4"
    ))?;
    let mut rows = select.query(params![
        account.map(|key| key.id.as_str()),
        account.map(|key| key.provider.as_str()),
        user.map(UserId::as_str),
        most,
    ])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(PastStep {
            run: RunId(row.get(11)?),
            began: Timestamp(row.get(12)?),
            record: step_record(row)?,
        });
    }
    Ok(steps)
}

/// Reads the steps of all runs that contain a text, or are about the user with that id.
pub(super) fn steps_with(
    db: &Connection,
    text: &str,
) -> Result<Vec<(Step, Option<UserId>)>, Fault> {
    // The id may have been typed with the provider's name.
    let plain = text.rsplit(':').next().unwrap_or(text);
    // One DN has many spellings, so none of them can be searched for as text.
    let is_dn = Dn::read(text).is_some();
    let mut select = db.prepare_cached("SELECT step, user FROM steps")?;
    let mut rows = select.query([])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        // Most steps are about others, so only those that may match are parsed.
        let json = row.get_ref(0)?.as_str().unwrap_or_default();
        let user: Option<String> = row.get(1)?;
        let is_user = |user: &String| user.eq_ignore_ascii_case(text);
        if user.as_ref().is_some_and(is_user) || is_dn || contains(json, plain) {
            steps.push((from_json("steps", json)?, user.map(UserId::new)));
        }
    }
    Ok(steps)
}

/// Returns whether JSON can contain a text, in any case. JSON with escapes is always parsed.
fn contains(json: &str, text: &str) -> bool {
    let plain = |c: char| !c.is_control() && !"\"\\".contains(c);
    if text.is_empty() || !text.chars().all(plain) {
        return true;
    }
    if !text.is_ascii() {
        return json.to_lowercase().contains(&text.to_lowercase());
    }
    let (json, text) = (json.as_bytes(), text.as_bytes());
    json.windows(text.len())
        .any(|window| window.eq_ignore_ascii_case(text))
}

//! The record in rows, as it is asked for.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Row, params};

use super::super::fault::Fault;
use super::super::history::{
    Candidates, RunHead, StepCount, Which, Who, is_about, is_link_of, tally, together,
};
use super::runs::state;
use super::{from_json, memory, odd, unsigned};
use crate::model::{
    AccountKey, DirectoryId, Dn, Outcome, ProviderName, RunId, Step, Timestamp, UserId,
};

/// The word for what became of a step, as [`crate::model::StepRecord::word`] has it.
fn word() -> String {
    let (turn, arrived) = (Outcome::BEFORE_ITS_TURN, Outcome::NEVER_ARRIVED);
    format!(
        "CASE WHEN outcome = 'not-done' AND (message GLOB '{turn}*' OR message GLOB '{arrived}*')
                   THEN 'not-begun'
              WHEN outcome IS NOT NULL THEN outcome
              WHEN intended_at IS NOT NULL THEN 'unknown' ELSE 'not-begun' END"
    )
}

/// The e-mails that a step caused.
const MAILS: &str = "CASE WHEN outcome = 'done' THEN json_extract(step, '$.mails') ELSE 0 END";

/// Runs without their steps, newest first.
pub(in super::super) fn heads(db: &Connection, which: &Which) -> Result<Vec<RunHead>, Fault> {
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
            about: match row.get::<_, Option<String>>(5)? {
                Some(about) => Some(from_json("runs", &about)?),
                None => None,
            },
            counts,
            mails,
        });
    }
    Ok(heads)
}

fn counts(db: &Connection, run: RunId) -> Result<(Vec<StepCount>, u64), Fault> {
    let mut select = db.prepare_cached(&format!(
        "SELECT action, {} AS word, count(*), sum({MAILS}) FROM steps WHERE run = ?1
         GROUP BY action, word ORDER BY action, word",
        word()
    ))?;
    let mut rows = select.query([run.0])?;
    let mut counts = Vec::new();
    let mut mails = 0;
    while let Some(row) = rows.next()? {
        mails += unsigned(row.get(3)?)?;
        counts.push(StepCount {
            action: row.get(0)?,
            outcome: row.get(1)?,
            number: unsigned(row.get(2)?)?,
        });
    }
    Ok((counts, mails))
}

/// The counts of some people's steps in each run that has any.
fn counts_of(db: &Connection, who: &Who) -> Result<BTreeMap<RunId, (Vec<StepCount>, u64)>, Fault> {
    type Found = BTreeSet<(RunId, i64, String, &'static str, u64)>;
    fn take(found: &mut Found, row: &Row<'_>) -> Result<(), Fault> {
        let word: String = row.get(3)?;
        let words = ["done", "not-done", "unknown", "not-begun"];
        let known = words.into_iter().find(|known| *known == word);
        let word = known.ok_or_else(|| odd("steps have the outcome", &word))?;
        let mails = unsigned(row.get(4)?)?;
        found.insert((RunId(row.get(0)?), row.get(1)?, row.get(2)?, word, mails));
        Ok(())
    }
    let mut found = Found::new();
    let mut by_account = db.prepare_cached(&format!(
        "SELECT run, number, action, {}, {MAILS} FROM steps WHERE account = ?1 AND provider = ?2",
        word()
    ))?;
    for key in &who.accounts {
        let mut rows = by_account.query(params![key.id.as_str(), key.provider.as_str()])?;
        while let Some(row) = rows.next()? {
            take(&mut found, row)?;
        }
    }
    let mut by_user = db.prepare_cached(&format!(
        "SELECT run, number, action, {}, {MAILS} FROM steps WHERE user = ?1",
        word()
    ))?;
    for user in &who.users {
        let mut rows = by_user.query([user.as_str()])?;
        while let Some(row) = rows.next()? {
            take(&mut found, row)?;
        }
    }
    type Theirs = (Vec<(String, &'static str)>, u64);
    let mut runs: BTreeMap<RunId, Theirs> = BTreeMap::new();
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

/// Everybody who is called so.
pub(in super::super) fn known_as(db: &Connection, person: &str) -> Result<Who, Fault> {
    let mut found = Candidates::default();
    for (key, link) in memory::links(db)? {
        let by = is_link_of(&key, &link, person);
        found.add(by, (Some(key), Some(link.user)));
    }
    // An id may have been typed with the provider's name.
    let plain = person.rsplit(':').next().unwrap_or(person);
    // A DN has many spellings.
    let is_dn = Dn::read(person).is_some();
    let mut select = db.prepare_cached("SELECT step, provider, account, user FROM steps")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        // Most steps are of others: only what may be meant is taken apart.
        let text = row.get_ref(0)?.as_str().unwrap_or_default();
        let user: Option<String> = row.get(3)?;
        let user = user.map(UserId::new);
        let by_user = user
            .as_ref()
            .is_some_and(|user| user.as_str().eq_ignore_ascii_case(person));
        if !by_user && !is_dn && !contains(text, plain) {
            continue;
        }
        let step: Step = from_json("steps", text)?;
        let Some(by) = is_about(&step, user.as_ref(), person) else {
            continue;
        };
        let (provider, id): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
        let key = provider.zip(id).map(|(provider, id)| AccountKey {
            provider: ProviderName::new(provider),
            id: DirectoryId::new(id),
        });
        found.add(Some(by), (key, user));
    }
    Ok(together(found))
}

/// Whether JSON can contain a text, whatever the case; what JSON writes otherwise is looked at.
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

//! Memory in rows. [`apply`] does to the tables what [`Memory::remember`] does to the struct.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::super::fault::{Fault, linked_twice};
use super::{from_json, odd, to_json, unsigned};
use crate::model::{
    AccountKey, Approval, Class, Deactivation, DirectoryId, Done, Fingerprint, HoldKey, Link,
    LinkOrigin, Memory, ProviderName, Remember, Timestamp, UserId,
};

/// Applies the changes in order.
pub(in super::super) fn apply(db: &Connection, delta: &[Remember]) -> Result<(), Fault> {
    delta.iter().try_for_each(|change| remember(db, change))
}

fn remember(db: &Connection, change: &Remember) -> Result<(), Fault> {
    match change {
        Remember::Link(key, link) => put_link(db, key, link),
        Remember::Unlink(key) => execute(
            db,
            "DELETE FROM links WHERE provider = ?1 AND id = ?2",
            params![key.provider.as_str(), key.id.as_str()],
        ),
        Remember::Absence(key, value) => put_account(db, "absence", key, value.as_ref()),
        Remember::Return(key, value) => put_account(db, "return", key, value.as_ref()),
        Remember::Name(key, value) => put_account(db, "name", key, value.as_ref()),
        Remember::Nonce(key, value) => put_account(db, "nonce", key, value.as_ref()),
        Remember::Waiting(key, value) => put_account(db, "waiting", key, value.as_ref()),
        Remember::Order(user, value) => put(db, "order", "", user.as_str(), value.as_ref()),
        Remember::Approval(hold, value) => put_approval(db, hold, value.as_ref()),
        Remember::Used(hold, step) => use_up(db, hold, step),
        Remember::Held(hold, value) => put(db, "held", "", &to_json(hold)?, value.as_ref()),
        Remember::Shape(name, shape) => put(db, "shape", name.as_str(), "", Some(shape)),
        Remember::Identity(name, id) => put(db, "identity", name.as_str(), "", Some(id)),
        Remember::Filled(name) => put(db, "filled", name.as_str(), "", Some(&true)),
        Remember::Done(done) => execute(
            db,
            "INSERT INTO done (class, at, fingerprint) VALUES (?1, ?2, ?3)",
            params![done.class.name(), done.at.0, done.whom.as_str()],
        ),
        Remember::ForgetDone(before) => {
            execute(db, "DELETE FROM done WHERE at < ?1", params![before.0])
        }
        Remember::Flips(key, value) => put_account(db, "flips", key, value.as_ref()),
        Remember::Announced(key, value) => put_account(db, "announced", key, value.as_ref()),
        Remember::Gone(key, value) => put_account(db, "gone", key, value.as_ref()),
        Remember::Clock(seen) => put(db, "clock", "", "", Some(seen)),
        Remember::SeatRefusal(value) => put(db, "seat-refusal", "", "", value.as_ref()),
        Remember::Scope(name, scope) => put(db, "scope", name.as_str(), "", Some(scope)),
        Remember::Kept(user, value) => put(db, "kept", "", user.as_str(), value.as_ref()),
        Remember::Unlinked(key, value) => put_account(db, "unlinked", key, value.as_ref()),
        Remember::Undone(key, value) => put_account(db, "undone", key, value.as_ref()),
        Remember::Duplicate(key, value) => put_account(db, "duplicate", key, value.as_ref()),
        Remember::Reset(user, value) => put(db, "reset", "", user.as_str(), value.as_ref()),
        Remember::SessionsEnded(user, at) => {
            put(db, "sessions-ended", "", user.as_str(), at.as_ref())
        }
        Remember::Team(name, team) => put(db, "team", "", name, team.as_ref()),
        Remember::Forgotten(user, at) => put(db, "forgotten", "", user.as_str(), at.as_ref()),
        Remember::Newest(user, value) => put(db, "newest", "", user.as_str(), value.as_ref()),
        Remember::Restored(value) => put(db, "restored", "", "", value.as_ref()),
    }
}

fn execute(db: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<(), Fault> {
    db.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn put_account<T: Serialize>(
    db: &Connection,
    kind: &str,
    key: &AccountKey,
    value: Option<&T>,
) -> Result<(), Fault> {
    put(db, kind, key.provider.as_str(), key.id.as_str(), value)
}

fn put<T: Serialize>(
    db: &Connection,
    kind: &str,
    provider: &str,
    key: &str,
    value: Option<&T>,
) -> Result<(), Fault> {
    match value {
        Some(value) => execute(
            db,
            "INSERT INTO memory (kind, provider, key, value) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (kind, provider, key) DO UPDATE SET value = excluded.value",
            params![kind, provider, key, to_json(value)?],
        ),
        None => execute(
            db,
            "DELETE FROM memory WHERE kind = ?1 AND provider = ?2 AND key = ?3",
            params![kind, provider, key],
        ),
    }
}

fn put_link(db: &Connection, key: &AccountKey, link: &Link) -> Result<(), Fault> {
    let holder = db
        .prepare_cached("SELECT provider, id FROM links WHERE user = ?1")?
        .query_row([link.user.as_str()], |row| account(row, 0, 1))
        .optional()?;
    if let Some(holder) = holder.filter(|holder| holder != key) {
        return Err(linked_twice(&link.user, &holder, key));
    }
    let deactivated = link.deactivated.as_ref();
    execute(
        db,
        "INSERT INTO links (provider, id, user, origin, since, last_dn, last_username,
                            deactivated_at, deactivated_why, deactivated_by, email_waiting, given,
                            anchor, agreed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT (provider, id) DO UPDATE SET
             user = excluded.user, origin = excluded.origin, since = excluded.since,
             last_dn = excluded.last_dn, last_username = excluded.last_username,
             deactivated_at = excluded.deactivated_at,
             deactivated_why = excluded.deactivated_why,
             deactivated_by = excluded.deactivated_by,
             email_waiting = excluded.email_waiting, given = excluded.given,
             anchor = excluded.anchor, agreed = excluded.agreed",
        params![
            key.provider.as_str(),
            key.id.as_str(),
            link.user.as_str(),
            match link.origin {
                LinkOrigin::Created => "created",
                LinkOrigin::Adopted => "adopted",
            },
            link.since.0,
            link.last_dn,
            link.last_username,
            deactivated.and_then(|d| d.delete_at).map(|at| at.0),
            deactivated.map(|d| &d.why),
            deactivated.and_then(|d| d.ordered_by.as_ref()),
            link.email_waiting,
            to_json(&link.given)?,
            link.anchor,
            to_json(&link.agreed)?,
        ],
    )
}

fn put_approval(db: &Connection, hold: &HoldKey, approval: Option<&Approval>) -> Result<(), Fault> {
    let hold = to_json(hold)?;
    match approval {
        Some(approval) => execute(
            db,
            "INSERT INTO approvals (hold, given_by, given_at, until, approval)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (hold) DO UPDATE SET
                 given_by = excluded.given_by, given_at = excluded.given_at,
                 until = excluded.until, approval = excluded.approval",
            params![
                hold,
                approval.by,
                approval.at.0,
                approval.until.0,
                to_json(approval)?
            ],
        ),
        None => execute(db, "DELETE FROM approvals WHERE hold = ?1", params![hold]),
    }
}

fn use_up(db: &Connection, hold: &HoldKey, step: &Fingerprint) -> Result<(), Fault> {
    let text: Option<String> = db
        .prepare_cached("SELECT approval FROM approvals WHERE hold = ?1")?
        .query_row([to_json(hold)?], |row| row.get(0))
        .optional()?;
    let Some(text) = text else { return Ok(()) };
    let mut approval: Approval = from_json("approvals", &text)?;
    if !approval.steps.remove(step) {
        return Ok(());
    }
    let left = Some(&approval).filter(|a| !a.steps.is_empty());
    put_approval(db, hold, left)
}

/// Everything that is remembered.
pub(in super::super) fn load(db: &Connection) -> Result<Memory, Fault> {
    let mut memory = Memory {
        links: links(db)?,
        ..Memory::default()
    };
    load_small_rest(db, &mut memory)?;
    let mut approvals = db.prepare_cached("SELECT hold, approval FROM approvals")?;
    let mut rows = approvals.query([])?;
    while let Some(row) = rows.next()? {
        memory.approvals.insert(
            from_json("approvals", row.get_ref(0)?.as_str().map_err(sql)?)?,
            from_json("approvals", row.get_ref(1)?.as_str().map_err(sql)?)?,
        );
    }
    let mut done = db.prepare_cached("SELECT class, at, fingerprint FROM done ORDER BY number")?;
    let mut rows = done.query([])?;
    while let Some(row) = rows.next()? {
        memory.done.push(Done {
            class: class(&row.get::<_, String>(0)?)?,
            at: Timestamp(row.get(1)?),
            whom: Fingerprint::new(row.get::<_, String>(2)?),
        });
    }
    Ok(memory)
}

/// Who is who.
pub(super) fn links(db: &Connection) -> Result<BTreeMap<AccountKey, Link>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT provider, id, user, origin, since, last_dn, last_username, deactivated_at,
                deactivated_why, deactivated_by, email_waiting, given, anchor, agreed FROM links",
    )?;
    let mut rows = select.query([])?;
    let mut links = BTreeMap::new();
    while let Some(row) = rows.next()? {
        links.insert(account(row, 0, 1)?, link(row)?);
    }
    Ok(links)
}

fn load_small_rest(db: &Connection, memory: &mut Memory) -> Result<(), Fault> {
    let mut select = db.prepare_cached("SELECT kind, provider, key, value FROM memory")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        let provider =
            || -> Result<ProviderName, Fault> { Ok(ProviderName::new(row.get::<_, String>(1)?)) };
        let value: String = row.get(3)?;
        let what = format!("memory of kind {kind}");
        match kind.as_str() {
            "absence" => {
                let value = from_json(&what, &value)?;
                memory.absences.insert(account(row, 1, 2)?, value);
            }
            "return" => {
                let value = from_json(&what, &value)?;
                memory.returns.insert(account(row, 1, 2)?, value);
            }
            "name" => {
                let value = from_json(&what, &value)?;
                memory.names.insert(account(row, 1, 2)?, value);
            }
            "nonce" => {
                let value = from_json(&what, &value)?;
                memory.nonces.insert(account(row, 1, 2)?, value);
            }
            "waiting" => {
                let value = from_json(&what, &value)?;
                memory.waiting.insert(account(row, 1, 2)?, value);
            }
            "order" => {
                let user = UserId::new(row.get::<_, String>(2)?);
                memory.orders.insert(user, from_json(&what, &value)?);
            }
            "held" => {
                let hold: String = row.get(2)?;
                let value = from_json(&what, &value)?;
                memory.held.insert(from_json(&what, &hold)?, value);
            }
            "shape" => {
                memory.shapes.insert(provider()?, from_json(&what, &value)?);
            }
            "identity" => {
                let value = from_json(&what, &value)?;
                memory.identities.insert(provider()?, value);
            }
            "filled" => {
                memory.filled.insert(provider()?);
            }
            "flips" => {
                let value = from_json(&what, &value)?;
                memory.flips.insert(account(row, 1, 2)?, value);
            }
            "announced" => {
                let value = from_json(&what, &value)?;
                memory.announced.insert(account(row, 1, 2)?, value);
            }
            "gone" => {
                let value = from_json(&what, &value)?;
                memory.gone.insert(account(row, 1, 2)?, value);
            }
            "clock" => memory.clock = Some(from_json(&what, &value)?),
            "seat-refusal" => memory.seat_refusal = Some(from_json(&what, &value)?),
            "scope" => {
                memory.scopes.insert(provider()?, from_json(&what, &value)?);
            }
            "kept" => {
                let user = UserId::new(row.get::<_, String>(2)?);
                memory.kept.insert(user, from_json(&what, &value)?);
            }
            "unlinked" => {
                let value = from_json(&what, &value)?;
                memory.unlinked.insert(account(row, 1, 2)?, value);
            }
            "undone" => {
                let value = from_json(&what, &value)?;
                memory.undone.insert(account(row, 1, 2)?, value);
            }
            "duplicate" => {
                let value = from_json(&what, &value)?;
                memory.duplicates.insert(account(row, 1, 2)?, value);
            }
            "reset" => {
                let user = UserId::new(row.get::<_, String>(2)?);
                memory.resets.insert(user, from_json(&what, &value)?);
            }
            "sessions-ended" => {
                let user = UserId::new(row.get::<_, String>(2)?);
                memory
                    .sessions_ended
                    .insert(user, from_json(&what, &value)?);
            }
            "team" => {
                let name: String = row.get(2)?;
                memory.teams.insert(name, from_json(&what, &value)?);
            }
            "forgotten" => {
                let user = UserId::new(row.get::<_, String>(2)?);
                memory.forgotten.insert(user, from_json(&what, &value)?);
            }
            "newest" => {
                let user = UserId::new(row.get::<_, String>(2)?);
                memory.newest.insert(user, from_json(&what, &value)?);
            }
            "restored" => memory.restored = Some(from_json(&what, &value)?),
            other => return Err(odd("memory has the kind", other)),
        }
    }
    Ok(())
}

fn link(row: &Row<'_>) -> Result<Link, Fault> {
    let deactivated = match row.get::<_, Option<String>>(8)? {
        None => None,
        Some(why) => Some(Deactivation {
            delete_at: row.get::<_, Option<i64>>(7)?.map(Timestamp),
            why,
            ordered_by: row.get(9)?,
        }),
    };
    Ok(Link {
        user: UserId::new(row.get::<_, String>(2)?),
        origin: match row.get::<_, String>(3)?.as_str() {
            "created" => LinkOrigin::Created,
            "adopted" => LinkOrigin::Adopted,
            other => return Err(odd("links have the origin", other)),
        },
        since: Timestamp(row.get(4)?),
        last_dn: row.get(5)?,
        last_username: row.get(6)?,
        deactivated,
        email_waiting: row.get(10)?,
        given: from_json("links", row.get_ref(11)?.as_str().map_err(sql)?)?,
        anchor: row.get(12)?,
        agreed: from_json("links", row.get_ref(13)?.as_str().map_err(sql)?)?,
    })
}

fn account(row: &Row<'_>, provider: usize, id: usize) -> Result<AccountKey, rusqlite::Error> {
    Ok(AccountKey {
        provider: ProviderName::new(row.get::<_, String>(provider)?),
        id: DirectoryId::new(row.get::<_, String>(id)?),
    })
}

fn class(word: &str) -> Result<Class, Fault> {
    Class::ALL
        .into_iter()
        .find(|class| class.name() == word)
        .ok_or_else(|| odd("done has the class", word))
}

fn sql(error: rusqlite::types::FromSqlError) -> Fault {
    Fault::Row(error.to_string())
}

/// How many there are of each.
pub(in super::super) fn counts(db: &Connection) -> Result<BTreeMap<String, u64>, Fault> {
    const COUNTS: [(&str, &str); 14] = [
        ("links", "SELECT count(*) FROM links"),
        (
            "deactivated",
            "SELECT count(*) FROM links WHERE deactivated_why IS NOT NULL",
        ),
        (
            "absences",
            "SELECT count(*) FROM memory WHERE kind = 'absence'",
        ),
        (
            "returns",
            "SELECT count(*) FROM memory WHERE kind = 'return'",
        ),
        ("names", "SELECT count(*) FROM memory WHERE kind = 'name'"),
        ("nonces", "SELECT count(*) FROM memory WHERE kind = 'nonce'"),
        (
            "waiting",
            "SELECT count(*) FROM memory WHERE kind = 'waiting'",
        ),
        (
            "addresses-waiting",
            "SELECT count(*) FROM links WHERE email_waiting IS NOT NULL",
        ),
        ("orders", "SELECT count(*) FROM memory WHERE kind = 'order'"),
        ("approvals", "SELECT count(*) FROM approvals"),
        ("done", "SELECT count(*) FROM done"),
        ("runs", "SELECT count(*) FROM runs"),
        ("steps", "SELECT count(*) FROM steps"),
        (
            "unsettled",
            "SELECT count(*) FROM steps WHERE unsettled = 1",
        ),
    ];
    let mut counts = BTreeMap::new();
    for (name, sql) in COUNTS {
        let number: i64 = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        counts.insert(name.to_owned(), unsigned(number)?);
    }
    Ok(counts)
}

//! Applies changes to what is remembered. A user is linked to one account.

use std::collections::BTreeMap;

use super::super::fault::{Fault, linked_twice};
use super::super::store::Rows;
use crate::model::{
    AccountChange, AccountKey, HoldChange, HoldKey, Link, Memory, MemoryDelta, Remember, Restored,
    ServerChange, UserChange,
};

/// Applies changes in order, as [`Memory::remember`] does.
///
/// # Errors
/// [`Fault::Refused`] for a link to a user that another account is linked to.
pub(in super::super) fn apply(rows: &mut dyn Rows, delta: &[Remember]) -> Result<(), Fault> {
    delta.iter().try_for_each(|change| remember(rows, change))
}

fn remember(rows: &mut dyn Rows, change: &Remember) -> Result<(), Fault> {
    match change {
        Remember::Account(key, change) => change_account(rows, key, change),
        Remember::User(user, change) => {
            let mut record = rows.user(user)?;
            record.apply(change);
            rows.put_user(user, &record)
        }
        Remember::Provider(name, change) => {
            let mut record = rows.provider(name)?;
            record.apply(change);
            rows.put_provider(name, &record)
        }
        Remember::Place(place, change) => {
            let mut record = rows.place(place)?;
            record.apply(change);
            rows.put_place(place, &record)
        }
        Remember::Hold(hold, change) => change_hold(rows, hold, change),
        Remember::Server(change) => {
            let mut record = rows.server()?;
            record.apply(change);
            rows.put_server(&record)
        }
        Remember::Used(hold, step) => match rows.take_released(hold, step)? {
            true => change_hold(rows, hold, &HoldChange::Approval(None)),
            false => Ok(()),
        },
        Remember::Done(done) => rows.add_done(done),
        Remember::ForgetDone(before) => rows.remove_done(*before),
    }
}

fn change_account(
    rows: &mut dyn Rows,
    key: &AccountKey,
    change: &AccountChange,
) -> Result<(), Fault> {
    let mut record = rows.account(key)?;
    record.apply(change);
    let user = record.link.as_ref().map(|link: &Link| &link.user);
    if let Some(user) = user
        && let Some(other) = rows.linked_to(user)?
        && other != *key
    {
        return Err(linked_twice(user, &other, key));
    }
    rows.put_account(key, &record)
}

fn change_hold(rows: &mut dyn Rows, hold: &HoldKey, change: &HoldChange) -> Result<(), Fault> {
    let mut record = rows.hold(hold)?;
    record.apply(change);
    rows.put_hold(hold, &record)
}

/// Returns the changes that forget what must not be believed in an older copy: since when people
/// are missing or back, and what people approved, ordered or were shown. All of it may have been
/// carried out or revoked since.
pub(in super::super) fn doubted(memory: &Memory, restored: &Restored) -> MemoryDelta {
    let mut delta = MemoryDelta::new();
    for (key, account) in &memory.accounts {
        let changes = account.forget_counts().into_iter();
        delta.extend(changes.map(|change| Remember::Account(key.clone(), change)));
    }
    for (user, _) in memory.users_with(|user| user.order.as_ref()) {
        delta.push(Remember::User(user.clone(), UserChange::Order(None)));
    }
    for hold in memory.holds.keys() {
        delta.push(Remember::Hold(
            hold.clone(),
            HoldChange::All(Box::default()),
        ));
    }
    let restored = ServerChange::Restored(Some(restored.clone()));
    delta.push(Remember::Server(restored));
    delta
}

/// Counts what is remembered and recorded, for `status`.
pub(in super::super) fn counts(rows: &mut dyn Rows) -> Result<BTreeMap<String, u64>, Fault> {
    let memory = rows.memory()?;
    let (runs, steps, unsettled) = rows.count_runs()?;
    let accounts = |is: fn(&crate::model::AccountMemory) -> bool| {
        number(
            memory
                .accounts
                .values()
                .filter(|account| is(account))
                .count(),
        )
    };
    let links = |is: fn(&Link) -> bool| number(memory.links().filter(|(_, link)| is(link)).count());
    let orders = memory.users_with(|user| user.order.as_ref()).count();
    let holds = memory.holds.values();
    let approvals = holds.filter(|hold| hold.approval.is_some()).count();
    let counts = [
        ("links", links(|_| true)),
        ("deactivated", links(|link| link.deactivated.is_some())),
        ("absences", accounts(|account| account.absence.is_some())),
        ("returns", accounts(|account| account.returning.is_some())),
        ("names", accounts(|account| account.name.is_some())),
        (
            "creations-begun",
            accounts(|account| account.begun.is_some()),
        ),
        ("waiting", accounts(|account| account.waiting.is_some())),
        (
            "addresses-waiting",
            links(|link| link.email_waiting.is_some()),
        ),
        ("orders", number(orders)),
        ("approvals", number(approvals)),
        ("done", number(memory.done.len())),
        ("runs", runs),
        ("steps", steps),
        ("unsettled", unsettled),
    ];
    let counts = counts.into_iter();
    Ok(counts
        .map(|(name, number)| (name.to_owned(), number))
        .collect())
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

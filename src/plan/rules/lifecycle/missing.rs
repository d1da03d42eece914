//! Who is not in the directory any more, as far as a reading proves it.

use std::time::Duration;

use crate::model::{
    Absence, AccountChange, AccountKey, AccountState, Class, Directory, Evidence, Gap, Link,
    Lookup, Proof, ProviderName, Reason, Remember, Why,
};
use crate::plan::ledger::absence;
use crate::plan::ledger::draft::{Draft, PersonLink, Risk};
use crate::plan::ledger::standing::subject;

use super::leaving::{Leaving, arrived, deactivate, forget_return, kept_out, respected, was_ours};

/// Complete readings that must not contain an account before it is called missing, unless the
/// grace is zero.
const MISSING_READINGS: u32 = 3;

/// Judges the linked accounts that the directory's reading does not contain.
pub fn missing(draft: &mut Draft<'_>, provider: &ProviderName, directory: &Directory) {
    let missing = draft
        .linked_accounts
        .all
        .iter()
        .filter(|linked_account| linked_account.account.is_none());
    let missing = missing.filter(|linked_account| &linked_account.key.provider == provider);
    for linked_account in missing {
        // Another account stands for that person now, or has done so all the time.
        if draft.owner(&linked_account.link.user) != Some(linked_account.key) {
            continue;
        }
        let (key, mut link) = (
            linked_account.key,
            PersonLink::Remembered(linked_account.link),
        );
        if let Some(user) = linked_account.user {
            arrived(draft, key, &mut link, user);
            if let Some(why) = kept_out(Some(&link), user) {
                let subject = subject(draft, key, &link, &link.last_dn);
                draft.leave(subject, why);
            }
        }
        let link = &*link;
        if linked_account.user.is_none() {
            let subject = subject(draft, key, link, &link.last_dn);
            draft.leave_unread(&subject, &link.user);
        }
        match draft.look(directory, key, link) {
            Evidence::Present(_) => {}
            Evidence::Absent(proof) => absent(draft, key, link, &proof),
            Evidence::Unknown(gap) => match directory.accounts.found_elsewhere(&key.id) {
                Some((
                    dn,
                    AccountState::Locked {
                        attribute, value, ..
                    },
                )) => {
                    forget_return(draft, key);
                    let reason = Reason::Locked {
                        attribute: attribute.clone(),
                        value: value.clone(),
                    };
                    take_out(draft, key, link, dn, Class::Locked, reason);
                }
                _ => {
                    // An entry that cannot be used does not say that somebody is back.
                    if matches!(gap, Gap::Rejected(_)) {
                        forget_return(draft, key);
                    }
                    unproven(draft, key, link, gap);
                }
            },
        }
    }
}

fn unproven(draft: &mut Draft<'_>, key: &AccountKey, link: &Link, gap: Gap) {
    if matches!(draft.world.users.look(&link.user), Evidence::Present(u) if u.is_active()) {
        draft.at_risk.push((key.clone(), Risk::Missing));
        let subject = subject(draft, key, link, &link.last_dn);
        draft.leave(subject, Why::Unproven(gap));
    }
}

fn absent(draft: &mut Draft<'_>, key: &AccountKey, link: &Link, proof: &Proof) {
    forget_return(draft, key);
    if reactivated_by_hand(draft, link) {
        if let Some(why) = respected(draft, key) {
            let subject = subject(draft, key, link, &link.last_dn);
            return draft.leave(subject, why);
        }
        if proof.lookup.is_none() {
            return ask_again(draft, key, link);
        }
    }
    match &proof.lookup {
        Some(Lookup::Elsewhere {
            dn,
            state: AccountState::Locked {
                attribute, value, ..
            },
            ..
        }) => {
            let reason = Reason::Locked {
                attribute: attribute.clone(),
                value: value.clone(),
            };
            take_out(draft, key, link, dn, Class::Locked, reason);
        }
        Some(Lookup::Elsewhere { dn, .. }) => wait_or_go(draft, key, link, Some(dn)),
        Some(Lookup::Nowhere) => wait_or_go(draft, key, link, None),
        // Nobody is called missing without having been asked for by id.
        None => unproven(draft, key, link, Gap::Lookup("it was not made".into())),
    }
}

/// Whether our deactivation was undone on Mattermost: a person decided, and the account's absence
/// changes nothing under the usual policy, whether or not it was asked for by id.
fn reactivated_by_hand(draft: &Draft<'_>, link: &Link) -> bool {
    let Evidence::Present(user) = draft.world.users.look(&link.user) else {
        return false;
    };
    user.is_active() && was_ours(link) && !draft.ordered.contains(&user.id)
}

/// Begins to count an account as missing, so that the next reading looks it up by id. People who
/// left long ago are not looked up in each reading.
fn ask_again(draft: &mut Draft<'_>, key: &AccountKey, link: &Link) {
    if draft.world.memory.account(key).absence.is_none() {
        let count = Absence {
            first: draft.now.clone(),
            last: draft.now.clone(),
            certain: Duration::ZERO,
            readings: 0,
        };
        draft.learn(Remember::Account(
            key.clone(),
            AccountChange::Absence(Some(count)),
        ));
    }
    unproven(draft, key, link, Gap::Lookup("it is made next time".into()));
}

fn wait_or_go(draft: &mut Draft<'_>, key: &AccountKey, link: &Link, now_at: Option<&String>) {
    let Evidence::Present(user) = draft.world.users.look(&link.user) else {
        return;
    };
    // A user who is not active has nothing to lose. Should they become active again, the count
    // begins anew.
    if !user.is_active() {
        if draft.world.memory.account(key).absence.is_some() {
            draft.learn(Remember::Account(key.clone(), AccountChange::Absence(None)));
        }
        return;
    }
    let absence = absence::absence(draft, key);
    draft.learn(Remember::Account(
        key.clone(),
        AccountChange::Absence(Some(absence.clone())),
    ));
    let grace = draft.policy.grace;
    let due = grace.is_zero() || (absence.certain >= grace && absence.readings >= MISSING_READINGS);
    if !due {
        draft.at_risk.push((key.clone(), Risk::Missing));
        let subject = subject(draft, key, link, &link.last_dn);
        let Absence {
            certain, readings, ..
        } = absence;
        return draft.leave(
            subject,
            Why::Grace {
                certain,
                grace,
                readings,
            },
        );
    }
    let reason = Reason::Missing {
        certain: absence.certain,
        readings: absence.readings,
        last_dn: link.last_dn.clone(),
        now_at: now_at.cloned(),
    };
    let dn = now_at.map_or(link.last_dn.as_str(), String::as_str);
    take_out(draft, key, link, dn, Class::Missing, reason);
}

fn take_out(
    draft: &mut Draft<'_>,
    key: &AccountKey,
    link: &Link,
    dn: &str,
    class: Class,
    reason: Reason,
) {
    let Evidence::Present(user) = draft.world.users.look(&link.user) else {
        return;
    };
    if !user.is_active() || draft.ordered.contains(&user.id) {
        return;
    }
    let subject = subject(draft, key, link, dn);
    let out = Leaving {
        key,
        class,
        reason,
        again: was_ours(link),
        after: Vec::new(),
    };
    deactivate(draft, subject, user, out);
}

//! Lock rules: whether a person may use the account.
//!
//! Each rule gives a [`Verdict`]. They are combined in this order:
//!
//! 1. If one rule says locked: **locked**, whatever the others say.
//! 2. If there is a value that cannot be interpreted, or no `userAccountControl`: **unknown**.
//! 3. If a rule whose absence proves nothing (`pwdAccountLockedTime`, `userPassword`, an attribute
//!    of the directory's own) has no value: **unknown**, unless another rule *shows* that the
//!    account is not locked. These rules are alternative places for one lock, and a server uses one
//!    of them. Therefore a readable `userPassword` is enough for a server without ppolicy, and vice
//!    versa.
//! 4. Otherwise: **active**.
//!
//! A rule shows "not locked" by a value that says so. An absent `pwdAccountLockedTime`,
//! `nsAccountLock`, `loginDisabled` or attribute of the directory's own shows it too, if the right
//! to read the attribute is known: because another entry of the same reading has it, or because the
//! provider found out otherwise. In a file `nsAccountLock` shows it only by a value: the server
//! computes it, and an export need not contain it. Dates of expiry and shells never show it: an
//! account that has not expired may still be locked.

use std::collections::BTreeSet;

use crate::config::{LockRule, Mapping};
use crate::model::{AccountState, Entry, Now, Timestamp};

use super::not_a_person::is_like;
use super::passwords;
use super::roles::{self, ROLE};
use super::verdict::Verdict;

const DAY_MS: i64 = 86_400_000;
/// The time from 1601-01-01, where FILETIME begins, to 1970-01-01, in milliseconds.
const FILETIME_EPOCH_MS: i64 = 11_644_473_600_000;

/// What all rules say of one entry, as far as this entry alone shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The state is final.
    Settled(AccountState),
    /// The state depends on whether one of these rules, which have no value here, has one elsewhere
    /// in the reading.
    Open(BTreeSet<LockRule>),
}

/// Returns the state of one entry that was read alone, without the rest of the directory. What only
/// other entries could show (whether `pwdAccountLockedTime` may be read) stays unknown; after a
/// reading [`super::Assembler::state_of`] knows more.
pub(crate) fn state_of(entry: &Entry, mapping: &Mapping, now: &Now) -> AccountState {
    let (judgement, _) = judge(entry, &mapping.locks, now);
    judgement.state_given(&BTreeSet::new())
}

/// Returns the lock rules whose attribute this entry has.
pub(super) fn shown_by(entry: &Entry, mapping: &Mapping) -> BTreeSet<LockRule> {
    let has = |rule: &&LockRule| !entry.values(&rule.attribute_key()).is_empty();
    mapping.locks.iter().filter(has).cloned().collect()
}

/// Returns the judgement, and when the account expires by itself.
pub(super) fn judge(
    entry: &Entry,
    rules: &[LockRule],
    now: &Now,
) -> (Judgement, Option<Timestamp>) {
    let mut expires: Option<Timestamp> = None;
    let mut locked = None;
    let mut unclear = None;
    let mut silent = BTreeSet::new();
    let mut shown = false;
    for rule in rules {
        let (verdict, date) = verdict(rule, entry, now);
        expires = expires.into_iter().chain(date).min();
        match verdict {
            Verdict::Locked(value) => {
                locked = locked.or_else(|| Some(locked_by(rule.attribute(), value, None)));
            }
            Verdict::Expired(at) => {
                let value = at.utc();
                locked = locked.or_else(|| Some(locked_by(rule.attribute(), value, Some(at))));
            }
            Verdict::LockedBy(attribute, value) => {
                locked = locked.or_else(|| Some(locked_by(attribute, value, None)));
            }
            Verdict::Unclear(why) => unclear = unclear.or(Some(why)),
            Verdict::Silent if *rule == LockRule::UserAccountControl => {
                let why = "userAccountControl cannot be read, though every user has it";
                unclear = unclear.or(Some(why.to_owned()));
            }
            Verdict::Silent => {
                silent.insert(rule.clone());
            }
            Verdict::Open => shown = shown || rule.is_about_locks(),
        }
    }
    let settled = match (locked, unclear) {
        (Some(locked), _) => locked,
        (None, Some(why)) => AccountState::Unknown { why },
        (None, None) if shown || !silent.iter().any(|r| r.needs_another()) => AccountState::Active,
        (None, None) => return (Judgement::Open(silent), expires),
    };
    (Judgement::Settled(settled), expires)
}

fn locked_by(attribute: &str, value: String, expired: Option<Timestamp>) -> AccountState {
    AccountState::Locked {
        attribute: attribute.to_owned(),
        value,
        expired,
    }
}

impl Judgement {
    /// Returns the state, given the rules whose attribute may certainly be read.
    pub(super) fn state_given(self, readable: &BTreeSet<LockRule>) -> AccountState {
        let silent = match self {
            Self::Settled(state) => return state,
            Self::Open(silent) => silent,
        };
        let shows = |rule: &LockRule| rule.absence_can_show() && readable.contains(rule);
        if silent.iter().any(shows) {
            return AccountState::Active;
        }
        let names: Vec<_> = silent
            .iter()
            .filter(|rule| rule.needs_another())
            .map(|rule| rule.attribute())
            .collect();
        AccountState::Unknown {
            why: format!(
                "{} cannot be seen, so a lock may be hidden from us",
                names.join(" and ")
            ),
        }
    }
}

impl LockRule {
    /// Returns the attribute in lower case, as entries have it.
    pub(crate) fn attribute_key(&self) -> String {
        self.attribute().to_ascii_lowercase()
    }

    /// Returns whether a value that is no lock proves that no administrator locked the account.
    fn is_about_locks(&self) -> bool {
        !matches!(
            self,
            Self::AccountExpires | Self::ShadowExpire | Self::LoginShell
        )
    }

    /// Returns whether its absence proves nothing, so that another rule must have a value.
    fn needs_another(&self) -> bool {
        matches!(
            self,
            Self::PwdAccountLockedTime
                | Self::UserPassword
                | Self::Value { .. }
                | Self::Bits { .. }
        )
    }

    /// Returns whether the server computes the attribute when it is asked, and need not export it.
    pub(super) fn is_computed(&self) -> bool {
        matches!(self, Self::NsAccountLock)
    }

    /// Returns whether the attribute is, or may be, one that is dumped only when it is asked for.
    pub(crate) fn is_operational(&self) -> bool {
        matches!(
            self,
            Self::PwdAccountLockedTime
                | Self::NsAccountLock
                | Self::Value { .. }
                | Self::Bits { .. }
        )
    }

    /// Returns the attribute from which it is computed, in lower case.
    pub(super) fn sources(&self) -> Option<&'static str> {
        self.is_computed().then_some(ROLE)
    }

    /// Returns whether a search by the attribute's presence shows anything. Servers protect
    /// passwords, and without `userAccountControl` nothing is known of anybody.
    pub(super) fn can_be_searched_by(&self) -> bool {
        !matches!(self, Self::UserPassword | Self::UserAccountControl)
    }

    /// Returns whether its absence means "not locked" if we have the right to read it.
    pub(super) fn absence_can_show(&self) -> bool {
        matches!(
            self,
            Self::PwdAccountLockedTime
                | Self::NsAccountLock
                | Self::LoginDisabled
                | Self::Value { .. }
                | Self::Bits { .. }
        )
    }
}

fn verdict(rule: &LockRule, entry: &Entry, now: &Now) -> (Verdict, Option<Timestamp>) {
    let key = rule.attribute_key();
    let values = entry.values(&key);
    if values.is_empty() {
        let computed = rule.is_computed().then(|| computed_lock(entry)).flatten();
        return (computed.unwrap_or(Verdict::Silent), None);
    }
    if *rule == LockRule::UserPassword {
        return (passwords::judge(values), None);
    }
    let texts: Option<Vec<&str>> = values
        .iter()
        .map(|v| std::str::from_utf8(v).ok().map(str::trim))
        .collect();
    let Some(texts) = texts else {
        return (
            Verdict::Unclear(format!("{} is no text", rule.attribute())),
            None,
        );
    };
    let mut expires = None;
    let mut verdicts = Vec::with_capacity(texts.len());
    for text in texts {
        let (verdict, date) = match rule {
            LockRule::UserAccountControl => (control_bits(text), None),
            LockRule::AccountExpires => expiry(filetime(text), now),
            LockRule::ShadowExpire => expiry(shadow_date(text), now),
            LockRule::PwdAccountLockedTime => (locked_time(text), None),
            LockRule::NsAccountLock | LockRule::LoginDisabled => (flag(text), None),
            LockRule::LoginShell => (shell(text), None),
            LockRule::Value { pattern, .. } => (own_value(text, pattern), None),
            LockRule::Bits { bits, .. } => (own_bits(text, *bits), None),
            LockRule::UserPassword => continue,
        };
        expires = expires.into_iter().chain(date).min();
        verdicts.push(verdict);
    }
    (strictest(rule, verdicts), expires)
}

/// Returns the lock that 389 would show as `nsAccountLock: TRUE`: the role of a disabled user, or a
/// container of FreeIPA for users who are not active any more or not yet. A server that is asked
/// says so itself.
fn computed_lock(entry: &Entry) -> Option<Verdict> {
    let named = entry.values(ROLE).iter();
    let mut named = named.filter_map(|role| std::str::from_utf8(role).ok());
    if let Some(role) = named.find(|role| roles::locks(role)) {
        return Some(Verdict::LockedBy("nsRoleDN", role.trim().to_owned()));
    }
    let container = roles::inactive_container(entry);
    container.map(|container| Verdict::LockedBy("container", container))
}

/// Returns the strictest of several verdicts, for a broken entry with several values: locked before
/// unclear before open.
fn strictest(rule: &LockRule, verdicts: Vec<Verdict>) -> Verdict {
    let rank = |v: &Verdict| match v {
        Verdict::Locked(_) | Verdict::LockedBy(..) | Verdict::Expired(_) => 0,
        Verdict::Unclear(_) => 1,
        Verdict::Open => 2,
        Verdict::Silent => 3,
    };
    let short = |value: String| value.chars().take(60).collect::<String>();
    match verdicts.into_iter().min_by_key(rank) {
        Some(Verdict::Locked(value)) => Verdict::Locked(short(value)),
        Some(Verdict::Unclear(value)) => Verdict::Unclear(format!(
            "{} has the value {:?}, which cannot be interpreted",
            rule.attribute(),
            short(value)
        )),
        other => other.unwrap_or(Verdict::Silent),
    }
}

/// Reads `userAccountControl`: bit 2 is ACCOUNTDISABLE; 0x10, LOCKOUT, is temporary and stale
/// ([MS-ADTS] 2.2.16).
fn control_bits(text: &str) -> Verdict {
    match text.parse::<i64>() {
        Ok(bits) if bits & 2 != 0 => Verdict::Locked(text.to_owned()),
        Ok(_) => Verdict::Open,
        Err(_) => Verdict::Unclear(text.to_owned()),
    }
}

/// A date of expiry.
enum Expiry {
    Never,
    At(Timestamp),
    Unclear(String),
}

fn expiry(expiry: Expiry, now: &Now) -> (Verdict, Option<Timestamp>) {
    match expiry {
        Expiry::Never => (Verdict::Open, None),
        Expiry::At(at) if at <= now.wall => (Verdict::Expired(at), Some(at)),
        Expiry::At(at) => (Verdict::Open, Some(at)),
        Expiry::Unclear(value) => (Verdict::Unclear(value), None),
    }
}

/// Reads tenths of a microsecond since 1601; 0 and 2^63-1 mean never ([MS-ADA1] 2.1).
fn filetime(text: &str) -> Expiry {
    match text.parse::<i64>() {
        Ok(0 | i64::MAX) => Expiry::Never,
        Ok(ticks) if ticks > 0 => Expiry::At(Timestamp(ticks / 10_000 - FILETIME_EPOCH_MS)),
        _ => Expiry::Unclear(text.to_owned()),
    }
}

/// Reads days since 1970 (shadow(5)). Tools disagree about 0; a negative number means no date.
fn shadow_date(text: &str) -> Expiry {
    match text.parse::<i64>() {
        Ok(days) if days < 0 => Expiry::Never,
        Ok(days) if days > 0 => Expiry::At(Timestamp(days.saturating_mul(DAY_MS))),
        _ => Expiry::Unclear(text.to_owned()),
    }
}

/// Reads a time of locking: the year zero means for ever (draft-behera-ldap-password-policy,
/// 5.3.3); any other moment is a lock-out after wrong passwords, which ends by itself.
fn locked_time(text: &str) -> Verdict {
    if text.starts_with("00000101") {
        Verdict::Locked(text.to_owned())
    } else if text.len() >= 10 && text.bytes().take(10).all(|b| b.is_ascii_digit()) {
        Verdict::Open
    } else {
        Verdict::Unclear(text.to_owned())
    }
}

fn flag(text: &str) -> Verdict {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Verdict::Locked(text.to_owned()),
        "false" | "off" | "no" | "0" => Verdict::Open,
        _ => Verdict::Unclear(text.to_owned()),
    }
}

/// Reads a login shell. NethServer's `sftp-server` is an ordinary shell and does not refuse.
fn shell(text: &str) -> Verdict {
    match text.rsplit('/').next() {
        Some("nologin" | "false" | "null") => Verdict::Locked(text.to_owned()),
        _ => Verdict::Open,
    }
}

/// Compares a value of a directory's own attribute with the pattern of the rule.
fn own_value(text: &str, pattern: &str) -> Verdict {
    match is_like(text, pattern) {
        true => Verdict::Locked(text.to_owned()),
        false => Verdict::Open,
    }
}

fn own_bits(text: &str, bits: u64) -> Verdict {
    match text.parse::<i64>() {
        Ok(number) if number.cast_unsigned() & bits != 0 => Verdict::Locked(text.to_owned()),
        Ok(_) => Verdict::Open,
        Err(_) => Verdict::Unclear(text.to_owned()),
    }
}

#[cfg(test)]
#[path = "locks_tests.rs"]
mod tests;

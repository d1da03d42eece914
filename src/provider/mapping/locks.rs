//! Whether a person may use the account: lock rules and how they are combined.
//!
//! Each rule gives a [`Verdict`]. Together they mean:
//!
//! 1. One rule says locked: **locked**, whatever the others say.
//! 2. A value is there that cannot be understood, or `userAccountControl` is not there: **unknown**.
//! 3. A rule whose absence proves nothing (`pwdAccountLockedTime`, `userPassword`, an attribute of the
//!    directory's own) is silent: **unknown**, unless another rule *shows* that the account is not
//!    locked. They are places where one lock may be written, and a server uses one of them; so a
//!    readable `userPassword` makes up for a server without ppolicy, and the other way round.
//! 4. Else **active**.
//!
//! A rule shows "not locked" by a value that says so. An absent `pwdAccountLockedTime`,
//! `nsAccountLock`, `loginDisabled` or attribute of the directory's own shows it too, if the right to
//! read it is known: because another entry of the same reading has it, or because the provider found
//! out otherwise. In a file `nsAccountLock` shows it only by a value: the server computes it, and an
//! export need not have it. Dates of expiry and shells never show it: an account that has not expired
//! may still be locked.

use std::collections::BTreeSet;

use crate::config::{LockRule, Mapping};
use crate::model::{AccountState, Entry, Now, Timestamp};

use super::not_a_person::is_like;
use super::passwords;
use super::roles::{self, ROLE};
use super::verdict::Verdict;

const DAY_MS: i64 = 86_400_000;
/// From 1601-01-01, where FILETIME begins, to 1970-01-01.
const FILETIME_EPOCH_MS: i64 = 11_644_473_600_000;

/// What all rules say of one entry, as far as it can be told from this entry alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Nothing that is read later changes it.
    Settled(AccountState),
    /// It depends on whether one of these rules, silent here, speaks elsewhere in the reading.
    Open(BTreeSet<LockRule>),
}

/// The state of one entry that was read alone, without the rest of the directory: what only
/// other entries could tell (whether `pwdAccountLockedTime` may be read) stays unknown; after a
/// reading [`super::Assembler::state_of`] knows more.
pub(crate) fn state_of(entry: &Entry, mapping: &Mapping, now: &Now) -> AccountState {
    let (judgement, _) = judge(entry, &mapping.locks, now);
    judgement.settle(&BTreeSet::new())
}

/// The lock rules whose attribute this entry has.
pub(super) fn shown_by(entry: &Entry, mapping: &Mapping) -> BTreeSet<LockRule> {
    let has = |rule: &&LockRule| !entry.values(&rule.attribute_key()).is_empty();
    mapping.locks.iter().filter(has).cloned().collect()
}

/// The judgement, and when the account expires by itself.
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
                let attribute = rule.attribute().to_owned();
                locked = locked.or(Some(AccountState::Locked { attribute, value }));
            }
            Verdict::LockedBy(attribute, value) => {
                let attribute = attribute.to_owned();
                locked = locked.or(Some(AccountState::Locked { attribute, value }));
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

impl Judgement {
    /// The state, given the rules whose attribute may be read for certain.
    pub(super) fn settle(self, readable: &BTreeSet<LockRule>) -> AccountState {
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
    /// The attribute in lower case, as entries have it.
    pub(crate) fn attribute_key(&self) -> String {
        self.attribute().to_ascii_lowercase()
    }

    /// Whether a value that is no lock proves that an administrator has not locked the account.
    fn is_about_locks(&self) -> bool {
        !matches!(
            self,
            Self::AccountExpires | Self::ShadowExpire | Self::LoginShell
        )
    }

    /// Whether its absence says nothing, so that another rule must speak.
    fn needs_another(&self) -> bool {
        matches!(
            self,
            Self::PwdAccountLockedTime
                | Self::UserPassword
                | Self::Value { .. }
                | Self::Bits { .. }
        )
    }

    /// Whether the server computes the attribute when it is asked, and need not write it down.
    pub(super) fn is_computed(&self) -> bool {
        matches!(self, Self::NsAccountLock)
    }

    /// Whether the attribute is, or may be, one that is dumped only when it is asked for.
    pub(crate) fn is_operational(&self) -> bool {
        matches!(
            self,
            Self::PwdAccountLockedTime
                | Self::NsAccountLock
                | Self::Value { .. }
                | Self::Bits { .. }
        )
    }

    /// What an attribute is computed from, in lower case.
    pub(super) fn sources(&self) -> Option<&'static str> {
        self.is_computed().then_some(ROLE)
    }

    /// Whether a search by the attribute's presence tells anything. Servers guard passwords, and
    /// without `userAccountControl` nothing is known of anybody.
    pub(super) fn can_be_searched_by(&self) -> bool {
        !matches!(self, Self::UserPassword | Self::UserAccountControl)
    }

    /// Whether its absence means "not locked" once the right to read it is known.
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

/// What makes 389 compute `nsAccountLock: TRUE`: the role of who is disabled, and FreeIPA's containers
/// of users who are not active any more or not yet. A server that is asked says so itself.
fn computed_lock(entry: &Entry) -> Option<Verdict> {
    let named = entry.values(ROLE).iter();
    let mut named = named.filter_map(|role| std::str::from_utf8(role).ok());
    if let Some(role) = named.find(|role| roles::locks(role)) {
        return Some(Verdict::LockedBy("nsRoleDN", role.trim().to_owned()));
    }
    let container = roles::inactive_container(entry);
    container.map(|container| Verdict::LockedBy("container", container))
}

/// Of several values, which only a broken entry has: locked before unclear before open.
fn strictest(rule: &LockRule, verdicts: Vec<Verdict>) -> Verdict {
    let rank = |v: &Verdict| match v {
        Verdict::Locked(_) | Verdict::LockedBy(..) => 0,
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

/// Bit 2 is ACCOUNTDISABLE; 0x10, LOCKOUT, is temporary and stale ([MS-ADTS] 2.2.16).
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
        Expiry::At(at) if at <= now.wall => (Verdict::Locked(at.to_string()), Some(at)),
        Expiry::At(at) => (Verdict::Open, Some(at)),
        Expiry::Unclear(value) => (Verdict::Unclear(value), None),
    }
}

/// Tenths of a microsecond since 1601; 0 and 2^63-1 mean never ([MS-ADA1] 2.1).
fn filetime(text: &str) -> Expiry {
    match text.parse::<i64>() {
        Ok(0 | i64::MAX) => Expiry::Never,
        Ok(ticks) if ticks > 0 => Expiry::At(Timestamp(ticks / 10_000 - FILETIME_EPOCH_MS)),
        _ => Expiry::Unclear(text.to_owned()),
    }
}

/// Days since 1970 (shadow(5)). Tools disagree about 0; negative means that there is no date.
fn shadow_date(text: &str) -> Expiry {
    match text.parse::<i64>() {
        Ok(days) if days < 0 => Expiry::Never,
        Ok(days) if days > 0 => Expiry::At(Timestamp(days.saturating_mul(DAY_MS))),
        _ => Expiry::Unclear(text.to_owned()),
    }
}

/// The year zero stands for "for ever" (draft-behera-ldap-password-policy, 5.3.3); any other
/// moment is a lock-out after wrong passwords, which ends by itself.
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

/// NethServer's `sftp-server` is an ordinary shell there and does not refuse.
fn shell(text: &str) -> Verdict {
    match text.rsplit('/').next() {
        Some("nologin" | "false" | "null") => Verdict::Locked(text.to_owned()),
        _ => Verdict::Open,
    }
}

/// What a directory's own attribute says.
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

//! What mattersync remembers between cycles, and how a plan says what to remember.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    AccountKey, Class, Fingerprint, Nonce, Now, ProfileField, ProviderName, Shape, SourceIdentity,
    TeamId, Timestamp, Undone, UserId,
};

/// "This account is this user."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The user.
    pub user: UserId,
    /// How the link came to be.
    pub origin: LinkOrigin,
    /// Since when.
    pub since: Timestamp,
    /// The DN when the account was last seen, for messages about a missing one.
    pub last_dn: String,
    /// The username in the directory when the account was last seen.
    pub last_username: String,
    /// Set while the user is deactivated by us.
    pub deactivated: Option<Deactivation>,
    /// An address that was asked for and waits for the person's click (the server verifies
    /// addresses): asked for once, not again.
    pub email_waiting: Option<String>,
    /// Fields that were set by us, with what was sent and what the server made of it. A field
    /// that never was may hold what the person typed; emptying it is not ours.
    #[serde(default)]
    pub given: BTreeMap<ProfileField, Given>,
    /// The account's second anchor (`attribute=value`) when it was last seen and nobody else had
    /// it, where the configuration names one: by it a person who moved between directories is recognised.
    #[serde(default)]
    pub anchor: Option<String>,
    /// What the user was last seen with that was also what the directory wanted.
    #[serde(default)]
    pub agreed: Agreed,
}

/// A user's username and address when both sides last agreed about them. Whoever has another one now
/// while the directory still wants this one has changed it on Mattermost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// As the server has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// As the server has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

impl Link {
    /// Whether a deactivation was sent, or was about to be, and its outcome was never seen.
    pub fn is_in_doubt(&self) -> bool {
        self.deactivated
            .as_ref()
            .is_some_and(|d| d.delete_at.is_none())
    }
}

/// A value that we gave to a field. A server may store another one (an unknown locale becomes the
/// default); sending it again at each cycle would change nothing and write every time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// What was sent.
    pub sent: String,
    /// What the server answered.
    pub stored: String,
}

/// How a link came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkOrigin {
    /// We created the user.
    Created,
    /// The user was there before and was adopted.
    Adopted,
}

/// Our own deactivation of a user. Only what is still exactly this may be undone by us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deactivation {
    /// The server's `delete_at` as it was after our call; `None` from the moment the call was
    /// intended until its outcome is known. An inactive user found then is our work.
    pub delete_at: Option<Timestamp>,
    /// Why, in words.
    pub why: String,
    /// Who ordered it by `mattersync deactivate`. Such a deactivation is never undone by itself.
    pub ordered_by: Option<String>,
}

/// An account that complete readings did not contain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// When it was first found missing.
    pub first: Now,
    /// The last complete reading that did not contain it.
    pub last: Now,
    /// The time for which it has been missing for certain: between complete readings, each span
    /// the smaller of wall and boot time.
    pub certain: Duration,
    /// How many complete readings did not contain it.
    pub readings: u32,
}

/// An account that is back; it is reactivated after two readings that agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// When it was first seen back.
    pub first: Timestamp,
    /// How many readings agree.
    pub readings: u32,
}

/// A username that carries a suffix, decided once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenName {
    /// The legal name before the suffix; another base makes the choice void.
    pub base: String,
    /// The name with its suffix.
    pub name: String,
}

/// A person's word that a user be deactivated (`mattersync deactivate`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The newest state of a user that the server itself told of, by the user's `update_at`. What is
/// older is no news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// The `update_at`.
    pub at: Timestamp,
    /// Set while only an older state is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older: Option<Older>,
}

/// An older state of a user that is read again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Older {
    /// The `update_at` that is read.
    pub seen: Timestamp,
    /// For how long for certain.
    pub certain: Duration,
    /// When it was last read.
    pub last: Now,
    /// In how many readings.
    pub readings: u32,
}

/// The first refusal of a server that takes no more active users and tells nobody its limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatRefusal {
    /// How many active users it had then; bots do not count.
    pub active: u64,
    /// When.
    pub at: Timestamp,
}

/// Somebody's place among those who wait for a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SeatWaitRow")]
pub struct SeatWait {
    /// Since when they wait.
    pub since: Timestamp,
    /// When they had a seat kept for them, and the server did not let them in for another reason:
    /// others go before them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<Timestamp>,
}

/// As it stands in a state: at first there was nothing but a time.
#[derive(Deserialize)]
#[serde(untagged)]
enum SeatWaitRow {
    Since(Timestamp),
    Whole {
        since: Timestamp,
        #[serde(default)]
        turn: Option<Timestamp>,
    },
}

impl From<SeatWaitRow> for SeatWait {
    fn from(row: SeatWaitRow) -> Self {
        match row {
            SeatWaitRow::Since(since) => since.into(),
            SeatWaitRow::Whole { since, turn } => Self { since, turn },
        }
    }
}

impl From<Timestamp> for SeatWait {
    fn from(since: Timestamp) -> Self {
        Self { since, turn: None }
    }
}

/// That somebody was told of a date on which an account expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The date.
    pub date: Timestamp,
    /// When it was announced.
    pub at: Now,
}

/// What the clocks said when they were last compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockSeen {
    /// What they said.
    pub at: Now,
    /// By how many milliseconds the wall clock has jumped ahead (below zero: back) since it was
    /// last believed.
    pub ahead: i64,
}

/// A person's word about a user whom no account stands behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Not a word about this user, but about the state file: that such users are there is no sign
    /// any more that it is an older copy. Nobody has looked at the user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub witness: bool,
}

/// A link that a person took apart. The account is left alone until a person says more about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlinked {
    /// The user that the account was linked to.
    pub user: UserId,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A change of a user that we made by ourselves: who has too many of them is at odds with somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenFlip", into = "WrittenFlip")]
pub struct Flip {
    /// When.
    pub at: Timestamp,
    /// What was changed.
    pub of: Flipped,
}

/// What of a user was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flipped {
    /// Active or not; which of both was not written down.
    State,
    /// Active, no longer.
    Deactivated,
    /// Active again.
    Reactivated,
    /// The username.
    Username,
    /// The address.
    Email,
    /// First name to locale.
    Profile,
}

/// How a change is written: a moment alone was all at first.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenFlip {
    Moment(Timestamp),
    Change { at: Timestamp, of: Flipped },
}

impl From<WrittenFlip> for Flip {
    fn from(written: WrittenFlip) -> Self {
        match written {
            WrittenFlip::Moment(at) => Self {
                at,
                of: Flipped::State,
            },
            WrittenFlip::Change { at, of } => Self { at, of },
        }
    }
}

impl From<Flip> for WrittenFlip {
    fn from(Flip { at, of }: Flip) -> Self {
        match of {
            Flipped::State => Self::Moment(at),
            of => Self::Change { at, of },
        }
    }
}

/// The state file is an older copy, or was restored from one: what happened since is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// When that was noticed.
    pub at: Timestamp,
    /// How it was noticed, for people.
    pub how: String,
    /// The users by whom it was noticed. They never show it again once a person has said that the
    /// state file may be worked with.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub witnesses: BTreeSet<UserId>,
}

/// What an approval releases.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldKey {
    /// The steps of one class.
    Class(Class),
    /// A roster that shrank by more than a fifth.
    Shrank(ProviderName),
    /// A whole container that vanished, by DN in lower case.
    Container(String),
    /// An attribute that most accounts lost at once.
    Attribute(String),
    /// The provider is another one than before.
    Identity(ProviderName),
    /// The configuration decides otherwise than before who is in scope.
    Configuration(ProviderName),
    /// The state file is an older copy.
    Restored,
    /// People who go and come back again and again.
    Flapping,
    /// What rests on dates while the wall clock has jumped.
    Clock,
    /// A team that was filled under this name, which another one or none has now.
    Team(String),
}

/// A person's permission for exactly what was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// What it releases.
    pub hold: HoldKey,
    /// The steps that were shown; other steps are not released.
    pub steps: BTreeSet<Fingerprint>,
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

/// A step of a guarded class that was carried out, for the sum over 24 hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Its class.
    pub class: Class,
    /// When.
    pub at: Timestamp,
    /// Whom it was about, for a day counts people; an approved step does not count.
    pub whom: Fingerprint,
}

/// Everything that is remembered, as the plan sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Who is who.
    pub links: BTreeMap<AccountKey, Link>,
    /// Who is missing since when. Only linked accounts.
    pub absences: BTreeMap<AccountKey, Absence>,
    /// Who is back since when. Only linked accounts that we deactivated.
    pub returns: BTreeMap<AccountKey, Return>,
    /// Usernames with a suffix.
    pub names: BTreeMap<AccountKey, ChosenName>,
    /// The nonce of each account whose creation was begun and not yet linked.
    pub nonces: BTreeMap<AccountKey, Nonce>,
    /// Who waits for a seat.
    pub waiting: BTreeMap<AccountKey, SeatWait>,
    /// Persons' orders to deactivate a user, not yet carried out.
    pub orders: BTreeMap<UserId, Order>,
    /// Approvals that have not ended.
    pub approvals: BTreeMap<HoldKey, Approval>,
    /// What was held when somebody last looked: an approval releases no more than that.
    pub held: BTreeMap<HoldKey, BTreeSet<Fingerprint>>,
    /// The shape of the last reading that raised no doubt, by provider.
    pub shapes: BTreeMap<ProviderName, Shape>,
    /// The identity of the provider at the last reading that raised no doubt.
    pub identities: BTreeMap<ProviderName, SourceIdentity>,
    /// Providers whose first fill has been completed.
    pub filled: BTreeSet<ProviderName>,
    /// Guarded steps of the last 24 hours.
    pub done: Vec<Done>,
    /// What we changed of each account's user of late, oldest first.
    pub flips: BTreeMap<AccountKey, Vec<Flip>>,
    /// The date of expiry that was announced for an account.
    pub announced: BTreeMap<AccountKey, Announcement>,
    /// Since when complete readings do not contain the account of a user whom we created and
    /// deactivated; kept only where such users are to be deleted one day.
    pub gone: BTreeMap<AccountKey, Timestamp>,
    /// What the clocks said; kept only where something depends on dates, or is summed over a day.
    pub clock: Option<ClockSeen>,
    /// A server that told its limit only by refusing.
    pub seat_refusal: Option<SeatRefusal>,
    /// The settings that decide who is in scope, as they were at the last reading that raised no
    /// doubt: key and value as the configuration spells them, by provider.
    pub scopes: BTreeMap<ProviderName, BTreeMap<String, String>>,
    /// Users whom no account stands behind and who were looked at by a person.
    pub kept: BTreeMap<UserId, Kept>,
    /// Accounts whose link a person took apart: neither linked nor created by themselves.
    pub unlinked: BTreeMap<AccountKey, Unlinked>,
    /// What people took back: wishes, and what is not done again because of them. No list is empty.
    pub undone: BTreeMap<AccountKey, Vec<Undone>>,
    /// Since when more than one entry was seen with an account's id.
    pub duplicates: BTreeMap<AccountKey, Timestamp>,
    /// Persons' orders to give a user who is adopted a random password and to end the sessions, not
    /// yet carried out.
    pub resets: BTreeMap<UserId, Order>,
    /// Users whose sessions were ended because the server does not let us deactivate them.
    pub sessions_ended: BTreeMap<UserId, Timestamp>,
    /// The team that was filled under each name of the configuration.
    pub teams: BTreeMap<String, TeamId>,
    /// Users of whom a person had everything forgotten, and who may still be there: never adopted.
    pub forgotten: BTreeMap<UserId, Timestamp>,
    /// How new the rows of users were of whom something is remembered.
    pub newest: BTreeMap<UserId, Newest>,
    /// Set while the state file is known to be an older copy.
    pub restored: Option<Restored>,
}

/// Things to remember, in order.
pub type MemoryDelta = Vec<Remember>;

/// One thing to remember or to forget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remember {
    /// Set or replace a link.
    Link(AccountKey, Link),
    /// Forget a link.
    Unlink(AccountKey),
    /// Set or clear how long an account has been missing.
    Absence(AccountKey, Option<Absence>),
    /// Set or clear how long an account has been back.
    Return(AccountKey, Option<Return>),
    /// Set or clear the chosen username.
    Name(AccountKey, Option<ChosenName>),
    /// Set or clear the nonce of a creation.
    Nonce(AccountKey, Option<Nonce>),
    /// Set or clear since when an account waits for a seat.
    Waiting(AccountKey, Option<SeatWait>),
    /// Set or clear an order to deactivate.
    Order(UserId, Option<Order>),
    /// Set or clear an approval.
    Approval(HoldKey, Option<Approval>),
    /// A step that an approval released was carried out: it is released no more. An approval of
    /// which nothing is left ends.
    Used(HoldKey, Fingerprint),
    /// Set or clear what is held under a name.
    Held(HoldKey, Option<BTreeSet<Fingerprint>>),
    /// The shape of a reading that raised no doubt.
    Shape(ProviderName, Shape),
    /// The identity of the provider that was read.
    Identity(ProviderName, SourceIdentity),
    /// The first fill is complete.
    Filled(ProviderName),
    /// A guarded step was carried out.
    Done(Done),
    /// Forget carried-out steps older than this moment.
    ForgetDone(Timestamp),
    /// Set or clear what was changed of an account's user of late.
    Flips(AccountKey, Option<Vec<Flip>>),
    /// Set or clear the date of expiry that was announced.
    Announced(AccountKey, Option<Announcement>),
    /// Set or clear since when the account of somebody who left is gone.
    Gone(AccountKey, Option<Timestamp>),
    /// What the clocks said.
    Clock(ClockSeen),
    /// Set or clear what a refusal taught about the server's limit.
    SeatRefusal(Option<SeatRefusal>),
    /// The settings that decide who is in scope.
    Scope(ProviderName, BTreeMap<String, String>),
    /// Set or clear a person's word about a user whom no account stands behind.
    Kept(UserId, Option<Kept>),
    /// Set or clear that a person took an account's link apart.
    Unlinked(AccountKey, Option<Unlinked>),
    /// Set or clear what people took back of an account.
    Undone(AccountKey, Option<Vec<Undone>>),
    /// Set or clear since when more than one entry was seen with an account's id.
    Duplicate(AccountKey, Option<Timestamp>),
    /// Set or clear an order to give a user a random password.
    Reset(UserId, Option<Order>),
    /// Set or clear when a user's sessions were ended instead of a deactivation.
    SessionsEnded(UserId, Option<Timestamp>),
    /// Set or clear which team is filled under a name of the configuration.
    Team(String, Option<TeamId>),
    /// Set or clear that everything of a user was forgotten.
    Forgotten(UserId, Option<Timestamp>),
    /// Set or clear how new a user's row was.
    Newest(UserId, Option<Newest>),
    /// Set or clear that the state file is an older copy.
    Restored(Option<Restored>),
}

impl Memory {
    /// Applies one change. The state file does the same to its rows.
    pub fn remember(&mut self, change: &Remember) {
        fn put<K: Ord + Clone, V: Clone>(map: &mut BTreeMap<K, V>, key: &K, value: Option<&V>) {
            match value {
                Some(value) => {
                    map.insert(key.clone(), value.clone());
                }
                None => {
                    map.remove(key);
                }
            }
        }
        match change {
            Remember::Link(key, link) => put(&mut self.links, key, Some(link)),
            Remember::Unlink(key) => put(&mut self.links, key, None),
            Remember::Absence(key, value) => put(&mut self.absences, key, value.as_ref()),
            Remember::Return(key, value) => put(&mut self.returns, key, value.as_ref()),
            Remember::Name(key, value) => put(&mut self.names, key, value.as_ref()),
            Remember::Nonce(key, value) => put(&mut self.nonces, key, value.as_ref()),
            Remember::Waiting(key, value) => put(&mut self.waiting, key, value.as_ref()),
            Remember::Order(user, value) => put(&mut self.orders, user, value.as_ref()),
            Remember::Approval(hold, value) => put(&mut self.approvals, hold, value.as_ref()),
            Remember::Used(hold, step) => {
                if let Some(approval) = self.approvals.get_mut(hold)
                    && approval.steps.remove(step)
                    && approval.steps.is_empty()
                {
                    self.approvals.remove(hold);
                }
            }
            Remember::Held(hold, value) => put(&mut self.held, hold, value.as_ref()),
            Remember::Shape(name, shape) => put(&mut self.shapes, name, Some(shape)),
            Remember::Identity(name, id) => put(&mut self.identities, name, Some(id)),
            Remember::Filled(name) => {
                self.filled.insert(name.clone());
            }
            Remember::Done(done) => self.done.push(done.clone()),
            Remember::ForgetDone(before) => self.done.retain(|d| d.at >= *before),
            Remember::Flips(key, value) => put(&mut self.flips, key, value.as_ref()),
            Remember::Announced(key, value) => put(&mut self.announced, key, value.as_ref()),
            Remember::Gone(key, value) => put(&mut self.gone, key, value.as_ref()),
            Remember::Clock(seen) => self.clock = Some(seen.clone()),
            Remember::SeatRefusal(value) => self.seat_refusal.clone_from(value),
            Remember::Scope(name, scope) => put(&mut self.scopes, name, Some(scope)),
            Remember::Kept(user, value) => put(&mut self.kept, user, value.as_ref()),
            Remember::Unlinked(key, value) => put(&mut self.unlinked, key, value.as_ref()),
            Remember::Undone(key, value) => put(&mut self.undone, key, value.as_ref()),
            Remember::Duplicate(key, value) => put(&mut self.duplicates, key, value.as_ref()),
            Remember::Reset(user, value) => put(&mut self.resets, user, value.as_ref()),
            Remember::SessionsEnded(user, at) => put(&mut self.sessions_ended, user, at.as_ref()),
            Remember::Team(name, team) => put(&mut self.teams, name, team.as_ref()),
            Remember::Forgotten(user, at) => put(&mut self.forgotten, user, at.as_ref()),
            Remember::Newest(user, value) => put(&mut self.newest, user, value.as_ref()),
            Remember::Restored(value) => self.restored.clone_from(value),
        }
    }

    /// A person's word about this very user, whom no account stands behind.
    pub fn kept(&self, user: &UserId) -> Option<&Kept> {
        self.kept.get(user).filter(|kept| !kept.witness)
    }

    /// Which account each linked user stands for.
    pub fn accounts_by_user(&self) -> BTreeMap<&UserId, &AccountKey> {
        self.links
            .iter()
            .map(|(key, link)| (&link.user, key))
            .collect()
    }
}

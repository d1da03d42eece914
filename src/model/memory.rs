//! What mattersync remembers between cycles, and how a plan says what to remember.
//!
//! There is one record for each account, user, provider, place and hold. To forget somebody is to
//! remove a record, to give somebody another id is to move one. A new fact is one line in one of the
//! records below: reading, writing, forgetting and moving follow from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{
    Absence, AccountKey, Announcement, Approval, ChosenName, ClockSeen, Done, Fingerprint, Flip,
    HoldKey, Kept, Link, Newest, Nonce, Now, Order, PlaceId, ProviderName, Restored, Return,
    ScopeValues, SeatRefusal, SeatWait, Shape, SourceIdentity, TeamId, Timestamp, Undone, Unlinked,
    UserId,
};

/// Defines a record, the changes that one fact of it can undergo, and how a change is applied.
///
/// Each fact's type has a default that means "nothing remembered". A record in which nothing is
/// remembered is not kept, and a fact that is missing in a stored record is read as its default.
macro_rules! record {
    (
        $(#[$record_doc:meta])* $record:ident,
        $(#[$change_doc:meta])* $change:ident {
            $($(#[$doc:meta])* $fact:ident: $variant:ident($type:ty),)+
        }
    ) => {
        $(#[$record_doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, rename_all = "kebab-case")]
        pub struct $record {
            $($(#[$doc])* #[serde(skip_serializing_if = "is_nothing")] pub $fact: $type,)+
        }

        $(#[$change_doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $change {
            /// Replaces the whole record.
            All(Box<$record>),
            $($(#[$doc])* $variant($type),)+
        }

        impl $record {
            /// Whether nothing is remembered.
            #[allow(dead_code, reason = "the server has one record, empty or not")]
            pub fn is_empty(&self) -> bool {
                *self == Self::default()
            }

            /// Applies one change.
            pub fn apply(&mut self, change: &$change) {
                match change {
                    $change::All(record) => self.clone_from(record),
                    $($change::$variant(value) => self.$fact.clone_from(value),)+
                }
            }
        }
    };
}

fn is_nothing<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

record! {
    /// What is remembered of one account.
    AccountMemory,
    /// Sets or clears one fact about an account.
    AccountChange {
        /// The user that the account is.
        link: Link(Option<Link>),
        /// Since when the account is missing. Only of linked accounts.
        absence: Absence(Option<Absence>),
        /// Since when the account is back. Only of linked accounts that we deactivated.
        returning: Returning(Option<Return>),
        /// The username with a suffix that was chosen.
        name: Name(Option<ChosenName>),
        /// The nonce of a creation that was begun and not yet linked.
        nonce: Nonce(Option<Nonce>),
        /// The place among those who wait for a seat.
        waiting: Waiting(Option<SeatWait>),
        /// What we changed of the account's user of late, oldest first.
        flips: Flips(Vec<Flip>),
        /// The date of expiry that was announced.
        announced: Announced(Option<Announcement>),
        /// Since when complete readings do not contain the account of a user whom we created and
        /// deactivated; kept only where such users are to be deleted one day.
        gone: Gone(Option<Timestamp>),
        /// That a person took the link apart: the account is neither linked nor created by itself.
        unlinked: Unlinked(Option<Unlinked>),
        /// What people took back: wishes, and what is not done again because of them.
        undone: Undone(Vec<Undone>),
        /// Since when more than one entry was seen with the account's id.
        duplicate: Duplicate(Option<Timestamp>),
    }
}

record! {
    /// What is remembered of one user, whatever account stands behind.
    UserMemory,
    /// Sets or clears one fact about a user.
    UserChange {
        /// A person's order to deactivate the user, not yet carried out.
        order: Order(Option<Order>),
        /// A person's word about a user whom no account stands behind.
        kept: Kept(Option<Kept>),
        /// A person's order to give a user who is adopted a random password and to end the
        /// sessions, not yet carried out.
        reset: Reset(Option<Order>),
        /// When the sessions were ended because the server does not let us deactivate the user.
        sessions_ended: SessionsEnded(Option<Timestamp>),
        /// When a person had everything about the user forgotten, who may still be there: never
        /// adopted.
        forgotten: Forgotten(Option<Timestamp>),
        /// How new the user's row was.
        newest: Newest(Option<Newest>),
    }
}

record! {
    /// What is remembered of one provider.
    ProviderMemory,
    /// Sets or clears one fact about a provider.
    ProviderChange {
        /// The shape of the last reading that raised no doubt.
        shape: Shape(Option<Shape>),
        /// The identity at the last reading that raised no doubt.
        identity: Identity(Option<SourceIdentity>),
        /// Whether the first fill has been completed.
        filled: Filled(bool),
        /// The settings that decide who is in scope, as they were at the last reading that raised
        /// no doubt: key and value as the configuration spells them.
        scope: Scope(Option<ScopeValues>),
    }
}

record! {
    /// What is remembered of one place.
    PlaceMemory,
    /// Sets or clears one fact about a place.
    PlaceChange {
        /// The name in the configuration under which we filled it.
        configured: Configured(Option<String>),
    }
}

record! {
    /// What is remembered of one hold.
    HoldMemory,
    /// Sets or clears one fact about a hold.
    HoldChange {
        /// What was held when somebody last looked: an approval releases no more than that.
        shown: Shown(Option<BTreeSet<Fingerprint>>),
        /// The approval, if there is one that has not ended.
        approval: Approval(Option<Approval>),
    }
}

record! {
    /// What is remembered of the Mattermost server and of this machine.
    ServerMemory,
    /// Sets or clears one fact about the server or this machine.
    ServerChange {
        /// What the clocks said; kept only where something depends on dates, or is summed over a
        /// day.
        clock: Clock(Option<ClockSeen>),
        /// That the server told its limit only by refusing.
        seat_refusal: SeatRefusal(Option<SeatRefusal>),
        /// Set while the state file is known to be an older copy.
        restored: Restored(Option<Restored>),
        /// Since when there are runs that are older than they are kept.
        old_runs: OldRuns(Option<Now>),
    }
}

/// Everything that is remembered, as the plan sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// By account. No record is empty, here and in the other maps.
    pub accounts: BTreeMap<AccountKey, AccountMemory>,
    /// By user.
    pub users: BTreeMap<UserId, UserMemory>,
    /// By provider.
    pub providers: BTreeMap<ProviderName, ProviderMemory>,
    /// By place.
    pub places: BTreeMap<PlaceId, PlaceMemory>,
    /// By hold.
    pub holds: BTreeMap<HoldKey, HoldMemory>,
    /// The server and this machine.
    pub server: ServerMemory,
    /// Guarded steps of the last 24 hours.
    pub done: Vec<Done>,
}

/// Things to remember, in order.
pub type MemoryDelta = Vec<Remember>;

/// One thing to remember or to forget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remember {
    /// About an account.
    Account(AccountKey, AccountChange),
    /// About a user.
    User(UserId, UserChange),
    /// About a provider.
    Provider(ProviderName, ProviderChange),
    /// About a place.
    Place(PlaceId, PlaceChange),
    /// About a hold.
    Hold(HoldKey, HoldChange),
    /// About the server or this machine.
    Server(ServerChange),
    /// A step that an approval released was carried out: it is released no more. An approval of
    /// which nothing is left ends.
    Used(HoldKey, Fingerprint),
    /// A guarded step was carried out.
    Done(Done),
    /// Forget carried-out steps older than this moment.
    ForgetDone(Timestamp),
}

impl Remember {
    /// Forgets everything about an account.
    pub fn forget_account(key: AccountKey) -> Self {
        Self::Account(key, AccountChange::All(Box::default()))
    }

    /// Forgets everything about a user.
    pub fn forget_user(user: UserId) -> Self {
        Self::User(user, UserChange::All(Box::default()))
    }
}

static NO_ACCOUNT: LazyLock<AccountMemory> = LazyLock::new(AccountMemory::default);
static NO_USER: LazyLock<UserMemory> = LazyLock::new(UserMemory::default);
static NO_PROVIDER: LazyLock<ProviderMemory> = LazyLock::new(ProviderMemory::default);
static NO_HOLD: LazyLock<HoldMemory> = LazyLock::new(HoldMemory::default);

impl Memory {
    /// Applies one change. The state file does the same to its rows.
    pub fn remember(&mut self, change: &Remember) {
        macro_rules! change {
            ($map:ident, $key:expr, $change:expr) => {{
                let record = self.$map.entry($key.clone()).or_default();
                record.apply($change);
                if record.is_empty() {
                    self.$map.remove($key);
                }
            }};
        }
        match change {
            Remember::Account(key, change) => change!(accounts, key, change),
            Remember::User(user, change) => change!(users, user, change),
            Remember::Provider(name, change) => change!(providers, name, change),
            Remember::Place(place, change) => change!(places, place, change),
            Remember::Hold(hold, change) => change!(holds, hold, change),
            Remember::Server(change) => self.server.apply(change),
            Remember::Used(hold, step) => self.use_approval(hold, step),
            Remember::Done(done) => self.done.push(done.clone()),
            Remember::ForgetDone(before) => self.done.retain(|d| d.at >= *before),
        }
    }

    fn use_approval(&mut self, hold: &HoldKey, step: &Fingerprint) {
        if let Some(approval) = self.holds.get_mut(hold).and_then(|h| h.approval.as_mut())
            && approval.steps.remove(step)
            && approval.steps.is_empty()
        {
            let end = HoldChange::Approval(None);
            self.remember(&Remember::Hold(hold.clone(), end));
        }
    }

    /// What is remembered of an account; an empty record if there is nothing.
    pub fn account(&self, key: &AccountKey) -> &AccountMemory {
        self.accounts.get(key).unwrap_or(&NO_ACCOUNT)
    }

    /// What is remembered of a user; an empty record if there is nothing.
    pub fn user(&self, user: &UserId) -> &UserMemory {
        self.users.get(user).unwrap_or(&NO_USER)
    }

    /// What is remembered of a provider; an empty record if there is nothing.
    pub fn provider(&self, name: &ProviderName) -> &ProviderMemory {
        self.providers.get(name).unwrap_or(&NO_PROVIDER)
    }

    /// What is remembered of a hold; an empty record if there is nothing.
    pub fn hold(&self, key: &HoldKey) -> &HoldMemory {
        self.holds.get(key).unwrap_or(&NO_HOLD)
    }

    /// The link of an account.
    pub fn link(&self, key: &AccountKey) -> Option<&Link> {
        self.account(key).link.as_ref()
    }

    /// Whether an account is linked to a user.
    pub fn is_linked(&self, key: &AccountKey) -> bool {
        self.link(key).is_some()
    }

    /// All links, in the order of their accounts' keys.
    pub fn links(&self) -> impl DoubleEndedIterator<Item = (&AccountKey, &Link)> {
        self.accounts_with(|account| account.link.as_ref())
    }

    /// The accounts of which one thing is remembered.
    pub fn accounts_with<'a, T: 'a>(
        &'a self,
        fact: impl Fn(&'a AccountMemory) -> Option<T>,
    ) -> impl DoubleEndedIterator<Item = (&'a AccountKey, T)> {
        let accounts = self.accounts.iter();
        accounts.filter_map(move |(key, account)| Some((key, fact(account)?)))
    }

    /// The users of whom one thing is remembered.
    pub fn users_with<'a, T: 'a>(
        &'a self,
        fact: impl Fn(&'a UserMemory) -> Option<T>,
    ) -> impl Iterator<Item = (&'a UserId, T)> {
        let users = self.users.iter();
        users.filter_map(move |(id, user)| Some((id, fact(user)?)))
    }

    /// A person's word about this very user, whom no account stands behind.
    pub fn kept(&self, user: &UserId) -> Option<&Kept> {
        let kept = self.user(user).kept.as_ref();
        kept.filter(|kept| !kept.witness)
    }

    /// Which account each linked user stands for.
    pub fn accounts_by_user(&self) -> BTreeMap<&UserId, &AccountKey> {
        self.links().map(|(key, link)| (&link.user, key)).collect()
    }

    /// The team that was filled under a name of the configuration.
    pub fn configured_team(&self, name: &str) -> Option<&TeamId> {
        let mut places = self.places.iter();
        places.find_map(|(place, memory)| match place {
            PlaceId::Team(team) => (memory.configured.as_deref() == Some(name)).then_some(team),
        })
    }

    /// Remembers that this team, and no other, is filled under a name of the configuration.
    pub fn configure_team(&self, name: &str, team: &TeamId) -> MemoryDelta {
        let change = |team: &TeamId, name| {
            let change = PlaceChange::Configured(name);
            Remember::Place(PlaceId::Team(team.clone()), change)
        };
        let before = self.configured_team(name).filter(|before| *before != team);
        let before = before.map(|before| change(before, None));
        let now = change(team, Some(name.to_owned()));
        before.into_iter().chain([now]).collect()
    }
}

impl HoldMemory {
    /// Whether a person released this step.
    pub fn releases(&self, step: &Fingerprint) -> bool {
        let approval = self.approval.as_ref();
        approval.is_some_and(|approval| approval.steps.contains(step))
    }
}

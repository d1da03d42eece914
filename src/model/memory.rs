//! What mattersync remembers between cycles, and how a plan says what to remember.
//!
//! There is one record for each account, user, provider, place and hold. To forget somebody is to
//! remove a record, to give somebody another id is to move one. A new fact is one line in one of the
//! records below: reading, writing, forgetting and moving follow from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{
    Absence, AccountKey, Announcement, Approval, BegunCreation, ChosenName, ClockSeen, Done,
    Fingerprint, HoldKey, Kept, Link, Newest, Now, Order, OwnChange, PlaceId, ProviderName,
    Restored, Return, ScopeValues, SeatRefusal, SeatWait, Shape, SourceIdentity, TeamId, Timestamp,
    Undone, Unlinked, UserId,
};

/// Defines a record, the changes that can be made to its facts, and how a change is applied.
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
            /// Returns whether nothing is remembered.
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
        /// A creation that was begun and whose user is not linked yet.
        begun: Begun(Option<BegunCreation>),
        /// Since when the account waits for a seat.
        waiting: Waiting(Option<SeatWait>),
        /// The changes that we made to the account's user lately, oldest first.
        flips: Flips(Vec<OwnChange>),
        /// The date of expiry that was announced.
        announced: Announced(Option<Announcement>),
        /// Since when complete readings do not contain the account of a user whom we created and
        /// deactivated; kept only where such users are to be deleted one day.
        gone: Gone(Option<Timestamp>),
        /// That a person removed the link: the account is neither linked nor gets a user by itself.
        unlinked: Unlinked(Option<Unlinked>),
        /// What people took back: orders to do so, and changes not made again because of them.
        undone: Undone(Vec<Undone>),
        /// Since when more than one entry was seen with the account's id.
        duplicate: Duplicate(Option<Timestamp>),
    }
}

record! {
    /// What is remembered of one user, whichever account the user is linked to.
    UserMemory,
    /// Sets or clears one fact about a user.
    UserChange {
        /// A person's order to deactivate the user, not yet carried out.
        order: Order(Option<Order>),
        /// That a person said that a user without an account stays as it is.
        kept: Kept(Option<Kept>),
        /// A person's order to give an adopted user a random password and to end the user's
        /// sessions, not yet carried out.
        reset: Reset(Option<Order>),
        /// When the sessions were ended because the server does not let us deactivate the user.
        sessions_ended: SessionsEnded(Option<Timestamp>),
        /// When a person had everything about the user forgotten. Such a user is never adopted.
        forgotten: Forgotten(Option<Timestamp>),
        /// The newest state of the user that the server told of.
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
        /// What was held when a person last looked: an approval releases no more than that.
        shown: Shown(Option<BTreeSet<Fingerprint>>),
        /// The approval, while it lasts.
        approval: Approval(Option<Approval>),
    }
}

record! {
    /// What is remembered of the Mattermost server and of this machine.
    ServerMemory,
    /// Sets or clears one fact about the server or this machine.
    ServerChange {
        /// What the clocks said. It is kept only where something depends on dates or is summed over
        /// a day.
        clock: Clock(Option<ClockSeen>),
        /// The server's first refusal, where it tells its limit only by refusing.
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
    /// What is remembered of accounts, also of those that are gone. No record is empty, here and in
    /// the other maps.
    pub accounts: BTreeMap<AccountKey, AccountMemory>,
    /// What is remembered of users, linked or not.
    pub users: BTreeMap<UserId, UserMemory>,
    /// What is remembered of providers.
    pub providers: BTreeMap<ProviderName, ProviderMemory>,
    /// What is remembered of places.
    pub places: BTreeMap<PlaceId, PlaceMemory>,
    /// What is remembered of holds.
    pub holds: BTreeMap<HoldKey, HoldMemory>,
    /// What is remembered of the server and of this machine.
    pub server: ServerMemory,
    /// The steps of guarded classes in the last 24 hours.
    pub done: Vec<Done>,
}

/// Changes of the memory, in order.
pub type MemoryDelta = Vec<Remember>;

/// One change of the memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remember {
    /// A change of what is remembered of an account.
    Account(AccountKey, AccountChange),
    /// A change of what is remembered of a user.
    User(UserId, UserChange),
    /// A change of what is remembered of a provider.
    Provider(ProviderName, ProviderChange),
    /// A change of what is remembered of a place.
    Place(PlaceId, PlaceChange),
    /// A change of what is remembered of a hold.
    Hold(HoldKey, HoldChange),
    /// A change of what is remembered of the server or this machine.
    Server(ServerChange),
    /// A step that an approval released was carried out, so that the approval no longer releases
    /// it. An approval ends with its last step.
    Used(HoldKey, Fingerprint),
    /// A guarded step was carried out.
    Done(Done),
    /// Forgets the carried-out steps that are older than this moment.
    ForgetDone(Timestamp),
}

impl AccountMemory {
    /// Returns the changes that forget since when the account is missing or back: both are counted
    /// from reading to reading, and an older copy did not see all of them.
    pub fn forget_counts(&self) -> Vec<AccountChange> {
        let missing = self
            .absence
            .is_some()
            .then_some(AccountChange::Absence(None));
        let back = self
            .returning
            .is_some()
            .then_some(AccountChange::Returning(None));
        missing.into_iter().chain(back).collect()
    }
}

impl Remember {
    /// Returns the change that forgets everything about an account.
    pub fn forget_account(key: AccountKey) -> Self {
        Self::Account(key, AccountChange::All(Box::default()))
    }

    /// Returns the change that forgets everything about a user.
    pub fn forget_user(user: UserId) -> Self {
        Self::User(user, UserChange::All(Box::default()))
    }
}

static NO_ACCOUNT: LazyLock<AccountMemory> = LazyLock::new(AccountMemory::default);
static NO_USER: LazyLock<UserMemory> = LazyLock::new(UserMemory::default);
static NO_PROVIDER: LazyLock<ProviderMemory> = LazyLock::new(ProviderMemory::default);
static NO_HOLD: LazyLock<HoldMemory> = LazyLock::new(HoldMemory::default);

impl Memory {
    /// Applies one change. The state file applies the same change to its rows.
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

    /// Returns what is remembered of an account; an empty record if there is nothing.
    pub fn account(&self, key: &AccountKey) -> &AccountMemory {
        self.accounts.get(key).unwrap_or(&NO_ACCOUNT)
    }

    /// Returns what is remembered of a user; an empty record if there is nothing.
    pub fn user(&self, user: &UserId) -> &UserMemory {
        self.users.get(user).unwrap_or(&NO_USER)
    }

    /// Returns what is remembered of a provider; an empty record if there is nothing.
    pub fn provider(&self, name: &ProviderName) -> &ProviderMemory {
        self.providers.get(name).unwrap_or(&NO_PROVIDER)
    }

    /// Returns what is remembered of a hold; an empty record if there is nothing.
    pub fn hold(&self, key: &HoldKey) -> &HoldMemory {
        self.holds.get(key).unwrap_or(&NO_HOLD)
    }

    /// Returns the link of an account.
    pub fn link(&self, key: &AccountKey) -> Option<&Link> {
        self.account(key).link.as_ref()
    }

    /// Returns whether an account is linked to a user.
    pub fn is_linked(&self, key: &AccountKey) -> bool {
        self.link(key).is_some()
    }

    /// Returns all links in the order of their accounts' keys.
    pub fn links(&self) -> impl DoubleEndedIterator<Item = (&AccountKey, &Link)> {
        self.accounts_with(|account| account.link.as_ref())
    }

    /// Returns the accounts of which one thing is remembered, with it.
    pub fn accounts_with<'a, T: 'a>(
        &'a self,
        fact: impl Fn(&'a AccountMemory) -> Option<T>,
    ) -> impl DoubleEndedIterator<Item = (&'a AccountKey, T)> {
        let accounts = self.accounts.iter();
        accounts.filter_map(move |(key, account)| Some((key, fact(account)?)))
    }

    /// Returns the users of whom one thing is remembered, with it.
    pub fn users_with<'a, T: 'a>(
        &'a self,
        fact: impl Fn(&'a UserMemory) -> Option<T>,
    ) -> impl Iterator<Item = (&'a UserId, T)> {
        let users = self.users.iter();
        users.filter_map(move |(id, user)| Some((id, fact(user)?)))
    }

    /// Returns what a person said about this very user, who has no account.
    pub fn kept(&self, user: &UserId) -> Option<&Kept> {
        let kept = self.user(user).kept.as_ref();
        kept.filter(|kept| !kept.witness)
    }

    /// Returns the account of each linked user.
    pub fn accounts_by_user(&self) -> BTreeMap<&UserId, &AccountKey> {
        self.links().map(|(key, link)| (&link.user, key)).collect()
    }

    /// Returns the team that was filled under a name of the configuration.
    pub fn configured_team(&self, name: &str) -> Option<&TeamId> {
        let mut places = self.places.iter();
        places.find_map(|(place, memory)| match place {
            PlaceId::Team(team) => (memory.configured.as_deref() == Some(name)).then_some(team),
        })
    }

    /// Returns the changes that remember this team, and no other, for a name of the configuration.
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
    /// Returns whether an approval releases this step.
    pub fn releases(&self, step: &Fingerprint) -> bool {
        let approval = self.approval.as_ref();
        approval.is_some_and(|approval| approval.steps.contains(step))
    }
}

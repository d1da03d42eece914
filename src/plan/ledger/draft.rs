//! The plan while it is being made.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use crate::model::{
    Account, AccountKey, AccountMemory, Action, Claimed, Directory, Dn, Evidence, Gap, HoldKey,
    LeftAlone, Link, Lookup, NamedUser, NotAdopted, Now, Plan, Precondition, ProfileField,
    ProviderName, Reason, Rejected, Remember, Step, StepId, Subject, Untouchable, User, UserId,
    ValueOf, Why, full_name,
};
use crate::plan::facts::clock;
use crate::plan::facts::linked_accounts::LinkedAccounts;
use crate::plan::facts::names::legal_username;
use crate::plan::input::World;
use crate::plan::policy::Policy;

/// A link as remembered, or as this plan has it.
#[derive(Clone, Debug)]
pub enum PersonLink<'a> {
    /// As remembered.
    Remembered(&'a Link),
    /// Changed or made in this plan; boxed because few links are, and there are many people.
    Changed(Box<Link>),
}

impl Deref for PersonLink<'_> {
    type Target = Link;

    fn deref(&self) -> &Link {
        match self {
            Self::Remembered(link) => link,
            Self::Changed(link) => link,
        }
    }
}

impl From<Link> for PersonLink<'_> {
    fn from(link: Link) -> Self {
        Self::Changed(Box::new(link))
    }
}

/// One account and what is known about its user.
#[derive(Clone, Debug)]
pub struct Person<'a> {
    /// The account's key.
    pub key: &'a AccountKey,
    /// The account as read.
    pub account: &'a Account,
    /// The link: remembered, found again by its nonce, or made by an adoption in this plan.
    pub link: Option<PersonLink<'a>>,
    /// The index of the remembered link in [`Draft::linked_accounts`].
    pub linked_account: Option<usize>,
    /// The linked user as read.
    pub user: Option<&'a User>,
    /// The adoption that makes the link, or the step that moves it here.
    pub adopted_by: Option<StepId>,
}

impl Person<'_> {
    /// Returns the subject for messages about this person.
    pub fn subject(&self) -> Subject {
        Subject {
            account: Some(self.key.clone()),
            dn: Some(self.account.dn.clone()),
            user: self.user.map(|u| u.id.clone()),
            name: self
                .user
                .map_or_else(|| self.account.username.clone(), |u| u.username.clone()),
            email: self.user.map(|u| u.email.clone()).or_else(|| {
                self.account
                    .emails
                    .iter()
                    .find_map(|c| c.values.first().cloned())
            }),
            full_name: self.full_name(),
        }
    }

    /// Returns the full name in the directory or, if there is none, the one on Mattermost.
    fn full_name(&self) -> String {
        let name = full_name(&self.account.profile);
        match self.user {
            Some(user) if name.is_empty() => full_name(&user.profile),
            _ => name,
        }
    }

    /// Returns everything that is remembered of the account. A linked account has it at hand, which
    /// for many people is far less work than to look up each.
    pub fn memory<'d>(&self, draft: &Draft<'d>) -> &'d AccountMemory {
        match self.linked_account {
            Some(at) => draft.linked_accounts.all[at].memory,
            None => draft.world.memory.account(self.key),
        }
    }

    /// Returns the steps that must have been carried out before anything is done to the user.
    pub fn after(&self) -> Vec<StepId> {
        self.adopted_by.into_iter().collect()
    }
}

/// What may be done to a person if the next readings say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Risk {
    /// They are called missing.
    Missing,
    /// They are reactivated.
    Return,
}

/// The plan so far, and the look-ups that all its rules share.
pub struct Draft<'a> {
    /// What was read and remembered.
    pub world: &'a World<'a>,
    /// What the administrator wants.
    pub policy: &'a Policy,
    /// The time.
    pub now: &'a Now,
    /// Users by username; filled when the first name is asked for.
    by_username: OnceCell<BTreeMap<&'a str, &'a User>>,
    /// Users by address; filled when the first address is asked for.
    by_email: OnceCell<BTreeMap<&'a str, &'a User>>,
    /// Users who cannot be used, by username or address; filled when the first one is asked for.
    unread_names: OnceCell<BTreeMap<String, &'a Rejected<UserId>>>,
    /// Entries that cannot be used; filled when the first missing account is looked at.
    unusable: OnceCell<BTreeMap<(&'a ProviderName, Dn), &'a str>>,
    /// Users with a nonce of ours; filled only while the outcomes of creations are unknown.
    pub by_nonce: BTreeMap<&'a str, Vec<&'a User>>,
    /// The remembered links with what was read on both sides.
    pub linked_accounts: &'a LinkedAccounts<'a>,
    /// The accounts that users were linked to in this plan.
    taken: BTreeMap<UserId, AccountKey>,
    /// Attributes and fields that most accounts lost at once. Steps that depend on them wait.
    pub faded: BTreeSet<HoldKey>,
    /// Steps that are wanted only because such an attribute or field has no value.
    pub rests_on: BTreeMap<StepId, HoldKey>,
    /// People from whom a later plan could take something, or to whom it could give it back,
    /// because of this reading, although no step does so yet.
    pub at_risk: Vec<(AccountKey, Risk)>,
    /// Steps that wait for a person because the account goes and comes back too often.
    pub flapping: BTreeSet<StepId>,
    /// Steps that would not be wanted if the wall clock were right about an earlier date.
    pub dated: BTreeSet<StepId>,
    /// Whether something depends on dates although no step does yet.
    pub dates_at_risk: bool,
    /// By how many milliseconds the wall clock jumped; zero while it can be believed.
    pub clock_jump: i64,
    /// Users whose account is gone, and who may be the people of accounts without a user.
    pub perhaps_back: BTreeSet<UserId>,
    /// Users whom a person ordered to be deactivated: nothing else decides about their state.
    pub ordered: BTreeSet<UserId>,
    /// Values that a person gave back: the rest of the plan leaves them alone.
    pub pinned: BTreeSet<(AccountKey, ValueOf)>,
    /// Usernames and addresses that are given back: no other user gets them.
    pub given_back: BTreeSet<String>,
    /// Links that a person's order changed in this plan.
    pub relinked: BTreeMap<AccountKey, Link>,
    /// The plan so far.
    pub plan: Plan,
    /// Active human administrators who stay active under the plan so far. mattersync's own user is
    /// not one of them, because nobody need use it.
    pub admins: BTreeSet<UserId>,
    /// Whether mattersync's own user is an active administrator, and not a bot.
    pub own_admin: bool,
    next: u32,
}

impl<'a> Draft<'a> {
    /// Makes an empty plan.
    pub fn new(
        world: &'a World<'a>,
        linked_accounts: &'a LinkedAccounts<'a>,
        policy: &'a Policy,
        now: &'a Now,
    ) -> Self {
        let users = || world.users.iter().map(|(_, user)| user);
        // A user who cannot act as an administrator must not be the last one.
        let may_act = |u: &&User| u.is_admin() && u.is_human() && !u.is_guest();
        let human_admins = users().filter(|u| u.is_active()).filter(may_act);
        let is_own = |u: &&User| world.server.own_user.as_ref() == Some(&u.id);
        let (own, admins): (Vec<_>, Vec<_>) = human_admins.partition(is_own);
        Self {
            world,
            policy,
            now,
            by_username: OnceCell::new(),
            by_email: OnceCell::new(),
            unread_names: OnceCell::new(),
            unusable: OnceCell::new(),
            by_nonce: match world
                .memory
                .accounts
                .values()
                .all(|account| account.begun.is_none())
            {
                true => BTreeMap::new(),
                false => by_nonce(world),
            },
            linked_accounts,
            taken: BTreeMap::new(),
            faded: BTreeSet::new(),
            rests_on: BTreeMap::new(),
            at_risk: Vec::new(),
            flapping: BTreeSet::new(),
            dated: BTreeSet::new(),
            dates_at_risk: false,
            clock_jump: clock::jump(world.memory, now),
            perhaps_back: BTreeSet::new(),
            ordered: BTreeSet::new(),
            pinned: BTreeSet::new(),
            given_back: BTreeSet::new(),
            relinked: BTreeMap::new(),
            plan: Plan::default(),
            admins: admins.into_iter().map(|u| u.id.clone()).collect(),
            own_admin: !own.is_empty(),
            next: 1,
        }
    }

    /// Returns the user who has a username now.
    pub fn named(&self, username: &str) -> Option<&'a User> {
        let users = self.world.users.iter();
        let fill = || users.map(|(_, u)| (u.username.as_str(), u)).collect();
        self.by_username.get_or_init(fill).get(username).copied()
    }

    /// Returns the conflict with a user who has a username or an address, but could not be read:
    /// what the server returned is too large, or was not understood.
    pub fn unread_holder(&self, what: Claimed, value: &str) -> Option<Why> {
        let unread = self.world.users.rejected().iter();
        let fill = || unread.map(|bad| (bad.name.to_lowercase(), bad)).collect();
        let bad = self.unread_names.get_or_init(fill).get(value)?;
        Some(Why::Conflict {
            what,
            value: bad.name.clone(),
            holder: NamedUser {
                name: Some(bad.name.clone()),
                id: bad.key.clone(),
            },
            because: NotAdopted::Unread(bad.why.clone()),
        })
    }

    /// Returns the user who has an address now.
    pub fn addressed(&self, email: &str) -> Option<&'a User> {
        let users = self.world.users.iter();
        let fill = || users.map(|(_, u)| (u.email.as_str(), u)).collect();
        self.by_email.get_or_init(fill).get(email).copied()
    }

    /// Returns the account of a user, adoptions of this plan included.
    pub fn owner(&self, user: &UserId) -> Option<&AccountKey> {
        self.taken
            .get(user)
            .or_else(|| self.linked_accounts.owner(user))
    }

    /// Records that a user belongs to an account from this plan on.
    pub fn take(&mut self, user: &UserId, key: &AccountKey) {
        self.taken.insert(user.clone(), key.clone());
    }

    /// Adds a step.
    pub fn step(
        &mut self,
        subject: Subject,
        action: Action,
        expects: Precondition,
        reason: Reason,
        after: Vec<StepId>,
    ) -> StepId {
        let id = StepId(self.next);
        self.next += 1;
        let mails = mails(&action);
        let user = action.user().and_then(|id| self.world.users.get(id));
        let privileged = user.is_some_and(User::is_privileged);
        self.plan.steps.push(Step {
            privileged,
            id,
            subject,
            action,
            expects,
            reason,
            mails,
            after,
        });
        id
    }

    /// Records that something was looked at and is left as it is.
    pub fn leave(&mut self, subject: Subject, why: Why) {
        self.plan.left_alone.push(LeftAlone { subject, why });
    }

    /// Records that nothing is done to a user who could not be read. Returns whether that is so: a
    /// user who was read, or who certainly does not exist, is not left alone here.
    pub fn leave_unread(&mut self, subject: &Subject, user: &UserId) -> bool {
        let Evidence::Unknown(gap) = self.world.users.look(user) else {
            return false;
        };
        // If a person gave an order about the user, it was said there.
        if !self.ordered.contains(user) {
            let user = user.clone();
            self.leave(subject.clone(), Why::UserUnread { user, gap });
        }
        true
    }

    /// Adds to what is to be remembered.
    pub fn learn(&mut self, change: Remember) {
        self.plan.learned.push(change);
    }

    /// Returns why nothing may be taken from this user, whatever the directory says.
    pub fn untouchable(&self, user: &User) -> Option<Why> {
        if self.world.server.own_user.as_ref() == Some(&user.id) {
            Some(Why::Untouchable(Untouchable::OwnAccount))
        } else if user.is_bot {
            Some(Why::Untouchable(Untouchable::Bot))
        } else if user.is_remote {
            Some(Why::Untouchable(Untouchable::Remote))
        } else if self.is_protected(user) {
            Some(Why::Protected)
        } else {
            None
        }
    }

    /// Returns whether `policy.protect` names a user. People choose their own usernames on
    /// Mattermost. For a linked user the directory's own username counts, or its form with the
    /// suffix that was chosen here, not a name that only looks like it.
    fn is_protected(&self, user: &User) -> bool {
        let protect = &self.policy.protect;
        if protect.is_empty() {
            return false;
        }
        let Some(key) = self.owner(&user.id) else {
            return protect.contains(&user.username);
        };
        let memory = self.world.memory;
        let directory = self.world.directories.get(&key.provider);
        let account = directory.and_then(|d| d.accounts.get(&key.id));
        let last = || memory.link(key).map(|l| &l.last_username);
        let Some(raw) = account.map(|a| &a.username).or_else(last) else {
            return protect.contains(&user.username);
        };
        let base = legal_username(raw).unwrap_or_else(|| raw.to_lowercase());
        let chosen = memory.account(key).name.as_ref().filter(|c| c.base == base);
        chosen.is_some_and(|c| protect.contains(&c.name)) || self.policy.protects_own(raw)
    }

    /// Returns whether a person gave a value back that differs from the directory's.
    pub fn is_pinned(&self, key: &AccountKey, of: ValueOf) -> bool {
        !self.pinned.is_empty() && self.pinned.contains(&(key.clone(), of))
    }

    /// Returns whether the server has no administrator, so that its next new user would become one.
    pub fn has_no_admin(&self) -> bool {
        self.admins.is_empty() && !self.own_admin
    }

    /// Returns why this provider's reading proves nothing about what it does not contain.
    pub fn gap(&self, provider: &ProviderName) -> Option<&'a Gap> {
        let directory = self.world.directories.get(provider)?;
        directory.accounts.gaps().first()
    }

    /// Looks for the account of a link. An entry that cannot be used, at the place where the
    /// account was last seen, may be the account with a wrong id; then the answer is "unknown".
    pub fn look<'d>(
        &self,
        directory: &'d Directory,
        key: &AccountKey,
        link: &Link,
    ) -> Evidence<&'d Account> {
        let seen = directory.accounts.look(&key.id);
        let Evidence::Absent(proof) = &seen else {
            return seen;
        };
        if matches!(proof.lookup, Some(Lookup::Elsewhere { .. })) {
            return seen;
        }
        let bad = self.unusable.get_or_init(|| unusable(self.world));
        if bad.is_empty() {
            return seen;
        }
        match bad.get(&(&key.provider, Dn::of(&link.last_dn))) {
            Some(why) => Evidence::Unknown(Gap::Rejected((*why).to_owned())),
            None => seen,
        }
    }

    /// Returns whether most accounts of the provider lost this field at once.
    pub fn is_faded(&self, provider: &ProviderName, field: ProfileField) -> bool {
        let key = || HoldKey::Field(provider.clone(), field);
        !self.faded.is_empty() && self.faded.contains(&key())
    }

    /// Returns the first of a provider's attributes that most accounts lost at once.
    pub fn first_faded<'s>(
        &self,
        provider: &ProviderName,
        attributes: impl IntoIterator<Item = &'s str>,
    ) -> Option<HoldKey> {
        if self.faded.is_empty() {
            return None;
        }
        let key = |name: &str| HoldKey::Attribute(provider.clone(), name.to_owned());
        let mut keys = attributes.into_iter().map(key);
        keys.find(|key| self.faded.contains(key))
    }

    /// Returns the finished plan, with its steps in the order of their phases.
    pub fn finish(mut self) -> Plan {
        self.plan.steps.sort_by_key(|s| (s.action.phase(), s.id));
        self.plan
    }
}

/// Returns why entries cannot be used, by their DNs.
fn unusable<'a>(world: &World<'a>) -> BTreeMap<(&'a ProviderName, Dn), &'a str> {
    let directories = world.directories.iter();
    let entries = directories.flat_map(|(provider, directory)| {
        let entries = directory.accounts.rejected().iter();
        entries.map(move |bad| ((provider, Dn::of(&bad.name)), bad.why.as_str()))
    });
    entries.collect()
}

fn by_nonce<'a>(world: &World<'a>) -> BTreeMap<&'a str, Vec<&'a User>> {
    let mut by_nonce: BTreeMap<&str, Vec<&User>> = BTreeMap::new();
    for (_, user) in world.users.iter() {
        if let Some(nonce) = user.props.get(User::NONCE_PROP) {
            by_nonce.entry(nonce).or_default().push(user);
        }
    }
    by_nonce
}

/// Returns how many e-mails the server sends because of an action. After a change of username or
/// address it writes to the old address, or the new one must be verified (measured on 5.38 and
/// 11.6). Deactivations, and creations without a welcome mail, send none.
fn mails(action: &Action) -> u8 {
    u8::from(matches!(
        action,
        Action::Rename { .. } | Action::ChangeEmail { .. }
    ))
}

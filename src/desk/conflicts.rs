//! The conflicts of the present plan, each with both parties and what to type.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cycle::{Engine, Sides, View};
use crate::model::{
    AccountKey, ActionKind, Claimed, Evidence, Identifiers, LeftAlone, Timestamp, Unread, UserId,
    Why,
};
use crate::plan::{Claim, LinkObstacle, UserIndex, among_conflicts};

use super::error::DeskError;
use super::parties::{AccountSide, EntrySide, UserSide};
use super::past_steps::add_activity;
use super::person::is_named;
use super::request::{Asker, Question, Request};

/// List the conflicts.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Conflicts {
    /// Read both sides anew.
    #[serde(default)]
    pub fresh: bool,
}

/// All conflicts of one plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConflictsReport {
    /// Each of them.
    pub conflicts: Vec<Conflict>,
    /// Adoptions that are no conflict and wait for an approval.
    pub adoptions: usize,
    /// What could not be read: there may be more conflicts.
    #[serde(default)]
    pub incomplete: Vec<Unread>,
    /// When that was read from which this is answered; `None` if it was read for this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Timestamp>,
}

/// What kind of conflict it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictKind {
    /// A user whom mattersync did not make has the name or an address.
    Stranger,
    /// Such a user has it, and is deactivated.
    DeactivatedStranger,
    /// Two accounts or entries of the directory want what only one can have.
    DuplicateInDirectory,
    /// Two accounts claim one user.
    TwoAccountsOneUser,
    /// Two people want each other's address.
    Swap,
    /// The linked user no longer exists.
    UserGone,
    /// A person took the link apart and said no more.
    Unlinked,
    /// The account looks like another one that is missing.
    SamePerson,
}

impl ConflictKind {
    /// Returns whether accounts of the directory are in each other's way.
    pub fn is_within_directory(self) -> bool {
        matches!(self, Self::DuplicateInDirectory | Self::TwoAccountsOneUser)
    }
}

/// One conflict.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Conflict {
    /// What kind it is.
    pub kind: ConflictKind,
    /// What the plan says of it, in a sentence or more.
    pub what: Vec<String>,
    /// Everybody who is concerned; first the one who is left alone because of it.
    pub parties: Vec<Party>,
    /// What ends it.
    pub ways: Vec<Way>,
}

/// Somebody who is concerned.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    /// An account.
    Account(Box<AccountSide>),
    /// A user, and what of the account it has.
    User(Box<UserSide>, Vec<String>),
    /// An entry that cannot be used.
    Entry(EntrySide),
    /// A user who no longer exists.
    Gone(UserId),
}

/// One way out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Way {
    /// When it is the right one, and what it does.
    pub when: String,
    /// What to type; empty where it is done elsewhere.
    pub command: Vec<String>,
}

impl Request for Conflicts {
    const NAME: &'static str = "conflicts";
    type Tool = Engine;
    type Answer = ConflictsReport;

    fn writes(&self) -> bool {
        false
    }

    async fn run(
        self,
        engine: &mut Engine,
        asker: &Asker<'_>,
    ) -> Result<ConflictsReport, DeskError> {
        let sides = engine.read_sides(asker.stages).await?;
        self.answer(&sides).await
    }
}

impl Question for Conflicts {
    fn is_fresh(&self) -> bool {
        self.fresh
    }

    async fn answer(self, sides: &Sides) -> Result<ConflictsReport, DeskError> {
        let view = &sides.view;
        let world = view.world();
        let user_index = UserIndex::of(&world, &sides.settings().policy);
        let mut report = Finder {
            view,
            user_index: &user_index,
        }
        .report();
        report.read = sides.read;
        let parties = report.conflicts.iter_mut().flat_map(|c| &mut c.parties);
        let users = parties.filter_map(|party| match party {
            Party::User(user, _) => Some(user.as_mut()),
            _ => None,
        });
        add_activity(sides, users.collect()).await;
        Ok(report)
    }
}

struct Finder<'a> {
    view: &'a View,
    user_index: &'a UserIndex<'a>,
}

impl Finder<'_> {
    fn report(&self) -> ConflictsReport {
        let plan = &self.view.plan;
        let mut conflicts = self.same_ids();
        let left = plan.left_alone.iter();
        let mut known: BTreeMap<(ConflictKind, &AccountKey), usize> = BTreeMap::new();
        for left in left {
            let Some(conflict) = self.conflict(left) else {
                continue;
            };
            // A person whose name and address are held is in one conflict.
            let key = left.subject.account.as_ref();
            let at = key.map(|key| *known.entry((conflict.kind, key)).or_insert(conflicts.len()));
            match at.and_then(|at| conflicts.get_mut(at)) {
                Some(same) => same.what.extend(conflict.what),
                None => conflicts.push(conflict),
            }
        }
        conflicts.sort_by_key(|c| c.kind);
        let adoptions = plan
            .steps
            .iter()
            .filter(|s| s.action.kind() == ActionKind::Adopt);
        ConflictsReport {
            conflicts,
            adoptions: adoptions.count(),
            incomplete: self.view.unread(),
            read: None,
        }
    }

    fn conflict(&self, left: &LeftAlone) -> Option<Conflict> {
        let key = left.subject.account.as_ref();
        let (kind, others, ways) = match (&left.why, key) {
            (Why::Conflict { .. }, Some(key)) => self.stranger(key),
            (Why::LinkedTwice { other, .. }, Some(key)) => self.two_accounts(key, other),
            (Why::Duplicate { email, other, .. }, Some(_)) => {
                self.duplicate(Claimed::EmailAddress, email, other)
            }
            (Why::LooksLike { holder, .. }, Some(key)) => self.alike(key, holder.id.as_ref()?),
            (Why::EmailSwap { email }, _) => self.swap(email),
            (Why::SharedAnchor { anchor, other, .. }, _) => {
                self.duplicate(Claimed::SecondAnchor, anchor, other)
            }
            (Why::UserGone, Some(key)) => self.gone(key),
            (Why::Unlinked { .. }, Some(key)) => self.unlinked(key),
            _ => return None,
        };
        let mut parties: Vec<Party> = key.into_iter().filter_map(|k| self.account(k)).collect();
        parties.extend(others);
        Some(Conflict {
            kind,
            what: vec![format!("{}: {}", left.subject, among_conflicts(&left.why))],
            parties,
            ways,
        })
    }

    fn account(&self, key: &AccountKey) -> Option<Party> {
        let account = self.view.account(key)?;
        Some(Party::Account(Box::new(AccountSide::of(
            self.view, key, account,
        ))))
    }

    fn user(&self, id: &UserId, has: Vec<String>) -> Option<Party> {
        let user = self.view.users.get(id)?;
        let side = UserSide::of(self.view, self.user_index, user);
        Some(Party::User(Box::new(side), has))
    }

    fn stranger(&self, key: &AccountKey) -> (ConflictKind, Vec<Party>, Vec<Way>) {
        let account = self.view.account(key);
        let claims = account
            .map(|a| self.user_index.claims(key, a))
            .unwrap_or_default();
        let strangers: Vec<&Claim<'_>> = claims
            .iter()
            .filter(|c| self.user_index.owner(&c.user.id).is_none())
            .collect();
        let out = !strangers.is_empty() && strangers.iter().all(|c| !c.user.is_active());
        let kind = match out {
            true => ConflictKind::DeactivatedStranger,
            false => ConflictKind::Stranger,
        };
        let is_linked = self.view.memory.is_linked(key);
        let mut ways = Vec::new();
        for claim in &strangers {
            ways.extend((!is_linked).then(|| self.same_person(key, claim)));
        }
        for claim in &strangers {
            let name = &claim.user.username;
            let what = match (&claim.username, &claim.email) {
                (Some(_), None) => "another username",
                (None, _) => "another address",
                (Some(_), Some(_)) => "another username and address",
            };
            ways.push(Way::elsewhere(format!(
                "if they are different people: give {name} {what} in Mattermost's System Console, \
                 or the account other ones in the directory; the next cycle goes on by itself"
            )));
        }
        let parties = claims.iter().filter_map(|claim| {
            let has = [
                claim
                    .username
                    .as_ref()
                    .map(|name| format!("the username {name}")),
                claim
                    .email
                    .as_ref()
                    .map(|email| format!("the address {email}")),
            ];
            self.user(&claim.user.id, has.into_iter().flatten().collect())
        });
        (kind, parties.collect(), ways)
    }

    /// Returns the way out if both are one person.
    fn same_person(&self, key: &AccountKey, claim: &Claim<'_>) -> Way {
        let user = claim.user;
        let name = &user.username;
        let out = if user.is_active() {
            ""
        } else {
            " (the user stays deactivated until somebody activates it on Mattermost)"
        };
        let command = |more: &[&str]| {
            let words = ["link", key.id.as_str(), user.id.as_str()];
            words.iter().chain(more).map(|w| (*w).to_owned()).collect()
        };
        let (when, command) = match self.user_index.obstacle(user) {
            None => ("if they are one person".to_owned(), command(&[])),
            Some(LinkObstacle::Admin) => (
                format!("if they are one person, although {name} is a SYSTEM ADMINISTRATOR"),
                command(&["--admin"]),
            ),
            Some(LinkObstacle::Guest) => (
                format!("if they are one person, although {name} is a guest"),
                command(&["--guest"]),
            ),
            Some(obstacle) => (format!("{name} is never linked: {obstacle}"), Vec::new()),
        };
        Way {
            when: format!("{when}{out}"),
            command,
        }
    }

    fn two_accounts(
        &self,
        key: &AccountKey,
        other: &AccountKey,
    ) -> (ConflictKind, Vec<Party>, Vec<Way>) {
        let memory = &self.view.memory;
        let user = memory.link(key).map(|link| &link.user);
        let mut parties: Vec<Party> = self.account(other).into_iter().collect();
        parties.extend(user.and_then(|id| self.user(id, Vec::new())));
        let ways = [key, other].into_iter().map(|key| {
            let link = memory.link(key);
            let dn = link.map(|l| l.last_dn.clone()).unwrap_or_default();
            Way::typed(
                format!("if the user is not {dn}"),
                &["unlink", key.id.as_str()],
            )
        });
        (ConflictKind::TwoAccountsOneUser, parties, ways.collect())
    }

    fn duplicate(
        &self,
        what: Claimed,
        value: &str,
        other: &AccountKey,
    ) -> (ConflictKind, Vec<Party>, Vec<Way>) {
        let mut parties: Vec<Party> = self.account(other).into_iter().collect();
        let mut users = self.view.users.iter();
        let holder = users.find(|(_, user)| user.email == value);
        let owner = holder.and_then(|(id, _)| Some((id, self.user_index.owner(id)?)));
        if let Some((id, owner)) = owner {
            parties.extend(self.user(id, vec![format!("the {what} {value}")]));
            let account = self.view.account(owner);
            if account
                .is_some_and(|account| !is_named(&Identifiers::account(owner, account), value))
            {
                let dn = account
                    .map(|account| account.dn.clone())
                    .unwrap_or_default();
                let way = Way::typed(
                    format!("if the user is not the person of {dn}"),
                    &["unlink", owner.id.as_str()],
                );
                let wait = Way::elsewhere(format!(
                    "if it is: the next cycles give the user the address that {dn} has"
                ));
                return (ConflictKind::TwoAccountsOneUser, parties, vec![way, wait]);
            }
        }
        let way = Way::elsewhere(format!(
            "give one of both another {what} than {value} in the directory; the one who has it \
             on Mattermost keeps it"
        ));
        (ConflictKind::DuplicateInDirectory, parties, vec![way])
    }

    fn swap(&self, email: &str) -> (ConflictKind, Vec<Party>, Vec<Way>) {
        let holder = self.view.users.iter().find(|(_, user)| user.email == email);
        let has = vec![format!("the address {email}")];
        let parties = holder.and_then(|(id, _)| self.user(id, has));
        let way = Way::elsewhere(format!(
            "give one of them a third address in the directory, run a cycle (and let the person \
             confirm it), then {email} can change hands"
        ));
        (ConflictKind::Swap, parties.into_iter().collect(), vec![way])
    }

    fn gone(&self, key: &AccountKey) -> (ConflictKind, Vec<Party>, Vec<Way>) {
        let user = self.view.memory.link(key).map(|link| link.user.clone());
        let way = Way::typed(
            "to forget the link, so that a new user is made".to_owned(),
            &["unlink", key.id.as_str()],
        );
        let parties = user.into_iter().map(Party::Gone).collect();
        (ConflictKind::UserGone, parties, vec![way])
    }

    fn alike(&self, key: &AccountKey, id: &UserId) -> (ConflictKind, Vec<Party>, Vec<Way>) {
        let ways = vec![
            Way::typed(
                "if they are one person: the user becomes this account's".to_owned(),
                &["link", key.id.as_str(), id.as_str()],
            ),
            Way {
                when: "if not: give one of them another username or address, in the directory or \
                       on Mattermost"
                    .to_owned(),
                command: Vec::new(),
            },
        ];
        let parties = self.user(id, Vec::new()).into_iter().collect();
        (ConflictKind::SamePerson, parties, ways)
    }

    fn unlinked(&self, key: &AccountKey) -> (ConflictKind, Vec<Party>, Vec<Way>) {
        let mark = self.view.memory.account(key).unlinked.as_ref();
        let user = mark.map(|mark| mark.user.clone());
        let mut parties = Vec::new();
        let mut ways = Vec::new();
        if let Some(id) = user {
            let free = match self.view.users.look(&id) {
                Evidence::Present(user) => self.user_index.obstacle(user).is_none(),
                _ => false,
            };
            parties.extend(self.user(&id, Vec::new()));
            if free {
                ways.push(Way::typed(
                    "to link both again".to_owned(),
                    &["link", key.id.as_str(), id.as_str()],
                ));
            }
        }
        ways.push(Way::typed(
            "to say who it is".to_owned(),
            &["link", key.id.as_str(), "USER"],
        ));
        ways.push(Way::typed(
            "to treat the account as one that was never seen".to_owned(),
            &["unlink", "--as-new", key.id.as_str()],
        ));
        (ConflictKind::Unlinked, parties, ways)
    }

    /// Returns conflicts between entries that claim one directory id.
    fn same_ids(&self) -> Vec<Conflict> {
        let mut ids: BTreeMap<String, Vec<EntrySide>> = BTreeMap::new();
        for directory in self.view.directories.values() {
            for bad in directory.accounts.rejected() {
                if let Some(key) = &bad.key {
                    ids.entry(key.to_string())
                        .or_default()
                        .push(EntrySide::of(bad));
                }
            }
        }
        let several = |entries: &[EntrySide]| {
            let dns: BTreeSet<&String> = entries.iter().map(|e| &e.dn).collect();
            dns.len() > 1
        };
        let ids = ids.into_iter().filter(|(_, entries)| several(entries));
        let conflict = |(id, entries): (String, Vec<EntrySide>)| Conflict {
            kind: ConflictKind::DuplicateInDirectory,
            what: vec![format!(
                "{} entries of the directory have one id, {id}",
                entries.len()
            )],
            parties: entries.into_iter().map(Party::Entry).collect(),
            ways: vec![Way::elsewhere(
                "make the id attribute of one of them unique, or leave it out with the filter; \
                 until then nobody knows which of them is the person"
                    .to_owned(),
            )],
        };
        ids.map(conflict).collect()
    }
}

impl Way {
    fn elsewhere(when: String) -> Self {
        Self {
            when,
            command: Vec::new(),
        }
    }

    fn typed(when: String, words: &[&str]) -> Self {
        Self {
            when,
            command: words.iter().map(|w| (*w).to_owned()).collect(),
        }
    }
}

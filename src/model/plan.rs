//! A plan: every step of one cycle with its reason, and everything that was left alone, and why.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    AccountKey, Class, Hold, LeftAlone, MemoryDelta, Profile, ProfileField, Reason, StepId,
    Subject, TeamId, Timestamp, UserId,
};

/// All steps of one cycle, and all that was looked at and left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// In the order in which they are carried out. Held steps are among them.
    pub steps: Vec<Step>,
    /// Who was looked at and not changed although something is to be said about them.
    pub left_alone: Vec<LeftAlone>,
    /// What waits for a person.
    pub holds: Vec<Hold>,
    /// What this reading taught, to be remembered even when no step is carried out.
    pub learned: MemoryDelta,
}

impl Plan {
    /// The steps that a hold keeps back, each once however many holds do.
    pub fn kept_back(&self) -> BTreeSet<StepId> {
        let steps = self.holds.iter().flat_map(|h| h.steps.iter().copied());
        steps.collect()
    }

    /// The steps that a hold keeps back, and those that wait for one of them. Who could not get out
    /// of a temporary name or address does not get into it either.
    pub fn held(&self) -> BTreeSet<StepId> {
        self.held_by(&self.holds)
    }

    /// The steps that are not done because of these holds, though none of them keeps them back.
    pub fn behind(&self, holds: &[Hold]) -> BTreeSet<StepId> {
        let mut behind = self.held_by(holds);
        for id in holds.iter().flat_map(|hold| &hold.steps) {
            behind.remove(id);
        }
        behind
    }

    fn held_by(&self, holds: &[Hold]) -> BTreeSet<StepId> {
        let steps = holds.iter().flat_map(|hold| hold.steps.iter().copied());
        let mut held: BTreeSet<StepId> = steps.collect();
        if held.is_empty() {
            return held;
        }
        let by_id: BTreeMap<StepId, &Step> = self.steps.iter().map(|s| (s.id, s)).collect();
        loop {
            let before = held.len();
            for step in &self.steps {
                if step.after.iter().any(|id| held.contains(id)) {
                    held.insert(step.id);
                }
                if self.only_for_held(step, &held) {
                    held.insert(step.id);
                }
                if held.contains(&step.id) {
                    let openers = step.after.iter().filter_map(|id| by_id.get(id));
                    let own = openers.filter(|other| other.action.leads_to(&step.action));
                    held.extend(own.map(|other| other.id));
                }
            }
            if held.len() == before {
                return held;
            }
        }
    }

    /// Whether a hand-over of our bot is for people who do not leave before somebody approves.
    fn only_for_held(&self, step: &Step, held: &BTreeSet<StepId>) -> bool {
        let waiting = || self.steps.iter().filter(|s| s.after.contains(&step.id));
        matches!(step.action, Action::AssignBot { .. })
            && waiting().next().is_some()
            && waiting().all(|s| held.contains(&s.id))
    }

    /// The steps that may be carried out now, in order.
    pub fn released(&self) -> impl Iterator<Item = &Step> {
        let held = self.held();
        self.steps.iter().filter(move |s| !held.contains(&s.id))
    }
}

/// One change to make on Mattermost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its number within the plan.
    pub id: StepId,
    /// Whom it is about, for people.
    pub subject: Subject,
    /// What to do.
    pub action: Action,
    /// What must be found right before, or the step is not carried out.
    pub expects: Precondition,
    /// Why.
    pub reason: Reason,
    /// How many e-mails the server will send because of it.
    pub mails: u8,
    /// Steps that must have succeeded before.
    pub after: Vec<StepId>,
    /// Whether the user had more rights than `system_user` when it was planned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub privileged: bool,
}

/// A user that exists, or one that an earlier step of the same plan makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserRef {
    /// It exists.
    Existing(UserId),
    /// The step that creates it.
    Made(StepId),
}

/// A team that exists, or one that an earlier step of the same plan makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TeamRef {
    /// It exists.
    Existing(TeamId),
    /// The step that creates it.
    Made(StepId),
}

/// A user to be created. The password is made when it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUser {
    /// Legal and free.
    pub username: String,
    /// Legal and free.
    pub email: String,
    /// First name to locale.
    pub profile: Profile,
}

/// A value before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values {
    /// What the user has now; empty for none.
    pub from: String,
    /// What the user shall have; empty for none.
    pub to: String,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Create a user for an account and link them.
    CreateUser {
        /// For whom.
        account: AccountKey,
        /// What to create.
        user: NewUser,
        /// The account's username in the directory.
        directory_username: String,
        /// Whether the server needs the address marked as verified.
        verified: bool,
    },
    /// Link an account with a user who was there before. Nothing is sent to the server.
    Adopt {
        /// Whose account.
        account: AccountKey,
        /// Which user.
        user: UserId,
        /// The account's username in the directory.
        directory_username: String,
    },
    /// The account that a user was linked with is gone, and another one has its second anchor:
    /// the link moves to it. Nothing is sent to the server.
    MoveLink {
        /// The account that the user stands for from now on.
        account: AccountKey,
        /// The account that is gone.
        from: AccountKey,
        /// Which user.
        user: UserId,
        /// The new account's username in the directory.
        directory_username: String,
        /// The second anchor that both have; `None` where a person said so.
        anchor: Option<String>,
    },
    /// Forget that an account is a user, because a person says so. Nothing is sent to the server.
    Unlink {
        /// Whose account.
        account: AccountKey,
        /// Which user.
        user: UserId,
        /// The account is as one that was never seen: it may be linked or get a user by itself.
        /// Otherwise it is left alone until a person says more.
        as_new: bool,
    },
    /// Change the username.
    Rename {
        /// The account.
        account: AccountKey,
        /// Which user.
        user: UserId,
        /// From and to.
        username: Values,
    },
    /// Change the e-mail address, and mark it as verified where the change unmarks it.
    ChangeEmail {
        /// The account.
        account: AccountKey,
        /// Which user.
        user: UserId,
        /// From and to.
        email: Values,
        /// The server applies it only after the person's click: ask once and remember.
        waits_for_click: bool,
    },
    /// Change first name to locale.
    UpdateProfile {
        /// The account.
        account: AccountKey,
        /// Which user.
        user: UserId,
        /// Only the fields that differ.
        changes: BTreeMap<ProfileField, Values>,
    },
    /// Deactivate: the user can no longer log in, and all sessions end.
    Deactivate {
        /// Whose, if the user is linked.
        account: Option<AccountKey>,
        /// Which user.
        user: UserId,
        /// The class that the guard counts it in: locked or missing; `None` for a person's word.
        class: Option<Class>,
        /// Who ordered it by `mattersync deactivate`.
        ordered_by: Option<String>,
    },
    /// End all sessions of a user whom the server does not let us deactivate.
    EndSessions {
        /// Whose, if the user is linked.
        account: Option<AccountKey>,
        /// Which user.
        user: UserId,
        /// The class that the deactivation would have been counted in.
        class: Option<Class>,
    },
    /// Give a user who was adopted a random password, and end all sessions: whoever signed up in
    /// somebody's name is out.
    ResetAccess {
        /// The account.
        account: AccountKey,
        /// Which user.
        user: UserId,
        /// The user logs in through a service: there is no password here.
        bound: bool,
    },
    /// Reactivate a user whom we had deactivated.
    Reactivate {
        /// The account.
        account: AccountKey,
        /// Which user.
        user: UserId,
    },
    /// Delete a user for ever, with everything that he wrote. Nothing undoes it.
    Purge {
        /// Whose. The link is forgotten afterwards.
        account: AccountKey,
        /// Which user.
        user: UserId,
    },
    /// Hand our own bot over to another administrator, before its owner is deactivated: the server
    /// would disable the bot, and with it our token.
    AssignBot {
        /// The account of the owner, if one is linked.
        account: Option<AccountKey>,
        /// The owner, who leaves.
        user: UserId,
        /// The bot.
        bot: UserId,
        /// The bot's username.
        bot_name: String,
        /// Who owns it from then on.
        to: UserId,
        /// The new owner's username.
        to_name: String,
    },
    /// Create a team.
    CreateTeam {
        /// Its name in addresses.
        name: String,
        /// Its name for people.
        display_name: String,
    },
    /// Make a user a member of a team.
    JoinTeam {
        /// The account.
        account: AccountKey,
        /// Which user.
        user: UserRef,
        /// Which team.
        team: TeamRef,
        /// The team's name, for people and for the fingerprint.
        team_name: String,
    },
}

impl Action {
    /// The name or address that it gives to a user.
    fn value(&self) -> Option<&Values> {
        match self {
            Self::Rename { username, .. } => Some(username),
            Self::ChangeEmail { email, .. } => Some(email),
            _ => None,
        }
    }

    /// Whether it gives a user the name, or the address, that the other action gives up.
    fn leads_to(&self, other: &Self) -> bool {
        let (Some(this), Some(next)) = (self.value(), other.value()) else {
            return false;
        };
        self.kind() == other.kind() && self.user() == other.user() && this.to == next.from
    }
}

/// The order in a run: each phase begins when the one before has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Links with users who are there.
    Link,
    /// What must not go with those who leave.
    Keep,
    /// What frees seats: deactivations.
    Free,
    /// New usernames.
    Names,
    /// Changes of addresses and profiles.
    Change,
    /// Teams that do not exist yet.
    Places,
    /// Creations and reactivations.
    Arrive,
    /// Memberships.
    Join,
}

/// What must be found right before a step is carried out. Unless it is [`Precondition::Nothing`],
/// the user must also have no more rights than when it was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precondition {
    /// Nothing; the call itself refuses what cannot be.
    Nothing,
    /// The user is active.
    Active,
    /// The user is deactivated, and it is our deactivation: `delete_at` is still this.
    DeactivatedAt(Timestamp),
    /// The user still has this username.
    Username(String),
    /// The user still has this address.
    Email(String),
    /// The user still has these values.
    Profile(BTreeMap<ProfileField, String>),
    /// The bot still belongs to this user, and who shall get it is an active administrator.
    BotOwner(UserId),
}

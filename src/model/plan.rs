//! The plan: every step of one cycle with its reason, and everything that was left alone, and why.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    AccountKey, Class, Hold, LeftAlone, MemoryDelta, Profile, ProfileField, Reason, StepId,
    Subject, TeamId, Timestamp, UserId,
};

/// All steps of one cycle, and all that was looked at and left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The steps in the order in which they are carried out. Held steps are among them.
    pub steps: Vec<Step>,
    /// What was looked at and not changed, with the reason, where people should know it.
    pub left_alone: Vec<LeftAlone>,
    /// The holds, which wait for a person.
    pub holds: Vec<Hold>,
    /// What this reading taught, to be remembered even if no step is carried out.
    pub learned: MemoryDelta,
}

impl Plan {
    /// Returns the steps that a hold keeps back, each once even if several holds do.
    pub fn kept_back(&self) -> BTreeSet<StepId> {
        let steps = self.holds.iter().flat_map(|h| h.steps.iter().copied());
        steps.collect()
    }

    /// Returns the steps that a hold keeps back, and those that wait for one of them. A user who
    /// could not leave a temporary name or address afterwards does not get one.
    pub fn held(&self) -> BTreeSet<StepId> {
        self.held_by(&self.holds)
    }

    /// Returns the steps that are not done because of these holds, although none of the holds keeps
    /// them back.
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

    /// Returns whether a step hands over our bot only for people whose deactivation is held.
    fn only_for_held(&self, step: &Step, held: &BTreeSet<StepId>) -> bool {
        let waiting = || self.steps.iter().filter(|s| s.after.contains(&step.id));
        matches!(step.action, Action::AssignBot { .. })
            && waiting().next().is_some()
            && waiting().all(|s| held.contains(&s.id))
    }

    /// Returns the steps that may be carried out now, in order.
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
    /// The person it is about, for messages.
    pub subject: Subject,
    /// The change.
    pub action: Action,
    /// What must be found right before; otherwise the step is not carried out.
    pub expects: Precondition,
    /// Why it is wanted.
    pub reason: Reason,
    /// How many e-mails the server sends because of it.
    pub mails: u8,
    /// The steps that must have succeeded before.
    pub after: Vec<StepId>,
    /// Whether the user had more rights than `system_user` when the step was planned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub privileged: bool,
}

impl Step {
    /// Returns whether it takes something back because a person asked for it.
    pub fn is_undo(&self) -> bool {
        matches!(self.reason, Reason::Undone { .. })
    }
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
    /// The username; it is legal and free.
    pub username: String,
    /// The address; it is legal and free.
    pub email: String,
    /// The profile, from the first name to the locale.
    pub profile: Profile,
}

/// A value before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values {
    /// What the user has now; empty for none.
    pub from: String,
    /// What the user is to have; empty for none.
    pub to: String,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Create a user for an account and link them.
    CreateUser {
        /// The account that has no user yet.
        account: AccountKey,
        /// The user to create.
        user: NewUser,
        /// The account's username in the directory, which the link remembers.
        directory_username: String,
        /// Whether the server must be told to mark the address as verified.
        verified: bool,
    },
    /// Link an account with a user who was there before. Nothing is sent to the server.
    Adopt {
        /// The account, which no user is linked with yet.
        account: AccountKey,
        /// The user, who stays as they are.
        user: UserId,
        /// The account's username in the directory, which the link remembers.
        directory_username: String,
    },
    /// Move a link from an account that is gone to another one, which has the same second anchor.
    /// Nothing is sent to the server.
    MoveLink {
        /// The account that the user stands for from now on.
        account: AccountKey,
        /// The account that is gone.
        from: AccountKey,
        /// The user, who stays as they are.
        user: UserId,
        /// The new account's username in the directory, which the link remembers.
        directory_username: String,
        /// The second anchor that both have; `None` where a person moved the link.
        anchor: Option<String>,
    },
    /// Remove a link because a person says so. Nothing is sent to the server.
    Unlink {
        /// The account, which has no user afterwards.
        account: AccountKey,
        /// The user, who stays as they are.
        user: UserId,
        /// Whether the account is then treated as one that was never seen, and may be linked or get
        /// a user by itself. Otherwise it is left alone until a person says more.
        as_new: bool,
    },
    /// Change the username.
    Rename {
        /// The account that the user is linked with.
        account: AccountKey,
        /// The linked user.
        user: UserId,
        /// The username before and after.
        username: Values,
    },
    /// Change the e-mail address, and mark it as verified where the change unmarks it.
    ChangeEmail {
        /// The account that the user is linked with.
        account: AccountKey,
        /// The linked user.
        user: UserId,
        /// The address before and after.
        email: Values,
        /// Whether the server applies it only after the person confirmed the address: it is
        /// requested once and remembered.
        waits_for_click: bool,
    },
    /// Change fields of the profile.
    UpdateProfile {
        /// The account that the user is linked with.
        account: AccountKey,
        /// The linked user.
        user: UserId,
        /// The fields that differ, and only they.
        changes: BTreeMap<ProfileField, Values>,
    },
    /// Deactivate a user: they can no longer log in, and all their sessions end.
    Deactivate {
        /// The account, if the user is linked.
        account: Option<AccountKey>,
        /// The user, linked or not.
        user: UserId,
        /// The class that the guard counts it in: locked or missing; `None` if a person ordered it.
        class: Option<Class>,
        /// The person who ordered it by `mattersync deactivate`.
        ordered_by: Option<String>,
    },
    /// End all sessions of a user whom the server does not let us deactivate.
    EndSessions {
        /// The account, if the user is linked.
        account: Option<AccountKey>,
        /// The user, linked or not; they stay active.
        user: UserId,
        /// The class that the deactivation would have been counted in.
        class: Option<Class>,
    },
    /// Give an adopted user a random password, and end all their sessions, so that anybody who
    /// signed up in the person's name is out.
    ResetAccess {
        /// The account that the user is linked with.
        account: AccountKey,
        /// The linked user.
        user: UserId,
        /// Whether the user logs in through a service and therefore has no password here.
        bound: bool,
    },
    /// Reactivate a user whom we had deactivated.
    Reactivate {
        /// The account that the user is linked with.
        account: AccountKey,
        /// The linked user.
        user: UserId,
    },
    /// Delete a user for ever, with everything that they wrote. Nothing undoes it.
    Purge {
        /// The account. The link is forgotten afterwards.
        account: AccountKey,
        /// The user, who is deactivated.
        user: UserId,
    },
    /// Hand our own bot over to another administrator, before its owner is deactivated: the server
    /// would disable the bot, and with it our token.
    AssignBot {
        /// The account of the owner, if the owner is linked.
        account: Option<AccountKey>,
        /// The owner, who leaves.
        user: UserId,
        /// Our bot's own user id.
        bot: UserId,
        /// The bot's username.
        bot_name: String,
        /// The new owner.
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
        /// The account that the user is linked with, or is created for.
        account: AccountKey,
        /// The user, or the step that creates them.
        user: UserRef,
        /// The team, or the step that creates it.
        team: TeamRef,
        /// The team's name, for people and for the fingerprint.
        team_name: String,
    },
}

impl Action {
    /// Returns the name or address that the action gives to a user.
    pub fn value(&self) -> Option<&Values> {
        match self {
            Self::Rename { username, .. } => Some(username),
            Self::ChangeEmail { email, .. } => Some(email),
            _ => None,
        }
    }

    /// Returns whether this action gives a user the name or address that the other action frees.
    fn leads_to(&self, other: &Self) -> bool {
        let (Some(this), Some(next)) = (self.value(), other.value()) else {
            return false;
        };
        self.kind() == other.kind() && self.user() == other.user() && this.to == next.from
    }
}

/// The phases of a run; each begins when the one before has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Changes of links. Nothing is sent to the server.
    Link,
    /// Changes that must be made before people are deactivated.
    Keep,
    /// Deactivations, which free seats; ends of sessions; deletions for ever.
    Free,
    /// New usernames.
    Names,
    /// Changes of addresses, profiles and access.
    Change,
    /// Teams that do not exist yet.
    Places,
    /// Creations and reactivations, which take seats.
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
    /// The bot still belongs to this user, and the new owner is an active administrator.
    BotOwner(UserId),
}

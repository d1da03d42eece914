//! Decides lost outcomes of steps by reading, never by repeating the steps blindly.

use crate::model::{
    Action, Evidence, Memory, MemoryDelta, Now, Places, Roster, Step, TeamRef, User, UserId,
    UserRef,
};
use crate::plan::facts::effect::Effect;
use crate::plan::results::outcome::remember;

/// The outcome of a step whose outcome was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was carried out, and this follows.
    Done(MemoryDelta),
    /// Nothing will ever show whether it was carried out. It is not tried again, and this follows.
    Perhaps {
        /// What is not known, in words.
        why: String,
        /// What follows.
        delta: MemoryDelta,
    },
    /// It was not carried out; the plan decides again.
    NotDone,
    /// The reading does not show it.
    Unknown,
}

/// Decides the outcome of one step by a reading that was taken after it was sent.
pub fn outcome_by_reading(
    step: &Step,
    users: &Roster<UserId, User>,
    places: &Places,
    memory: &Memory,
    now: &Now,
) -> Settled {
    let effect = match &step.action {
        Action::CreateUser { account, user, .. } => {
            let nonce = memory.account(account).begun.as_ref();
            let nonce = nonce.map(|begun| begun.nonce.as_str());
            let ours = |u: &User| {
                u.username == user.username
                    && u.email == user.email
                    && nonce.is_some()
                    && u.props.get(User::NONCE_PROP).map(String::as_str) == nonce
            };
            // A user belongs to one account: a user who was linked to another one meanwhile is not
            // this one.
            let linked = |id: &UserId| {
                let mut links = memory.links();
                links.any(|(key, link)| link.user == *id && key != account)
            };
            let found = users.iter().find(|(id, u)| ours(u) && !linked(id));
            if found.is_none() && !users.gaps().is_empty() {
                return Settled::Unknown;
            }
            found.map(|(_, user)| Effect::Created(Box::new(user.clone())))
        }
        Action::Adopt { .. }
        | Action::MoveLink { .. }
        | Action::Unlink { .. }
        // The bot's owner is read in each cycle, and the plan decides again.
        | Action::AssignBot { .. }
        // To end them once more does no harm.
        | Action::EndSessions { .. }
        | Action::ResetAccess { .. }
        | Action::CreateTeam { .. } => None,
        // The server may have written to the person already, so it is not asked again.
        Action::ChangeEmail {
            user,
            email,
            waits_for_click: true,
            ..
        } => match users.look(user) {
            Evidence::Present(user) if user.email == email.to => Some(Effect::EmailChanged),
            _ => {
                return Settled::Perhaps {
                    why: format!(
                        "the e-mail to {} that asks for a click may or may not have been sent: \
                         mattersync or the connection broke off before the server answered. It is \
                         not sent again",
                        email.to
                    ),
                    delta: remember(step, &Effect::EmailAsked, memory, now),
                };
            }
        },
        Action::JoinTeam {
            user: UserRef::Existing(user),
            team: TeamRef::Existing(team),
            ..
        } => {
            let member = places.members.get(team).map(|members| members.look(user));
            let joined =
                matches!(member, Some(Evidence::Present(member)) if member.left_at.is_none());
            joined.then_some(Effect::Joined)
        }
        Action::JoinTeam { .. } => None,
        Action::Purge { user, .. } => match users.look(user) {
            Evidence::Present(_) => None,
            Evidence::Absent(_) => Some(Effect::Purged),
            Evidence::Unknown(_) => return Settled::Unknown,
        },
        Action::Rename { user, .. }
        | Action::ChangeEmail { user, .. }
        | Action::UpdateProfile { user, .. }
        | Action::Deactivate { user, .. }
        | Action::Reactivate { user, .. } => match users.look(user) {
            Evidence::Present(user) => seen(&step.action, user),
            Evidence::Absent(_) => None,
            Evidence::Unknown(_) => return Settled::Unknown,
        },
    };
    match effect {
        Some(effect) => Settled::Done(remember(step, &effect, memory, now)),
        None => Settled::NotDone,
    }
}

fn seen(action: &Action, user: &User) -> Option<Effect> {
    match action {
        Action::Rename { username, .. } => {
            (user.username == username.to).then_some(Effect::Renamed)
        }
        Action::ChangeEmail { email, .. } => {
            (user.email == email.to).then_some(Effect::EmailChanged)
        }
        Action::UpdateProfile { changes, .. } => {
            let all = changes.iter().all(|(field, v)| user.field(*field) == v.to);
            all.then(|| Effect::Updated(Box::new(user.clone())))
        }
        Action::Deactivate { .. } => user.deactivated_at.map(Effect::Deactivated),
        Action::Reactivate { .. } => user.is_active().then_some(Effect::Reactivated),
        _ => None,
    }
}

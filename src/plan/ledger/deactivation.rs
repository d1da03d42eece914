//! Deactivating a user: planned here and nowhere else, so that nobody who is out of reach is in a step.

use crate::model::{
    AccountKey, Action, Class, OwnBot, Precondition, Reason, Remember, StepId, Subject,
    Untouchable, User, UserChange, UserId, Version, Why,
};
use crate::plan::ledger::draft::Draft;

/// Plans a deactivation, unless the user is out of reach; then says so.
pub fn deactivate(
    draft: &mut Draft<'_>,
    subject: Subject,
    account: Option<AccountKey>,
    user: &User,
    class: Option<Class>,
    reason: Reason,
    after: Vec<StepId>,
) -> Option<StepId> {
    if let Some(why) = draft.untouchable(user) {
        draft.leave(subject, why);
        return None;
    }
    if let Some(why) = managed(draft, user, true) {
        draft.leave(subject.clone(), why);
        end_sessions(draft, subject, account, user, class, reason, after);
        return None;
    }
    if draft.admins.len() == 1 && draft.admins.contains(&user.id) {
        draft.leave(subject, Why::Untouchable(Untouchable::LastAdministrator));
        return None;
    }
    draft.admins.remove(&user.id);
    if let Some(why) = obstacle(draft, &user.id) {
        draft.leave(subject, Why::Untouchable(why));
        return None;
    }
    let ordered_by = match &reason {
        Reason::Ordered { by }
        | Reason::Undone {
            by, lasting: true, ..
        } => Some(by.clone()),
        _ => None,
    };
    let action = Action::Deactivate {
        account,
        user: user.id.clone(),
        class,
        ordered_by,
    };
    Some(draft.step(subject, action, Precondition::Active, reason, after))
}

/// Why this user must not be deactivated, if our bot would go with them and nobody could get it.
/// [`Draft::admins`] are those who stay without this user.
pub fn obstacle(draft: &Draft<'_>, user: &UserId) -> Option<Untouchable> {
    let bot = owned_bot(draft, user)?;
    if !draft.admins.is_empty() || bot.dies_with_owner == Some(false) {
        return None;
    }
    let bot = bot.name.clone();
    Some(Untouchable::OwnsOurBot { bot })
}

/// Our bot, if this user's deactivation would disable it.
pub fn owned_bot<'a>(draft: &Draft<'a>, user: &UserId) -> Option<&'a OwnBot> {
    let bot = draft.world.server.own_bot.as_ref()?;
    bot.owners.contains(user).then_some(bot)
}

/// From this version on servers refuse it (10.9 and 11.6 do, 5.38 and 9.1 do not).
const REFUSED_SINCE: Version = Version {
    major: 10,
    minor: 5,
    patch: 0,
};

/// The login service whose users keep their state. All others take it.
const LDAP: &str = "ldap";

/// Why this server would refuse to change the user's state: to deactivate them, or to reactivate
/// them.
pub fn managed(draft: &Draft<'_>, user: &User, out: bool) -> Option<Why> {
    let refuses = draft.world.server.version >= REFUSED_SINCE && user.auth_service == LDAP;
    refuses.then(|| Why::StateManaged {
        service: user.auth_service.clone(),
        name: user.username.clone(),
        out,
    })
}

/// Ends the sessions of somebody who cannot be deactivated, once: who logs in again meanwhile was
/// let in by the service that manages them. The socket has no call for it.
pub fn end_sessions(
    draft: &mut Draft<'_>,
    subject: Subject,
    account: Option<AccountKey>,
    user: &User,
    class: Option<Class>,
    reason: Reason,
    after: Vec<StepId>,
) {
    let ended = draft.world.memory.user(&user.id).sessions_ended.is_some();
    if ended || draft.world.server.own_user.is_none() {
        return;
    }
    let action = Action::EndSessions {
        account,
        user: user.id.clone(),
        class,
    };
    draft.step(subject, action, Precondition::Active, reason, after);
}

/// Forgets whose sessions were ended and whose account is in use again.
pub fn forget(draft: &mut Draft<'_>, user: &User) {
    if draft.world.memory.user(&user.id).sessions_ended.is_some() {
        draft.learn(Remember::User(
            user.id.clone(),
            UserChange::SessionsEnded(None),
        ));
    }
}

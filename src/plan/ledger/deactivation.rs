//! Deactivates users. No other place plans it, so that nobody who is out of reach is in a step.

use crate::model::{
    AccountKey, Action, Class, OwnBot, Precondition, Reason, Remember, StepId, Subject,
    Untouchable, User, UserChange, UserId, Version, Why,
};
use crate::plan::ledger::draft::Draft;

/// Plans a deactivation. If the user is out of reach, leaves them alone and says why.
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

/// Returns why this user must not be deactivated, if our bot would be disabled with them and nobody
/// else could own it. [`Draft::admins`] are the administrators who stay without this user.
pub fn obstacle(draft: &Draft<'_>, user: &UserId) -> Option<Untouchable> {
    let bot = owned_bot(draft, user)?;
    if !draft.admins.is_empty() || bot.dies_with_owner == Some(false) {
        return None;
    }
    let bot = bot.name.clone();
    Some(Untouchable::OwnsOurBot { bot })
}

/// Returns our bot, if this user's deactivation would disable it.
pub fn owned_bot<'a>(draft: &Draft<'a>, user: &UserId) -> Option<&'a OwnBot> {
    let bot = draft.world.server.own_bot.as_ref()?;
    bot.owners.contains(user).then_some(bot)
}

/// Servers refuse it from this version on (10.9 and 11.6 do, 5.38 and 9.1 do not).
const REFUSED_SINCE: Version = Version {
    major: 10,
    minor: 5,
    patch: 0,
};

/// The login service for which servers refuse it; for all others they allow it.
const LDAP: &str = "ldap";

/// Returns why this server would refuse to deactivate the user, or to reactivate without `out`.
pub fn managed(draft: &Draft<'_>, user: &User, out: bool) -> Option<Why> {
    let refuses = draft.world.server.version >= REFUSED_SINCE && user.auth_service == LDAP;
    refuses.then(|| Why::StateManaged {
        service: user.auth_service.clone(),
        name: user.username.clone(),
        out,
    })
}

/// Ends the sessions of a user who cannot be deactivated, once: if they log in again, the service
/// that manages them has let them in. The socket has no call for it.
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

/// Forgets that sessions were ended of a user whose account is in use again.
pub fn forget(draft: &mut Draft<'_>, user: &User) {
    if draft.world.memory.user(&user.id).sessions_ended.is_some() {
        draft.learn(Remember::User(
            user.id.clone(),
            UserChange::SessionsEnded(None),
        ));
    }
}

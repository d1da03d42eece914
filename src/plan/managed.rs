//! Users whose state another service manages: newer servers let nobody deactivate or reactivate who
//! logs in through LDAP, also where nothing but the binding is left of it.

use crate::model::{
    AccountKey, Action, Class, Precondition, Reason, Remember, StepId, Subject, User, UserChange,
    Version, Why,
};

use super::draft::Draft;

/// From this version on servers refuse it (10.9 and 11.6 do, 5.38 and 9.1 do not).
const REFUSED_SINCE: Version = Version {
    major: 10,
    minor: 5,
    patch: 0,
};

/// The login service whose users keep their state. All others take it.
const LDAP: &str = "ldap";

/// Why this server would refuse to change the user's state; `what` is not done.
pub fn state(draft: &Draft<'_>, user: &User, what: &str) -> Option<Why> {
    let refuses = draft.world.server.version >= REFUSED_SINCE && user.auth_service == LDAP;
    refuses.then(|| Why::StateManaged {
        service: user.auth_service.clone(),
        name: user.username.clone(),
        what: what.to_owned(),
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

//! Steps that take something back because a person asked for it.

use crate::model::{
    AccountChange, AccountKey, Action, Reason, Remember, Step, Subject, Undoing, Undone, User,
    ValueOf, full_name,
};
use crate::plan::facts::effect::Effect;
use crate::plan::ledger::draft::Draft;

/// Returns what to remember of the parts that were taken back once this step was carried out.
pub fn carried_out(step: &Step, effect: &Effect, list: &[Undone]) -> Option<Remember> {
    let key = step.action.account().filter(|_| step.is_undo())?;
    let mut left = Vec::with_capacity(list.len());
    for undone in list {
        let mut undone = undone.clone();
        let meant = match (&step.action, &undone.what) {
            // A temporary value does not count.
            (Action::Rename { username, .. }, Undoing::Value { of, back, .. }) => {
                *of == ValueOf::Username && username.to == *back
            }
            // Before the person confirmed the address, the change does not count either.
            (Action::ChangeEmail { email, .. }, Undoing::Value { of, back, .. }) => {
                *of == ValueOf::Email && email.to == *back && *effect == Effect::EmailChanged
            }
            (Action::UpdateProfile { changes, .. }, Undoing::Value { of, .. }) => {
                changes.keys().any(|field| *of == ValueOf::Field(*field))
            }
            (Action::Reactivate { .. }, Undoing::Reactivate { .. }) => true,
            // The rest is remembered with the link.
            (Action::Deactivate { .. }, Undoing::Deactivate { .. })
            | (Action::Unlink { .. }, Undoing::Unlink)
            | (Action::Adopt { .. }, Undoing::Link { .. }) => continue,
            _ => false,
        };
        undone.done |= meant;
        left.push(undone);
    }
    Some(Remember::Account(key.clone(), AccountChange::Undone(left)))
}

/// Returns why the steps that take it back are wanted.
pub fn reason(undone: &Undone) -> Reason {
    Reason::Undone {
        run: undone.run,
        by: undone.by.clone(),
        lasting: matches!(undone.what, Undoing::Deactivate { lasting: true }),
    }
}

/// Returns the subject of steps and messages about it.
pub fn subject(draft: &Draft<'_>, key: &AccountKey, undone: &Undone) -> Subject {
    let world = draft.world;
    let link = world.memory.link(key);
    let directory = world.directories.get(&key.provider);
    let account = directory.and_then(|directory| directory.accounts.get(&key.id));
    let dn = account.map(|account| account.dn.clone());
    let user = world.users.get(&undone.user);
    let name = user.map(|user| user.username.clone());
    Subject {
        account: Some(key.clone()),
        dn: dn.or_else(|| link.map(|link| link.last_dn.clone())),
        user: Some(undone.user.clone()),
        name: name
            .or_else(|| link.map(|link| link.last_username.clone()))
            .unwrap_or_else(|| undone.user.to_string()),
        email: user.map(|user| user.email.clone()),
        full_name: account
            .map(|account| &account.profile)
            .or_else(|| user.map(|user| &user.profile))
            .map(full_name)
            .unwrap_or_default(),
    }
}

/// Returns why nothing may be done to a user.
pub fn out_of_reach(draft: &Draft<'_>, user: &User) -> Option<String> {
    if draft.ordered.contains(&user.id) {
        return Some("somebody ordered `mattersync deactivate` since".to_owned());
    }
    draft.untouchable(user).map(|why| why.to_string())
}

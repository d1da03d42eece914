//! What people ordered: their word goes before what the directory says.

use crate::model::{
    AccountChange, AccountKey, Deactivation, Evidence, Link, Reason, Remember, Subject, User,
    UserChange, full_name,
};
use crate::plan::ledger::deactivation;
use crate::plan::ledger::draft::Draft;

/// Carries persons' orders to deactivate into the plan. A person's word goes before what the
/// directory says and before the guard.
pub fn ordered(draft: &mut Draft<'_>) {
    let memory = draft.world.memory;
    for (id, order) in memory.users_with(|user| user.order.as_ref()) {
        let account = draft.owner(id).cloned();
        let link = account.as_ref().and_then(|key| memory.link(key));
        let Evidence::Present(user) = draft.world.users.look(id) else {
            let name = link.map_or_else(|| id.to_string(), |l| l.last_username.clone());
            let subject = Subject {
                account,
                dn: link.map(|l| l.last_dn.clone()),
                user: Some(id.clone()),
                name,
                email: None,
                full_name: String::new(),
            };
            if draft.leave_unread(&subject, id) {
                draft.ordered.insert(id.clone());
            }
            continue;
        };
        draft.ordered.insert(id.clone());
        if user.is_active() {
            let subject = Subject {
                account: account.clone(),
                dn: link.map(|l| l.last_dn.clone()),
                user: Some(id.clone()),
                name: user.username.clone(),
                email: Some(user.email.clone()),
                full_name: full_name(&user.profile),
            };
            let by = order.by.clone();
            deactivation::deactivate(
                draft,
                subject,
                account,
                user,
                None,
                Reason::Ordered { by },
                Vec::new(),
            );
        } else {
            draft.learn(Remember::User(id.clone(), UserChange::Order(None)));
            if let (Some(key), Some(link)) = (account, link) {
                stays_out(draft, key, link.clone(), user, &order.by);
            }
        }
    }
}

/// Remembers the order of a user who was not active already: they do not come back by themselves
/// either.
fn stays_out(draft: &mut Draft<'_>, key: AccountKey, mut link: Link, user: &User, by: &str) {
    let by = by.to_owned();
    link.deactivated = Some(Deactivation {
        delete_at: user.deactivated_at,
        why: Reason::Ordered { by: by.clone() }.to_string(),
        ordered_by: Some(by),
    });
    draft.relinked.insert(key.clone(), link.clone());
    draft.learn(Remember::Account(key, AccountChange::Link(Some(link))));
}

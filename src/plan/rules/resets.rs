//! Who is adopted and whose password somebody else may know gets a random one, when a person says so.

use crate::model::{
    AccountKey, Action, Evidence, Order, Precondition, Reason, Remember, StepId, Subject, User,
    UserChange, UserId, full_name,
};
use crate::plan::facts::approvals::APPROVAL;
use crate::plan::ledger::draft::Draft;

/// Plans what people ordered for users who are, or are being, adopted.
pub fn ordered(draft: &mut Draft<'_>) {
    let memory = draft.world.memory;
    for (id, order) in memory.users_with(|user| user.reset.as_ref()) {
        let Evidence::Present(user) = draft.world.users.look(id) else {
            continue;
        };
        match link(draft, id) {
            Some((account, adoption)) if draft.untouchable(user).is_none() && user.is_active() => {
                reset(draft, account, user, order, adoption);
            }
            // The adoption still waits; its approval ends one day.
            None if draft.now.wall.since(order.at) < APPROVAL => {}
            _ => draft.learn(Remember::User(id.clone(), UserChange::Reset(None))),
        }
    }
}

/// Whom the user stands for, and the adoption that makes it so.
fn link(draft: &Draft<'_>, user: &UserId) -> Option<(AccountKey, Option<StepId>)> {
    if let Some(key) = draft.linked_accounts.owner(user) {
        return Some((key.clone(), None));
    }
    draft.plan.steps.iter().find_map(|step| match &step.action {
        Action::Adopt {
            account, user: u, ..
        } if u == user => Some((account.clone(), Some(step.id))),
        _ => None,
    })
}

fn reset(
    draft: &mut Draft<'_>,
    account: AccountKey,
    user: &User,
    order: &Order,
    adoption: Option<StepId>,
) {
    let subject = Subject {
        account: Some(account.clone()),
        dn: None,
        user: Some(user.id.clone()),
        name: user.username.clone(),
        email: Some(user.email.clone()),
        full_name: full_name(&user.profile),
    };
    let action = Action::ResetAccess {
        account,
        user: user.id.clone(),
        bound: !user.auth_service.is_empty(),
    };
    let reason = Reason::NewPassword {
        by: order.by.clone(),
    };
    let after = adoption.into_iter().collect();
    draft.step(subject, action, Precondition::Active, reason, after);
}

//! The bot that mattersync works as does not leave with the person who owns it: before its owner is
//! deactivated or deleted, it is handed over to an administrator who stays.

use crate::model::{AccountState, Action, Precondition, Reason, StepId, Subject, User, UserId};
use crate::plan::ledger::deactivation::owned_bot;
use crate::plan::ledger::draft::Draft;

/// Plans the hand-over that deactivations and deletions wait for. One is enough, whichever of the
/// owners leaves: the bot then belongs to a person directly.
pub fn before_leaving(draft: &mut Draft<'_>) {
    let ends = |action: &Action| match action {
        Action::Deactivate { user, .. } | Action::Purge { user, .. } => {
            owned_bot(draft, user).is_some()
        }
        _ => false,
    };
    let steps = draft.plan.steps.iter();
    let leaving: Vec<StepId> = steps.filter(|s| ends(&s.action)).map(|s| s.id).collect();
    let first = draft.plan.steps.iter().find(|s| leaving.contains(&s.id));
    let Some((subject, account, user)) = first.and_then(|step| {
        let user = step.action.user()?.clone();
        Some((step.subject.clone(), step.action.account().cloned(), user))
    }) else {
        return;
    };
    let server = draft.world.server;
    let (Some(bot), Some(id), Some(heir)) = (&server.own_bot, &server.own_user, heir(draft)) else {
        // There is nobody to give it to. This happens only where the server lets bots live on.
        return;
    };
    let Some(owner) = bot.owners.first() else {
        return;
    };
    let action = Action::AssignBot {
        account,
        user,
        bot: id.clone(),
        bot_name: bot.name.clone(),
        to: heir.id.clone(),
        to_name: heir.username.clone(),
    };
    let reason = Reason::OwnsOurBot {
        bot: bot.name.clone(),
        owner: name(draft, owner, &subject),
    };
    let expects = Precondition::BotOwner(owner.clone());
    let id = draft.step(subject, action, expects, reason, Vec::new());
    for step in &mut draft.plan.steps {
        if leaving.contains(&step.id) {
            step.after.push(id);
        }
    }
}

fn name(draft: &Draft<'_>, owner: &UserId, subject: &Subject) -> String {
    let user = draft.world.users.get(owner);
    user.map_or_else(|| subject.name.clone(), |user| user.username.clone())
}

/// Who gets the bot: of the active human administrators who stay, one whom no later plan takes out
/// by itself, if there is one.
fn heir<'a>(draft: &Draft<'a>) -> Option<&'a User> {
    let admins = draft.admins.iter();
    let admins = admins.filter_map(|id| draft.world.users.get(id));
    admins.min_by_key(|user| (prospect(draft, user), &user.username))
}

/// How far this user is from being deactivated by a later plan.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Prospect {
    /// No plan does it: no account stands behind them, or they are out of reach.
    Stays,
    /// The account is in use.
    InUse,
    /// The account is locked, missing, or not known.
    InDoubt,
}

fn prospect(draft: &Draft<'_>, user: &User) -> Prospect {
    let Some(key) = draft.owner(&user.id) else {
        return Prospect::Stays;
    };
    if draft.untouchable(user).is_some() {
        return Prospect::Stays;
    }
    let directory = draft.world.directories.get(&key.provider);
    match directory.and_then(|d| d.accounts.get(&key.id)) {
        Some(account) if matches!(account.state.by_locks(), AccountState::Active) => {
            Prospect::InUse
        }
        _ => Prospect::InDoubt,
    }
}

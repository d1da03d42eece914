//! The changes that take a recorded step back.

use crate::model::{
    AccountKey, Action, Memory, Outcome, Reason, StepRecord, Undoing, UserId, ValueOf, Values,
    shell_word,
};
use crate::plan::facts::names::legal_username;

/// The account, the user, and the changes that take a step back.
pub type Inverse = (AccountKey, UserId, Vec<Undoing>);

/// Returns what takes back a step that was carried out; `None` for a step that changed nothing.
///
/// # Errors
/// Returns why it cannot be taken back, and what to do instead.
pub fn inverse(record: &StepRecord, memory: &Memory) -> Result<Option<Inverse>, String> {
    let asked = record.made.as_ref().is_some_and(|made| made.asked);
    match &record.outcome {
        None | Some(Outcome::NotDone(_) | Outcome::NotBegun | Outcome::NeverArrived(_)) => {
            return Ok(None);
        }
        Some(Outcome::Unknown(_)) if !asked => {
            return Err(
                "it is not known yet whether it was done: the next cycle finds out; then try \
                 again"
                    .into(),
            );
        }
        Some(Outcome::Unknown(_) | Outcome::Done) => {}
    }
    if asked && let Some(email) = waits_for_click(record, memory) {
        return Err(format!(
            "the address does not change before the person clicks in the e-mail, so there is \
             nothing to take back yet. If {email} is not to become the address, set the old one in \
             the directory"
        ));
    }
    let made = record.made.as_ref();
    let (account, user) = match &record.step.action {
        Action::JoinTeam { team_name, .. } => {
            return Err(format!(
                "mattersync takes nobody out of a team: do it in Mattermost, in the team \
                 {team_name} under Manage Members"
            ));
        }
        Action::AssignBot {
            bot_name, to_name, ..
        } => {
            return Err(format!(
                "the bot {bot_name} stays with {to_name}, so that it does not stop with the former \
                 owner's job. To give it to somebody else: `mmctl bot assign {bot_name} USERNAME`"
            ));
        }
        Action::CreateTeam { name, .. } => {
            return Err(format!(
                "a team is never deleted: archive {name} in Mattermost's System Console, and take \
                 it out of the configuration"
            ));
        }
        Action::Deactivate { account: None, .. } => {
            return Err(format!(
                "no account is linked to the user, and mattersync reactivates only users with an \
                 account; nothing else holds them. To let them in again, activate the user in \
                 Mattermost's System Console, or type `mmctl user activate {}`",
                shell_word(&record.step.subject.name)
            ));
        }
        action => {
            let Some(account) = action.account() else {
                return Err("the record of the step names no account".into());
            };
            let user = action.user().or(made.and_then(|made| made.user.as_ref()));
            let user = user.or_else(|| memory.link(account).map(|link| &link.user));
            let Some(user) = user else {
                return Err("the user that it created was not recorded".into());
            };
            (account.clone(), user.clone())
        }
    };
    let undoing = undoing(record)?;
    Ok((!undoing.is_empty()).then_some((account, user, undoing)))
}

/// Returns the address that the step asked a person to confirm, while that may still happen.
fn waits_for_click<'r>(record: &'r StepRecord, memory: &Memory) -> Option<&'r str> {
    let Action::ChangeEmail { account, email, .. } = &record.step.action else {
        return None;
    };
    let link = memory.link(account)?;
    (link.email_waiting.as_ref() == Some(&email.to)).then_some(&email.to)
}

fn undoing(record: &StepRecord) -> Result<Vec<Undoing>, String> {
    let made = record.made.as_ref();
    let value = |of, Values { from, to }: &Values, directory| Undoing::Value {
        of,
        made: to.clone(),
        back: from.clone(),
        directory,
    };
    Ok(match &record.step.action {
        Action::Rename { username, .. } => {
            let directory = match &record.step.reason {
                Reason::Differs { directory, .. } => legal_username(directory),
                _ => None,
            };
            vec![value(ValueOf::Username, username, directory)]
        }
        Action::ChangeEmail { email, .. } => {
            let made_room = matches!(record.step.reason, Reason::MakesRoom { .. });
            let by_directory = by_directory(record) && !made_room;
            let directory = by_directory.then(|| email.to.clone());
            vec![value(ValueOf::Email, email, directory)]
        }
        Action::UpdateProfile { changes, .. } => {
            let changes = changes.iter();
            let undone = changes.map(|(field, values)| {
                // The server may have stored another value than the one that was sent.
                let stored = made.and_then(|made| made.stored.get(field));
                Undoing::Value {
                    of: ValueOf::Field(*field),
                    made: stored.unwrap_or(&values.to).clone(),
                    back: values.from.clone(),
                    directory: by_directory(record).then(|| values.to.clone()),
                }
            });
            undone.collect()
        }
        Action::Deactivate { .. } => vec![Undoing::Reactivate {
            delete_at: made.and_then(|made| made.delete_at),
        }],
        Action::Reactivate { .. } => vec![Undoing::Deactivate {
            lasting: by_directory(record),
        }],
        Action::CreateUser { .. } => vec![Undoing::Deactivate { lasting: true }],
        Action::Adopt { .. } => vec![Undoing::Unlink],
        Action::Purge { .. } => return Err("the user was deleted for ever".into()),
        Action::ResetAccess { .. } => {
            return Err(
                "the former password is not known: the person can ask for a new one with \"Forgot \
                 your password?\""
                    .into(),
            );
        }
        Action::MoveLink { account, user, .. } => {
            return Err(format!(
                "the second anchor says that both accounts are one person; if they are not: \
                 `mattersync unlink {}`, then `mattersync link ACCOUNT {user}`",
                shell_word(account.id.as_str())
            ));
        }
        Action::Unlink { .. } => vec![Undoing::Link {
            directory_username: record.step.subject.name.clone(),
        }],
        Action::AssignBot { .. }
        | Action::EndSessions { .. }
        | Action::CreateTeam { .. }
        | Action::JoinTeam { .. } => Vec::new(),
    })
}

/// Returns whether the directory had caused it; otherwise a person took something back with it.
fn by_directory(record: &StepRecord) -> bool {
    !matches!(record.step.reason, Reason::Undone { .. })
}

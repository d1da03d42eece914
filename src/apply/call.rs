//! One call: reads the user again, then writes.

use secrecy::SecretString;

use crate::mattermost::{ApiError, ApiErrorKind, EmailChange, WriteError, Writer};
use crate::model::{Action, Nonce, Precondition, Step, TeamId, User, UserId};
use crate::plan::Effect;

/// What one call needs. There are several steps only if all join one team.
pub struct Call<'a> {
    /// The client that writes.
    pub writer: &'a Writer,
    /// The steps.
    pub steps: Vec<&'a Step>,
    /// The user of each step, if it has one.
    pub users: Vec<Option<UserId>>,
    /// Our own bot, where the server disables it together with its owner.
    pub own_bot: Option<&'a UserId>,
    /// The user of the first step as the plan saw it.
    pub seen: Option<&'a User>,
    /// The team that they join.
    pub team: Option<TeamId>,
    /// The initial password, for a creation.
    pub password: Option<SecretString>,
    /// The nonce by which a creation is recognised.
    pub nonce: Option<Nonce>,
}

type Results<'a> = Vec<(&'a Step, Result<Effect, WriteError>)>;

impl<'a> Call<'a> {
    /// Makes the call. Returns one result for each step.
    pub async fn make(self) -> Results<'a> {
        match self.steps.as_slice() {
            [step] if !matches!(step.action, Action::JoinTeam { .. }) => {
                let user = self.users.first().cloned().flatten();
                let result = match self.check(step, user.as_ref()).await {
                    Ok(()) => self.write(step, user.as_ref()).await,
                    Err(stale) => self.finish_earlier(step, stale).await,
                };
                let result = match result {
                    Err(WriteError::Refused(error)) => Err(self.with_holder(step, error).await),
                    other => other,
                };
                vec![(*step, result)]
            }
            _ => self.join().await,
        }
    }

    /// Reads the user again, and checks that what the plan saw is still so.
    async fn check(&self, step: &Step, user: Option<&UserId>) -> Result<(), WriteError> {
        let (Some(id), false) = (user, step.expects == Precondition::Nothing) else {
            return Ok(());
        };
        if let (Action::AssignBot { bot, to, .. }, Precondition::BotOwner(owner)) =
            (&step.action, &step.expects)
        {
            return self.check_hand_over(bot, owner, to).await;
        }
        let read = self.writer.reader().user(id).await;
        let user = read.map_err(WriteError::NotSent)?;
        let Some(user) = user else {
            return Err(stale("the user", "there", "gone"));
        };
        let differs = promoted(self.seen, &user).or_else(|| differs(&step.expects, &user));
        differs.map_or(Ok(()), Err)?;
        match (&step.action, self.own_bot) {
            (Action::Deactivate { user, .. }, Some(bot)) => self.check_own_branch(bot, user).await,
            _ => Ok(()),
        }
    }

    /// Reads the owner of our own bot: somebody may have given it to this user meanwhile.
    async fn check_own_branch(&self, bot: &UserId, user: &UserId) -> Result<(), WriteError> {
        let owner = self.writer.reader().bot_owner(bot).await;
        if owner.map_err(WriteError::NotSent)?.as_ref() == Some(user) {
            let found = "this user: the server would disable our bot with them";
            return Err(stale("the owner of our bot", "somebody else", found));
        }
        Ok(())
    }

    /// Reads the bot's owner, and whether the new owner is still an active administrator.
    async fn check_hand_over(
        &self,
        bot: &UserId,
        owner: &UserId,
        to: &UserId,
    ) -> Result<(), WriteError> {
        let reader = self.writer.reader();
        let found = reader.bot_owner(bot).await.map_err(WriteError::NotSent)?;
        if found.as_ref() != Some(owner) {
            let found = found.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
            return Err(stale("the bot's owner", owner.as_str(), &found));
        }
        let heir = reader.user(to).await.map_err(WriteError::NotSent)?;
        if heir.is_some_and(|u| u.is_active() && u.is_admin() && !u.is_bot) {
            Ok(())
        } else {
            let now = "no longer an active administrator";
            Err(stale("the new owner", "an active administrator", now))
        }
    }

    /// Adds to an error who has the name or address: the server refuses it without saying who.
    async fn with_holder(&self, step: &Step, mut error: ApiError) -> WriteError {
        let reader = self.writer.reader();
        let (name, address) = match &step.action {
            Action::CreateUser { user, .. } => (user.username.as_str(), user.email.as_str()),
            Action::Rename { username, .. } => (username.to.as_str(), ""),
            Action::ChangeEmail { email, .. } => ("", email.to.as_str()),
            _ => ("", ""),
        };
        let (value, holder) = match error.kind() {
            ApiErrorKind::UsernameTaken => (name, reader.user_by_username(name).await),
            ApiErrorKind::EmailTaken => (address, reader.user_by_email(address).await),
            ApiErrorKind::Other if error.status == 400 && !name.is_empty() => {
                // The names of users and of groups are unique together, and the server's refusal
                // has neither an id nor a text for it.
                error.message = format!("{} (perhaps a group is called {name})", error.message);
                return WriteError::Refused(error);
            }
            _ => return WriteError::Refused(error),
        };
        let holder = match holder {
            Ok(Some(user)) => format!(
                "belongs to {} <{}>, user {}",
                user.username, user.email, user.id
            ),
            Ok(None) => "belongs to nobody any more".to_owned(),
            Err(_) => "belongs to somebody".to_owned(),
        };
        error.message = format!("{} {value} {holder}", error.message);
        WriteError::Refused(error)
    }

    /// Completes a change of address that an earlier run sent and that arrived only now: the
    /// address still has to be marked as verified.
    async fn finish_earlier(&self, step: &Step, stale: WriteError) -> Result<Effect, WriteError> {
        match (&step.action, &stale) {
            (Action::ChangeEmail { user, email, .. }, WriteError::Stale { found, .. })
                if *found == email.to =>
            {
                let marked = self.writer.verify_email(user).await;
                marked.map(|()| Effect::EmailChanged)
            }
            // The hand-over of an earlier run arrived after all.
            (Action::AssignBot { to, .. }, WriteError::Stale { found, .. })
                if found == to.as_str() =>
            {
                Ok(Effect::BotAssigned)
            }
            _ => Err(stale),
        }
    }

    async fn write(&self, step: &Step, user: Option<&UserId>) -> Result<Effect, WriteError> {
        let Some(user) = user else {
            return self.make_new(step).await;
        };
        let writer = self.writer;
        match &step.action {
            Action::Adopt { .. } => Ok(Effect::Adopted),
            Action::MoveLink { .. } => Ok(Effect::Moved),
            Action::Unlink { .. } => Ok(Effect::Unlinked),
            Action::Rename { username, .. } => {
                writer.rename(user, username).await.map(|_| Effect::Renamed)
            }
            Action::ChangeEmail { email, .. } => match writer.change_email(user, email).await {
                Ok(EmailChange::Applied(_)) => Ok(Effect::EmailChanged),
                Ok(EmailChange::WaitsForClick(_)) => Ok(Effect::EmailAsked),
                // This includes the case that only the mark was lost; the next cycle sets it.
                Err(error) => Err(error),
            },
            Action::UpdateProfile { changes, .. } => {
                let answer = as_answered(writer.update_profile(user, changes).await);
                answer.map(|user| Effect::Updated(Box::new(user)))
            }
            Action::Deactivate { .. } => match writer.deactivate(user).await {
                Ok(user) => match user.deactivated_at {
                    Some(at) => Ok(Effect::Deactivated(at)),
                    None => Err(stale("the user", "inactive", "active after the call")),
                },
                Err(error) => Err(error),
            },
            Action::Reactivate { .. } => writer.reactivate(user).await.map(|_| Effect::Reactivated),
            Action::Purge { .. } => writer
                .delete_permanently(user)
                .await
                .map(|()| Effect::Purged),
            Action::ResetAccess { bound, .. } => {
                let password = self.password.as_ref().filter(|_| !bound);
                let done = writer.reset_access(user, password).await;
                done.map(|()| Effect::AccessReset)
            }
            Action::EndSessions { .. } => writer
                .end_sessions(user)
                .await
                .map(|()| Effect::SessionsEnded),
            Action::AssignBot { bot, to, .. } => writer
                .assign_bot(bot, to)
                .await
                .map(|()| Effect::BotAssigned),
            Action::CreateUser { .. } | Action::CreateTeam { .. } | Action::JoinTeam { .. } => Err(
                stale("the step", "about a new user", "about an existing one"),
            ),
        }
    }

    async fn make_new(&self, step: &Step) -> Result<Effect, WriteError> {
        match (&step.action, &self.password, &self.nonce) {
            (Action::CreateUser { user, verified, .. }, Some(password), Some(nonce)) => {
                let made = self
                    .writer
                    .create_user(user, password, nonce, *verified)
                    .await;
                as_answered(made).map(|user| Effect::Created(Box::new(user)))
            }
            (Action::CreateTeam { name, display_name }, _, _) => {
                match self.writer.create_team(name, display_name).await {
                    Ok(team) => Ok(Effect::TeamMade(team.id)),
                    Err(error) if error.kind() == Some(ApiErrorKind::TeamExists) => {
                        self.found_team(name, error).await
                    }
                    Err(error) => Err(error),
                }
            }
            _ => Err(stale(
                "the step",
                "complete",
                "without user, password or nonce",
            )),
        }
    }

    /// Looks for the team again, in case somebody created it meanwhile.
    async fn found_team(&self, name: &str, error: WriteError) -> Result<Effect, WriteError> {
        match self.writer.reader().team_by_name(name).await {
            Ok(Some(team)) if team.archived_at.is_none() => Ok(Effect::TeamMade(team.id)),
            _ => Err(error),
        }
    }

    async fn join(&self) -> Results<'a> {
        let Some(team) = &self.team else {
            let gone = || Err(stale("the team", "there", "not made"));
            return self.steps.iter().map(|step| (*step, gone())).collect();
        };
        let known: Vec<UserId> = self.users.iter().flatten().cloned().collect();
        let mut results = self.writer.add_team_members(team, &known).await.into_iter();
        let mut next = |user: &Option<UserId>| match user {
            Some(_) => results
                .next()
                .unwrap_or_else(|| Err(stale("the answer", "there for each user", "missing")))
                .map(|()| Effect::Joined),
            None => Err(stale("the user", "there", "not made")),
        };
        let steps = self.steps.iter().zip(&self.users);
        steps.map(|(step, user)| (*step, next(user))).collect()
    }
}

/// Returns the answer for a user who was changed, but not exactly as asked, as a success: the answer
/// is remembered as it is.
fn as_answered(result: Result<User, WriteError>) -> Result<User, WriteError> {
    match result {
        Err(WriteError::Otherwise { user, what }) => {
            tracing::warn!("done for {}, but not as asked: {what}", user.username);
            Ok(*user)
        }
        other => other,
    }
}

fn differs(expects: &Precondition, user: &User) -> Option<WriteError> {
    let text = |field: &str, expected: &str, found: &str| {
        (expected != found).then(|| stale(field, expected, found))
    };
    match expects {
        // The owner of a bot is not a part of the user.
        Precondition::Nothing | Precondition::BotOwner(_) => None,
        Precondition::Active => {
            (!user.is_active()).then(|| stale("the user", "active", "inactive"))
        }
        Precondition::DeactivatedAt(at) if user.deactivated_at == Some(*at) => None,
        Precondition::DeactivatedAt(at) => {
            let found = user.deactivated_at;
            let found = found.map_or_else(|| "active".to_owned(), |at| at.to_string());
            Some(stale("the deactivation", &at.to_string(), &found))
        }
        Precondition::Username(name) => text("username", name, &user.username),
        Precondition::Email(email) => text("e-mail address", email, &user.email),
        Precondition::Profile(values) => values
            .iter()
            .find_map(|(field, value)| text(field.api_name(), value, user.field(*field))),
    }
}

/// Returns the error for a user who got more rights since the plan was made, or became a bot: they
/// are left alone.
fn promoted(seen: Option<&User>, now: &User) -> Option<WriteError> {
    let usual = |role: &&String| !["system_user", "system_guest"].contains(&role.as_str());
    let had = |role: &&String| seen.is_some_and(|seen| seen.roles.contains(*role));
    let more: Vec<&str> = now
        .roles
        .iter()
        .filter(|role| usual(role) && !had(role))
        .map(String::as_str)
        .collect();
    if !more.is_empty() {
        let found = more.join(", ");
        return Some(stale("the user's rights", "those of a user", &found));
    }
    let became_bot = now.is_bot && seen.is_none_or(|seen| !seen.is_bot);
    became_bot.then(|| stale("the user", "a person", "a bot"))
}

fn stale(field: &str, expected: &str, found: &str) -> WriteError {
    WriteError::Stale {
        field: field.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}

//! Makes one change at a time. Nothing here decides whether a change is right, or repeats one.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::model::{NewUser, Nonce, ProfileField, Team, TeamId, Timestamp, User, UserId, Values};

use super::client::Client;
use super::error::{ApiErrorKind, CallError, WriteError};
use super::ids::is_id;
use super::reader::Reader;
use super::transport::{AccessKind, Method};
use super::wire::{self, ApiBatchRow, ApiBot, ApiMember, ApiTeam, ApiUser};

/// How many members are added with one call. The server accepts 256, but works on them for 12 s.
pub const TEAM_BATCH: usize = 50;
/// How much time one more member in a batch may take.
const TIME_FOR_MEMBER: Duration = Duration::from_millis(250);
/// How much more time than another call a deletion may take: the server searches all posts.
const TIME_FOR_DELETION: Duration = Duration::from_secs(120);

/// Changes things on the server. It can read too, as a [`Reader`].
///
/// An error says that nothing was changed ([`WriteError::surely_unchanged`]), or that this is not
/// known ([`WriteError::Unknown`]); then the caller reads, and does not repeat the call blindly.
#[derive(Clone, Debug)]
pub struct Writer {
    reader: Reader,
}

impl Deref for Writer {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

/// The outcome of a change of address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailChange {
    /// The user has the new address, marked as verified.
    Applied(User),
    /// The user keeps the old address until they click in the e-mail that was sent to the new one
    /// (`RequireEmailVerification`). A second request would send another e-mail.
    WaitsForClick(User),
}

impl Client {
    /// Returns a writer over this client, which can read too.
    pub fn writer(&self) -> Writer {
        Writer {
            reader: self.reader(),
        }
    }
}

impl Writer {
    /// Returns the reader, for those who may only read.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Creates a user without a welcome e-mail, recognisable by `nonce`. With `verified` the
    /// address is marked as verified: at creation, or by a second call if the server ignored that.
    ///
    /// # Errors
    /// [`WriteError::Otherwise`] if the user was created, but differs from what was asked (for
    /// example the first user of a server becomes an administrator).
    pub async fn create_user(
        &self,
        user: &NewUser,
        password: &SecretString,
        nonce: &Nonce,
        verified: bool,
    ) -> Result<User, WriteError> {
        let body = wire::new_user(user, password.expose_secret(), nonce, verified);
        let answer: ApiUser = self.client().write(Method::Post, "/users", body).await?;
        let is_verified = answer.email_verified;
        let made = self.whole(answer)?;
        if let Some(what) = created_otherwise(user, nonce, &made) {
            return Err(otherwise(made, what));
        }
        if verified && !is_verified {
            self.verify_again(&made).await?;
        }
        Ok(made)
    }

    /// Changes the username from one to another.
    pub async fn rename(&self, id: &UserId, username: &Values) -> Result<User, WriteError> {
        let user = self.whole(self.change(id, &[("username", username)]).await?)?;
        if user.username == username.to {
            Ok(user)
        } else {
            let what = format!("the username is \"{}\"", user.username);
            Err(otherwise(user, what))
        }
    }

    /// Changes the address from one to another, and marks it as verified where the change unmarked
    /// it. The server sends an e-mail in any case: call this at most once.
    ///
    /// # Errors
    /// [`WriteError::Otherwise`] if the address was changed, but could not be marked as verified.
    pub async fn change_email(
        &self,
        id: &UserId,
        email: &Values,
    ) -> Result<EmailChange, WriteError> {
        let answer = self.change(id, &[("email", email)]).await?;
        let is_verified = answer.email_verified;
        let user = self.whole(answer)?;
        if user.email != email.to.to_lowercase() {
            return Ok(EmailChange::WaitsForClick(user));
        }
        if !is_verified {
            self.verify_again(&user).await?;
        }
        Ok(EmailChange::Applied(user))
    }

    /// Changes the given fields from their values to others, and nothing else.
    ///
    /// # Errors
    /// [`WriteError::Otherwise`] if the server stored another value, for example for a locale that
    /// it does not know.
    pub async fn update_profile(
        &self,
        id: &UserId,
        changes: &BTreeMap<ProfileField, Values>,
    ) -> Result<User, WriteError> {
        let fields: Vec<(&'static str, &Values)> = changes
            .iter()
            .map(|(field, values)| (field.api_name(), values))
            .collect();
        let user = self.whole(self.change(id, &fields).await?)?;
        let differs = changes
            .iter()
            .find(|(field, values)| user.field(**field) != values.to);
        match differs {
            None => Ok(user),
            Some((field, _)) => {
                let what = format!("{field} is \"{}\"", user.field(*field));
                Err(otherwise(user, what))
            }
        }
    }

    /// Deactivates a user: all their sessions end. The user is read back, with the server's
    /// `delete_at`. For a user who is inactive already this would move `delete_at`, so check that
    /// first.
    pub async fn deactivate(&self, id: &UserId) -> Result<User, WriteError> {
        self.set_active(id, false).await
    }

    /// Reactivates a user, and reads them back.
    ///
    /// # Errors
    /// [`ApiErrorKind::UserLimit`] if no seat is free.
    pub async fn reactivate(&self, id: &UserId) -> Result<User, WriteError> {
        self.set_active(id, true).await
    }

    /// Gives a user another password, if one is given, and ends all sessions if the transport has
    /// the call for it (the socket has not). May be repeated.
    pub async fn reset_access(
        &self,
        id: &UserId,
        password: Option<&SecretString>,
    ) -> Result<(), WriteError> {
        if let Some(password) = password {
            let path = format!("/users/{id}/password");
            let body = json!({"new_password": password.expose_secret()});
            let _: Value = self.client().write(Method::Put, &path, body).await?;
        }
        match self.client().way() {
            AccessKind::Token => self.end_sessions(id).await,
            AccessKind::Local => Ok(()),
        }
    }

    /// Ends all sessions of a user, not over the socket. Access tokens stay.
    pub async fn end_sessions(&self, id: &UserId) -> Result<(), WriteError> {
        let path = format!("/users/{id}/sessions/revoke/all");
        let sent = self
            .client()
            .write_for(Method::Post, &path, None, Duration::ZERO);
        sent.await.map(|_| ())
    }

    /// Gives a bot to another person. To give it to its present owner changes nothing.
    ///
    /// # Errors
    /// The errors that [`Writer`] describes. The server refuses to give a bot to a bot.
    pub async fn assign_bot(&self, bot: &UserId, owner: &UserId) -> Result<(), WriteError> {
        let path = format!("/bots/{bot}/assign/{owner}");
        let sent = self
            .client()
            .write_for(Method::Post, &path, None, Duration::ZERO);
        let (_, answer) = sent.await?;
        let answer: ApiBot = wire::parse(&answer.body).map_err(|why| garbled(&path, &why))?;
        if answer.owner_id == owner.as_str() {
            Ok(())
        } else {
            Err(garbled(&path, "the bot still belongs to somebody else"))
        }
    }

    /// Deletes a user for ever, with posts, memberships, tokens, webhooks and commands; this cannot
    /// be undone. The user's bots and OAuth applications stay (measured on 5.38). Over the socket
    /// it works even if the server's setting forbids it.
    ///
    /// # Errors
    /// [`ApiErrorKind::DeletionNotEnabled`] if the setting `EnableAPIUserDeletion` is off,
    /// [`ApiErrorKind::NotFound`] if there is no such user.
    pub async fn delete_permanently(&self, id: &UserId) -> Result<(), WriteError> {
        if !is_id(id.as_str()) {
            // The same call without an id would delete everybody (`mmctl user deleteall`).
            return Err(WriteError::NotSent(CallError::Garbled {
                call: "DELETE /users/{id}".into(),
                why: "this is not an id".into(),
            }));
        }
        let path = format!("/users/{id}?permanent=true");
        let (_, answer) = self
            .client()
            .write_for(Method::Delete, &path, None, TIME_FOR_DELETION)
            .await?;
        let said: Value = wire::parse(&answer.body).map_err(|why| garbled(&path, &why))?;
        if said["status"] == "OK" {
            Ok(())
        } else {
            Err(garbled(&path, "it does not say that it is done"))
        }
    }

    /// Creates a team to which people are invited or added; they cannot join by themselves.
    ///
    /// # Errors
    /// [`ApiErrorKind::TeamExists`] if the name is taken, also by an archived team.
    pub async fn create_team(&self, name: &str, display_name: &str) -> Result<Team, WriteError> {
        let body = json!({"name": name, "display_name": display_name, "type": "O"});
        let team: ApiTeam = self.client().write(Method::Post, "/teams", body).await?;
        team.into_team()
            .ok_or_else(|| garbled("POST /teams", "the team's id is not one"))
    }

    /// Adds users to a team. Returns one result for each, in their order; it is not an error if a
    /// user is a member already. At most [`TEAM_BATCH`] go into one call; a caller who wants to
    /// stop in between gives no more at once.
    pub async fn add_team_members(
        &self,
        team: &TeamId,
        users: &[UserId],
    ) -> Vec<Result<(), WriteError>> {
        let mut results = Vec::with_capacity(users.len());
        for batch in users.chunks(TEAM_BATCH) {
            if self.client().way() == AccessKind::Token {
                match self.add_batch(team, batch).await {
                    Err(error) if error.kind() == Some(ApiErrorKind::NotOffered) => {}
                    Err(error) => {
                        results.extend(batch.iter().map(|_| Err(error.clone())));
                        continue;
                    }
                    Ok(rows) => {
                        results.extend(rows);
                        continue;
                    }
                }
            }
            for user in batch {
                results.push(self.add_member(team, user).await);
            }
        }
        results
    }

    async fn add_batch(
        &self,
        team: &TeamId,
        users: &[UserId],
    ) -> Result<Vec<Result<(), WriteError>>, WriteError> {
        let path = format!("/teams/{team}/members/batch?graceful=true");
        let body = users.iter().map(|user| member_body(team, user)).collect();
        let more_time = TIME_FOR_MEMBER * u32::try_from(users.len()).unwrap_or(u32::MAX);
        let (_, answer) = self
            .client()
            .write_for(Method::Post, &path, Some(body), more_time)
            .await?;
        let rows: Vec<ApiBatchRow> =
            wire::parse(&answer.body).map_err(|why| garbled(&path, &why))?;
        let mut by_user: BTreeMap<String, ApiBatchRow> = rows
            .into_iter()
            .map(|row| (row.user_id.clone(), row))
            .collect();
        let result = |user: &UserId| match by_user.remove(user.as_str()) {
            Some(row) => row.error.map_or(Ok(()), |error| {
                Err(WriteError::from_write(CallError::Api {
                    call: format!("POST {path}"),
                    error: error.into_error(0),
                }))
            }),
            None => Err(garbled(&path, "the user is not in the answer")),
        };
        Ok(users.iter().map(result).collect())
    }

    async fn add_member(&self, team: &TeamId, user: &UserId) -> Result<(), WriteError> {
        let path = format!("/teams/{team}/members");
        let body = member_body(team, user);
        let row: ApiMember = self.client().write(Method::Post, &path, body).await?;
        if row.user() == *user {
            Ok(())
        } else {
            Err(garbled(&path, "it is not about the user"))
        }
    }

    /// Sends only the fields that change or, if the transport has no patch, the whole user.
    async fn change(
        &self,
        id: &UserId,
        fields: &[(&'static str, &Values)],
    ) -> Result<ApiUser, WriteError> {
        if self.client().way() == AccessKind::Token {
            let body: Map<String, Value> = fields
                .iter()
                .map(|(name, values)| ((*name).to_owned(), values.to.as_str().into()))
                .collect();
            let path = format!("/users/{id}/patch");
            match self.client().write(Method::Put, &path, body.into()).await {
                Err(error) if error.kind() == Some(ApiErrorKind::NotOffered) => {}
                result => return result,
            }
        }
        self.change_whole(id, fields).await
    }

    async fn set_active(&self, id: &UserId, active: bool) -> Result<User, WriteError> {
        let path = format!("/users/{id}/active");
        let body = json!({ "active": active });
        let _: Value = self.client().write(Method::Put, &path, body).await?;
        match self.user(id).await {
            Ok(Some(user)) if user.is_active() == active => {
                self.client().note(&user);
                Ok(user)
            }
            Ok(Some(user)) => {
                let what = if active {
                    "still inactive"
                } else {
                    "still active"
                };
                Err(otherwise(user, what.into()))
            }
            Ok(None) => Err(garbled(&path, "the user is gone")),
            Err(error) => Err(WriteError::Unknown(error)),
        }
    }

    /// Returns the user in an answer to a change; from now on nothing older is believed.
    fn whole(&self, answer: ApiUser) -> Result<User, WriteError> {
        let user = answer.into_user();
        let user = user.map_err(|bad| garbled("the answer to a change", &bad.why))?;
        self.client().note(&user);
        Ok(user)
    }

    /// Returns, once, the `update_at` in the answer to the last change of a user.
    pub fn take_answered(&self, user: &UserId) -> Option<Timestamp> {
        self.client().take_answered(user)
    }

    /// Marks a user's address as verified. May be repeated, and sends no e-mail.
    pub async fn verify_email(&self, id: &UserId) -> Result<(), WriteError> {
        self.mark_verified(id).await.map(|_| ())
    }

    /// Marks the address as verified. The user was changed already, so an error contains the user.
    async fn verify_again(&self, user: &User) -> Result<(), WriteError> {
        self.mark_verified(&user.id).await.map(|_| ()).map_err(|e| {
            let what = format!("the address could not be marked as verified: {e}");
            otherwise(user.clone(), what)
        })
    }
}

/// Returns how a created user differs from what was asked.
fn created_otherwise(asked: &NewUser, nonce: &Nonce, made: &User) -> Option<String> {
    if made.is_admin() {
        return Some("it became a system administrator".into());
    }
    let nonce_kept = made.props.get(User::NONCE_PROP).map(String::as_str) == Some(nonce.as_str());
    let texts = [
        ("username", asked.username.as_str(), made.username.as_str()),
        ("address", asked.email.as_str(), made.email.as_str()),
    ];
    let fields = asked.profile.iter();
    let fields = fields.map(|(f, wanted)| (f.api_name(), wanted.as_str(), made.field(*f)));
    let differs = texts
        .into_iter()
        .chain(fields)
        .find(|(_, wanted, got)| wanted != got);
    match differs {
        Some((name, _, got)) => Some(format!("{name} is \"{got}\"")),
        None if !nonce_kept => Some("it does not carry our mark".into()),
        None => None,
    }
}

fn member_body(team: &TeamId, user: &UserId) -> Value {
    json!({"team_id": team.as_str(), "user_id": user.as_str()})
}

fn otherwise(user: User, what: String) -> WriteError {
    WriteError::Otherwise {
        user: Box::new(user),
        what,
    }
}

/// Returns the error for an answer that does not tell what the server did.
fn garbled(call: &str, why: &str) -> WriteError {
    WriteError::Unknown(CallError::Garbled {
        call: call.to_owned(),
        why: why.to_owned(),
    })
}

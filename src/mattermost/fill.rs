//! Asks by id and by name for users that a list did not contain.

use std::collections::BTreeSet;

use crate::model::{Gap, Lookup, Rejected, Roster, User, UserId};

use super::error::{ApiErrorKind, CallError};
use super::pages::is_too_large;
use super::reader::Reader;
use super::rows::{batches, ids_body, understood};
use super::wire::ApiUser;

impl Reader {
    /// Looks up by id the users of `ids` who are not in the roster. Adds those whom the server
    /// knows. The others are certainly absent, or unknown if the request failed. A user whose row
    /// cannot be used counts as present and is not asked for. Costs a request for each thousand
    /// users who were not seen, and as a rule none.
    ///
    /// # Errors
    /// An error if a request failed. The roster then answers "unknown" for the users concerned.
    pub async fn fill_in(
        &self,
        roster: &mut Roster<UserId, User>,
        ids: &BTreeSet<UserId>,
    ) -> Result<(), CallError> {
        let is_seen = |id: &UserId| roster.get(id).is_some() || roster.is_rejected(id);
        let unseen = ids.iter().filter(|id| !is_seen(id));
        let unseen: BTreeSet<UserId> = unseen.cloned().collect();
        self.read_again(roster, &unseen).await
    }

    /// Reads these users by id, whether they are in the roster or not, and keeps the newer row. A
    /// user who is neither found nor in the roster is certainly absent.
    /// # Errors
    /// An error if a request failed. The roster then answers "unknown" for users whom it did not
    /// have.
    pub async fn read_again(
        &self,
        roster: &mut Roster<UserId, User>,
        ids: &BTreeSet<UserId>,
    ) -> Result<(), CallError> {
        let mut failed = None;
        // The batches still to be requested; one whose answer is too large is split in halves.
        let mut batches = batches(ids.iter());
        while let Some(batch) = batches.pop() {
            match self.users_by_id(&batch).await {
                // Only a request for a single user tells whose row it is.
                Ok((_, rejected)) if rejected.iter().any(is_anonymous) && batch.len() > 1 => {
                    let (first, second) = batch.split_at(batch.len() / 2);
                    batches.extend([first.to_vec(), second.to_vec()]);
                }
                Ok((users, rejected)) => {
                    let found: BTreeSet<&UserId> = users.iter().map(|user| &user.id).collect();
                    let bad = rejected.iter().filter_map(|bad| bad.key.as_ref());
                    let found: BTreeSet<&UserId> = found.into_iter().chain(bad).collect();
                    let nobodys = rejected.iter().find(|bad| is_anonymous(bad));
                    for id in batch.iter().filter(|id| !found.contains(id)) {
                        let said = match nobodys {
                            Some(bad) => Err(Gap::Rejected(bad.why.clone())),
                            None => Ok(Lookup::Nowhere),
                        };
                        roster.add_lookup(id.clone(), said);
                    }
                    for user in users {
                        let newer = |u: &User| u.updated_at <= user.updated_at;
                        if roster.get(&user.id).is_none_or(newer) {
                            roster.insert(user.id.clone(), user);
                        }
                    }
                    rejected.into_iter().for_each(|bad| roster.reject(bad));
                }
                Err(error) if is_too_large(&error) && batch.len() > 1 => {
                    let (first, second) = batch.split_at(batch.len() / 2);
                    batches.extend([first.to_vec(), second.to_vec()]);
                }
                Err(error) => {
                    for id in batch {
                        roster.add_lookup(id, Err(Gap::Lookup(error.to_string())));
                    }
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Looks up the usernames that no user in the roster has, and adds the users found: for a
    /// creation with an unknown outcome the name is known and the id is not. A user who cannot be
    /// read is rejected under that name and does not stop the others. Costs a request for each
    /// username that was not seen.
    ///
    /// # Errors
    /// An error if the request for a name failed, and no other one succeeded.
    pub async fn fill_in_named(
        &self,
        roster: &mut Roster<UserId, User>,
        usernames: &BTreeSet<String>,
    ) -> Result<(), CallError> {
        let seen: BTreeSet<String> = roster.iter().map(|(_, u)| u.username.clone()).collect();
        for name in usernames.difference(&seen) {
            let found = self.user_by_username(name).await;
            add(roster, name, "name", found)?;
        }
        Ok(())
    }

    /// Looks up addresses in the same way: a user who cannot be read is rejected under the address.
    ///
    /// # Errors
    /// An error if the request for an address failed, and no other one succeeded.
    pub async fn fill_in_addressed(
        &self,
        roster: &mut Roster<UserId, User>,
        addresses: &BTreeSet<String>,
    ) -> Result<(), CallError> {
        let seen: BTreeSet<String> = roster.iter().map(|(_, u)| u.email.clone()).collect();
        for address in addresses.difference(&seen) {
            let found = self.user_by_email(address).await;
            add(roster, address, "address", found)?;
        }
        Ok(())
    }

    async fn users_by_id(
        &self,
        ids: &[UserId],
    ) -> Result<(Vec<User>, Vec<Rejected<UserId>>), CallError> {
        let rows = self
            .client()
            .ask_rows("/users/ids", ids_body(ids), ApiUser::FIELDS)
            .await?;
        let mut users = Vec::with_capacity(rows.len());
        let mut rejected = Vec::new();
        for row in rows {
            match understood(row) {
                Ok(user) => users.push(user),
                Err(bad) => rejected.push(bad),
            }
        }
        Ok((users, rejected))
    }
}

fn add(
    roster: &mut Roster<UserId, User>,
    asked: &str,
    what: &str,
    found: Result<Option<User>, CallError>,
) -> Result<(), CallError> {
    match found {
        Ok(None) => {}
        Ok(Some(user)) => roster.insert(user.id.clone(), user),
        Err(error) if is_about_one(&error) => roster.reject(Rejected {
            key: None,
            name: asked.to_owned(),
            why: format!("the user of this {what} cannot be read: {error}"),
        }),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Returns whether a row does not tell whose it is.
fn is_anonymous(bad: &Rejected<UserId>) -> bool {
    bad.key.is_none()
}

/// Returns whether a request about one user failed in a way that says nothing about other requests.
fn is_about_one(error: &CallError) -> bool {
    use ApiErrorKind::{Foreign, NoPermission, NotOffered, RateLimited, TokenRejected};
    match error {
        CallError::Send { .. } => is_too_large(error),
        CallError::Garbled { .. } => true,
        CallError::NoRights { .. } => false,
        CallError::Api { error, .. } => !matches!(
            error.kind(),
            Foreign | NoPermission | NotOffered | RateLimited | TokenRejected
        ),
    }
}

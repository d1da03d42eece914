//! Reads from the server. No call here changes anything.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use serde::de::DeserializeOwned;

use crate::model::{
    Evidence, Gap, Lookup, Member, Proof, Rejected, Roster, ServerFacts, SourceIdentity, Team,
    TeamId, Timestamp, User, UserId,
};

use super::client::Client;
use super::error::{ApiErrorKind, CallError};
use super::ids::is_id;
use super::pages::List;
use super::rows::{Listed, batches, ids_body, is_username};
use super::transport::{AccessKind, MAX_RECEIVED};
use super::wire::{ApiBot, ApiMember, ApiTeam, ApiUser, segment};

/// How many pages of one list are read: 500,000 rows. A longer list is not believed.
const MAX_PAGES: usize = 2_500;
const ENDLESS: &str = "the list does not end";

/// Reads from the server and cannot write: it has no call that writes, and does not give its client
/// away. Every method fails if the server could not be asked, or a page could not be read.
///
/// ```
/// # async fn f(writer: &mattersync::mattermost::Writer, id: &mattersync::model::UserId) {
/// let _ = writer.deactivate(id).await;
/// # }
/// ```
/// ```compile_fail
/// # async fn f(reader: &mattersync::mattermost::Reader, id: &mattersync::model::UserId) {
/// let _ = reader.deactivate(id).await;
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Reader {
    client: Client,
}

impl Client {
    /// Returns a reader over this client, which cannot change anything.
    pub fn reader(&self) -> Reader {
        Reader {
            client: self.clone(),
        }
    }
}

impl Reader {
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Reads all users, bots and deactivated users included. Costs five requests for each thousand.
    ///
    /// Pages shift while they are read, so a user may be missed. Therefore the roster proves the
    /// absence of a linked user only after [`Reader::fill_in`] with that user's id.
    pub async fn users(&self) -> Result<Roster<UserId, User>, CallError> {
        let mut listed = Listed::default();
        self.list_users("", &mut listed).await?;
        let Listed {
            users,
            rejected,
            doubts,
        } = listed;
        let seen = users.len() + rejected.len();
        let absence = Ok(self.proof(seen));
        let mut roster = Roster::new(users, rejected, absence, self.source("users"));
        if seen == 0 && self.client.way() == AccessKind::Token {
            // The token's owner at least must be there, so an empty list cannot be true.
            roster.doubt(Gap::Empty);
        }
        for doubt in doubts {
            roster.doubt(Gap::Paging(doubt));
        }
        Ok(roster)
    }

    /// Reads all users and compares them with what the server said about itself before: a list
    /// without our own user, or with fewer users than the server counts, is incomplete. Because
    /// pages shift, the list is read a second time before it is called incomplete.
    pub async fn users_of(&self, server: &ServerFacts) -> Result<Roster<UserId, User>, CallError> {
        let mut roster = self.users().await?;
        if self.missing_from(&roster, server).is_some() {
            let again = self.users().await?;
            for (id, user) in again.iter() {
                if roster
                    .get(id)
                    .is_none_or(|u| u.updated_at < user.updated_at)
                {
                    roster.insert(id.clone(), user.clone());
                }
            }
            if let Some(gap) = self.missing_from(&roster, server) {
                roster.doubt(gap);
            }
        }
        Ok(roster)
    }

    fn missing_from(&self, roster: &Roster<UserId, User>, server: &ServerFacts) -> Option<Gap> {
        let read = roster.len() + roster.rejected().len();
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        let without_us = |id: &&UserId| matches!(roster.look(id), Evidence::Absent(_));
        if server.own_user.as_ref().filter(without_us).is_some() {
            let us = "the account that mattersync works with";
            return Some(Gap::Sentinel(us.into()));
        }
        let told = server.users.filter(|told| *told > read)?;
        Some(Gap::Short { read, told })
    }

    /// Reads one user; `None` if the server says that there is none. (Over the socket 5.38 may
    /// still know a user who was deleted for ever.)
    pub async fn user(&self, id: &UserId) -> Result<Option<User>, CallError> {
        if !is_id(id.as_str()) {
            return Ok(None);
        }
        self.one_user(&format!("/users/{id}")).await
    }

    /// Reads the user with a username; the user may be deactivated.
    pub async fn user_by_username(&self, username: &str) -> Result<Option<User>, CallError> {
        let name = username.to_lowercase();
        if !is_username(&name) {
            // No user can have it, and the server would answer with another error.
            return Ok(None);
        }
        self.one_user(&format!("/users/username/{name}")).await
    }

    /// Reads the user with an e-mail address; the user may be deactivated.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, CallError> {
        let email = email.to_lowercase();
        if email.is_empty() || !email.contains('@') {
            return Ok(None);
        }
        self.one_user(&format!("/users/email/{}", segment(&email)))
            .await
    }

    /// Reads the owner of the token; `None` over the socket.
    ///
    /// # Errors
    /// An error if the server could not be asked; for a rejected token it is
    /// [`ApiErrorKind::TokenRejected`].
    #[cfg(any(test, feature = "rooms"))]
    pub async fn own_user(&self) -> Result<Option<User>, CallError> {
        match self.client.way() {
            AccessKind::Local => Ok(None),
            AccessKind::Token => self.one_user("/users/me").await,
        }
    }

    /// Reads the owner of a bot; `None` if a plugin owns it, or it is not a bot.
    pub async fn bot_owner(&self, bot: &UserId) -> Result<Option<UserId>, CallError> {
        let path = format!("/bots/{bot}?include_deleted=true");
        let bot: Option<ApiBot> = found(self.client.get(&path).await)?;
        let owner = bot.map(|bot| bot.owner_id).filter(|id| is_id(id));
        Ok(owner.map(UserId::new))
    }

    /// Reads the users whose deactivation would disable a bot: its owner and, if that is a bot too,
    /// that bot's owner. Empty for a bot that owns itself. Costs a request, and one more for each
    /// further bot.
    pub async fn bot_owners(
        &self,
        bot: &UserId,
        users: &Roster<UserId, User>,
    ) -> Result<Vec<UserId>, CallError> {
        let mut owners: Vec<UserId> = Vec::new();
        let mut last = bot.clone();
        while let Some(owner) = self.bot_owner(&last).await? {
            if owner == *bot || owners.contains(&owner) {
                break;
            }
            owners.push(owner.clone());
            if !users.get(&owner).is_some_and(|user| user.is_bot) {
                break;
            }
            last = owner;
        }
        Ok(owners)
    }

    /// Reads the team with a name; the team may be archived.
    pub async fn team_by_name(&self, name: &str) -> Result<Option<Team>, CallError> {
        let path = format!("/teams/name/{}", segment(&name.to_lowercase()));
        self.one_team(path).await
    }

    /// Reads the team with an id; the team may be archived. `None` if it was deleted for ever.
    pub async fn team(&self, id: &TeamId) -> Result<Option<Team>, CallError> {
        self.one_team(format!("/teams/{id}")).await
    }

    async fn one_team(&self, path: String) -> Result<Option<Team>, CallError> {
        let team: Option<ApiTeam> = found(self.client.get(&path).await)?;
        team.map(|team| {
            team.into_team()
                .ok_or_else(|| garbled(&path, "the team's id is not one"))
        })
        .transpose()
    }

    /// Reads the members of a team, with five requests for each thousand. Because pages shift, the
    /// users of `linked` who were not seen are asked for once more by id, where the transport
    /// offers that.
    pub async fn team_members(
        &self,
        team: &TeamId,
        linked: &BTreeSet<UserId>,
    ) -> Result<Roster<UserId, Member>, CallError> {
        let listed = match self.client.way() {
            AccessKind::Local => None,
            AccessKind::Token => offered(self.listed_members(team).await)?,
        };
        let by_id = listed.is_some();
        let members = match listed {
            Some(members) => members,
            // The socket has no list of members, but lists users by team.
            None => {
                let mut listed = Listed::default();
                let filter = format!("in_team={team}&");
                self.list_users(&filter, &mut listed).await?;
                if let Some(doubt) = listed.doubts.pop() {
                    return Err(garbled("/users?in_team=", &doubt));
                }
                let users = listed.users;
                users
                    .into_keys()
                    .map(|id| (id, Member { left_at: None }))
                    .collect()
            }
        };
        let proof = self.proof(members.len());
        let mut roster = Roster::new(members, Vec::new(), Ok(proof), self.source(team.as_str()));
        if by_id {
            self.fill_in_members(&mut roster, team, linked).await?;
        }
        Ok(roster)
    }

    /// Reads by id who of these is in a team and not in the roster of its members.
    ///
    /// # Errors
    /// An error if a request failed.
    pub async fn fill_in_members(
        &self,
        roster: &mut Roster<UserId, Member>,
        team: &TeamId,
        linked: &BTreeSet<UserId>,
    ) -> Result<(), CallError> {
        let seen: BTreeSet<UserId> = roster.iter().map(|(id, _)| id.clone()).collect();
        for batch in batches(linked.difference(&seen)) {
            let path = format!("/teams/{team}/members/ids");
            let rows: Vec<ApiMember> = self.client.ask(&path, ids_body(&batch)).await?;
            let found: BTreeSet<UserId> = rows.iter().map(ApiMember::user).collect();
            for id in batch.into_iter().filter(|id| !found.contains(id)) {
                roster.add_lookup(id, Ok(Lookup::Nowhere));
            }
            for row in rows {
                roster.insert(row.user(), row.member());
            }
        }
        Ok(())
    }

    async fn listed_members(&self, team: &TeamId) -> Result<BTreeMap<UserId, Member>, CallError> {
        let mut members = BTreeMap::new();
        let mut bad = false;
        let list = List {
            path: &format!("/teams/{team}/members?"),
            id: "user_id",
            keep: ApiMember::FIELDS,
            max_pages: MAX_PAGES,
        };
        let take = |row| match serde_json::from_value::<ApiMember>(row) {
            Ok(row) => {
                members.insert(row.user(), row.member());
            }
            Err(_) => bad = true,
        };
        let ending = self.client.read_list(&list, take).await?;
        let doubt = ending.doubts.into_iter().next();
        let endless = || ending.goes_on.then(|| ENDLESS.to_owned());
        let misread = || {
            let unread = bad || !ending.too_large.is_empty();
            unread.then(|| "the description of a member is not understood".to_owned())
        };
        match doubt.or_else(endless).or_else(misread) {
            None => Ok(members),
            Some(why) => Err(garbled("/teams/{id}/members", &why)),
        }
    }

    /// Reads every page of a list of users. Of two rows of one user the newer one counts.
    async fn list_users(&self, filter: &str, listed: &mut Listed) -> Result<(), CallError> {
        let list = List {
            path: &format!("/users?{filter}"),
            id: "id",
            keep: ApiUser::FIELDS,
            max_pages: MAX_PAGES,
        };
        let ending = self.client.read_list(&list, |row| listed.add(row)).await?;
        if ending.goes_on {
            return Err(garbled("/users", ENDLESS));
        }
        listed.doubts = ending.doubts;
        listed
            .rejected
            .extend(ending.too_large.iter().map(|place| Rejected {
            key: None,
            name: format!("number {place} of the list, in the order of usernames"),
            why: format!(
                "the server's description of this user is longer than {MAX_RECEIVED} bytes: look at \
                 the user's props and notify_props"
            ),
        }));
        Ok(())
    }

    async fn one_user(&self, path: &str) -> Result<Option<User>, CallError> {
        let user: Option<ApiUser> = found(self.client.get_part(path, ApiUser::FIELDS).await)?;
        user.map(|user| user.into_user().map_err(|bad| garbled(path, &bad.why)))
            .transpose()
    }

    fn proof(&self, entries: usize) -> Proof {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Proof {
            at: Timestamp::default().after(since_1970.unwrap_or_default()),
            source: self.client.label().to_owned(),
            entries,
            lookup: None,
        }
    }

    fn source(&self, context: &str) -> SourceIdentity {
        SourceIdentity {
            name: self.client.label().to_owned(),
            context: context.to_owned(),
            ..SourceIdentity::default()
        }
    }
}

/// Turns "not found" into an answer.
fn found<T: DeserializeOwned>(result: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match result {
        Err(error) if error.kind() == Some(ApiErrorKind::NotFound) => Ok(None),
        other => other.map(Some),
    }
}

/// Turns "not offered" into an answer.
pub(super) fn offered<T>(result: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match result {
        Err(error) if error.kind() == Some(ApiErrorKind::NotOffered) => Ok(None),
        other => other.map(Some),
    }
}

fn garbled(call: &str, why: &str) -> CallError {
    CallError::Garbled {
        call: call.to_owned(),
        why: why.to_owned(),
    }
}

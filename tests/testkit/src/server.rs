//! A Mattermost in memory that obeys the rules that matter to a plan.

use std::collections::{BTreeMap, BTreeSet};

use mattersync::model::{
    Action, Capabilities, Gap, Member, OwnBot, Places, Proof, Roster, Seats, ServerFacts,
    SourceIdentity, StepId, Team, TeamId, TeamRef, Timestamp, User, UserId, UserRef, Version,
};
use mattersync::plan::Effect;

/// The server.
#[derive(Clone, Debug)]
pub struct Server {
    pub users: BTreeMap<UserId, User>,
    pub teams: BTreeMap<String, Team>,
    pub members: BTreeMap<TeamId, BTreeMap<UserId, Member>>,
    /// The server's clock; every write moves it.
    pub clock: i64,
    /// The most active users, bots apart.
    pub seat_limit: Option<u64>,
    /// Whether it tells its limit; over the local socket it does not.
    pub tells_seats: bool,
    pub verifies_email: bool,
    pub max_users_per_team: Option<u64>,
    pub may_delete_users: Option<bool>,
    pub domains: Vec<String>,
    pub own_user: Option<UserId>,
    /// Whose our own bot is, where the own user is one.
    pub bot_owner: Option<UserId>,
    /// `DisableBotsWhenOwnerIsDeactivated`.
    pub bots_die: bool,
    /// Whose sessions were ended, each time.
    pub sessions_ended: Vec<UserId>,
    /// Addresses that wait for a click.
    pub asked: BTreeMap<UserId, Vec<String>>,
    /// Why the reading of users proves nothing.
    pub gaps: Vec<Gap>,
    pub writes: usize,
    /// Whether names and addresses are compared with those of all other users.
    pub checks: bool,
    next: u32,
}

impl Server {
    /// A server with one active human administrator, `root`.
    pub fn new() -> Self {
        let mut server = Self::empty();
        let root = server.stranger("root", "root@example.org");
        server.user(&root).roles.insert("system_admin".into());
        server
    }

    /// A server without any user.
    pub fn empty() -> Self {
        Self {
            users: BTreeMap::new(),
            teams: BTreeMap::new(),
            members: BTreeMap::new(),
            clock: 1_000_000,
            seat_limit: None,
            tells_seats: true,
            verifies_email: false,
            max_users_per_team: None,
            may_delete_users: Some(true),
            domains: Vec::new(),
            own_user: None,
            bot_owner: None,
            bots_die: true,
            sessions_ended: Vec::new(),
            asked: BTreeMap::new(),
            gaps: Vec::new(),
            writes: 0,
            checks: true,
            next: 0,
        }
    }

    /// Adds a user that nobody links, as an administrator would.
    pub fn stranger(&mut self, username: &str, email: &str) -> UserId {
        self.next += 1;
        let id = UserId::new(format!("u{:05}", self.next));
        let user = User {
            id: id.clone(),
            username: username.into(),
            email: email.into(),
            profile: BTreeMap::new(),
            roles: BTreeSet::from(["system_user".to_owned()]),
            auth_service: String::new(),
            is_bot: false,
            is_remote: false,
            deactivated_at: None,
            created_at: Timestamp(self.clock),
            updated_at: Timestamp(self.clock),
            props: BTreeMap::new(),
        };
        self.users.insert(id.clone(), user);
        id
    }

    /// The user, to be changed by hand.
    pub fn user(&mut self, id: &UserId) -> &mut User {
        self.users.get_mut(id).expect("a user of this server")
    }

    pub fn by_name(&self, username: &str) -> Option<&User> {
        self.users.values().find(|u| u.username == username)
    }

    pub fn name_is_free(&self, username: &str, but: Option<&UserId>) -> bool {
        let mut others = self.users.values().filter(|u| Some(&u.id) != but);
        others.all(|u| u.username != username)
    }

    pub fn email_is_free(&self, email: &str, but: Option<&UserId>) -> bool {
        let mut others = self.users.values().filter(|u| Some(&u.id) != but);
        others.all(|u| u.email != email)
    }

    pub fn active(&self) -> u64 {
        let seated = self.users.values().filter(|u| u.is_active() && !u.is_bot);
        seated.count() as u64
    }

    pub fn human_admins(&self) -> usize {
        let users = self.users.values();
        users
            .filter(|u| u.is_active() && u.is_admin() && !u.is_bot)
            .count()
    }

    /// Deactivates or reactivates by an administrator's hand.
    pub fn set_active(&mut self, id: &UserId, active: bool) {
        self.clock += 1;
        let at = Timestamp(self.clock);
        self.user(id).deactivated_at = (!active).then_some(at);
    }

    /// The person clicks in the mail: the last address asked for becomes theirs, if it is free.
    pub fn click(&mut self, id: &UserId) {
        let asked = self.asked.remove(id).unwrap_or_default();
        if let Some(email) = asked
            .last()
            .filter(|e| self.email_is_free(e, None))
            .cloned()
        {
            self.user(id).email = email;
        }
    }

    pub fn roster(&self) -> Roster<UserId, User> {
        let absence = match self.gaps.is_empty() {
            true => Ok(proof(self.users.len())),
            false => Err(self.gaps.clone()),
        };
        let source = SourceIdentity::default();
        Roster::new(self.users.clone(), Vec::new(), absence, source)
    }

    pub fn places(&self) -> Places {
        let members = self.members.iter().map(|(team, members)| {
            let proof = Ok(proof(members.len()));
            let roster = Roster::new(
                members.clone(),
                Vec::new(),
                proof,
                SourceIdentity::default(),
            );
            (team.clone(), roster)
        });
        Places {
            teams: self.teams.clone(),
            members: members.collect(),
            ..Places::default()
        }
    }

    fn own_bot(&self) -> Option<OwnBot> {
        let us = self.users.get(self.own_user.as_ref()?)?;
        us.is_bot.then(|| OwnBot {
            name: us.username.clone(),
            owners: self.bot_owner.iter().cloned().collect(),
            dies_with_owner: Some(self.bots_die),
        })
    }

    /// Whether the token still works that everything is done with.
    pub fn token_works(&self) -> bool {
        let us = self.own_user.as_ref().and_then(|id| self.users.get(id));
        us.is_none_or(User::is_active)
    }

    /// The server disables the bots of who is deactivated or deleted.
    fn disable_bots_of(&mut self, owner: &UserId) {
        if self.bots_die
            && self.bot_owner.as_ref() == Some(owner)
            && let Some(us) = self.own_user.clone()
        {
            self.set_active(&us, false);
        }
    }

    pub fn facts(&self) -> ServerFacts {
        ServerFacts {
            version: Version {
                major: 11,
                minor: 6,
                patch: 0,
            },
            own_user: self.own_user.clone(),
            own_bot: self.own_bot(),
            capabilities: Capabilities {
                patch: true,
                team_batch: true,
                team_members_list: true,
            },
            seats: match self.seat_limit {
                _ if !self.tells_seats => Seats::Unknown,
                Some(limit) => Seats::Limited {
                    limit,
                    active: self.active(),
                },
                None => Seats::Unlimited,
            },
            require_email_verification: Some(self.verifies_email),
            restrict_to_domains: self.domains.clone(),
            max_users_per_team: self.max_users_per_team,
            may_delete_users: self.may_delete_users,
            password_policy: None,
            refused_password: None,
            mail: None,
            users: None,
            unread: Vec::new(),
        }
    }

    /// Carries one action out, or refuses it with the words of an error.
    pub fn execute(&mut self, action: &Action, made: &Made, nonce: &str) -> Result<Effect, String> {
        if !self.token_works() {
            return Err("the token is dead".into());
        }
        self.writes += 1;
        self.clock += 1;
        match action {
            Action::Adopt { .. } => Ok(Effect::Adopted),
            Action::MoveLink { .. } => Ok(Effect::Moved),
            Action::Unlink { .. } => Ok(Effect::Unlinked),
            Action::CreateUser { user, .. } => {
                self.may_take(&user.username, &user.email, None)?;
                self.needs_seat()?;
                let id = self.stranger(&user.username, &user.email);
                let profile = user.profile.iter().map(|(f, v)| (*f, stored(*f, v)));
                let profile = profile.filter(|(_, v)| !v.is_empty()).collect();
                let new = self.user(&id);
                new.profile = profile;
                new.props.insert(User::NONCE_PROP.into(), nonce.into());
                Ok(Effect::Created(Box::new(new.clone())))
            }
            Action::Rename { user, username, .. } => {
                let email = self.known(user)?.email.clone();
                self.may_take(&username.to, &email, Some(user))?;
                self.user(user).username.clone_from(&username.to);
                Ok(Effect::Renamed)
            }
            Action::ChangeEmail { user, email, .. } => {
                let name = self.known(user)?.username.clone();
                self.may_take(&name, &email.to, Some(user))?;
                if self.verifies_email {
                    let asked = self.asked.entry(user.clone()).or_default();
                    asked.push(email.to.clone());
                    return Ok(Effect::EmailAsked);
                }
                self.user(user).email.clone_from(&email.to);
                Ok(Effect::EmailChanged)
            }
            Action::UpdateProfile { user, changes, .. } => {
                self.known(user)?;
                let user = self.user(user);
                for (field, values) in changes {
                    match stored(*field, &values.to) {
                        value if value.is_empty() => user.profile.remove(field),
                        value => user.profile.insert(*field, value),
                    };
                }
                Ok(Effect::Updated(Box::new(user.clone())))
            }
            Action::Deactivate { user, .. } => {
                self.known(user)?;
                self.disable_bots_of(user);
                self.set_active(user, false);
                Ok(Effect::Deactivated(Timestamp(self.clock)))
            }
            Action::Reactivate { user, .. } => {
                self.known(user)?;
                self.needs_seat()?;
                self.set_active(user, true);
                Ok(Effect::Reactivated)
            }
            Action::Purge { user, .. } => {
                self.known(user)?;
                self.disable_bots_of(user);
                self.users.remove(user);
                for members in self.members.values_mut() {
                    members.remove(user);
                }
                Ok(Effect::Purged)
            }
            Action::ResetAccess { user, .. } => {
                self.known(user)?;
                self.sessions_ended.push(user.clone());
                Ok(Effect::AccessReset)
            }
            Action::EndSessions { user, .. } => {
                self.known(user)?;
                self.sessions_ended.push(user.clone());
                Ok(Effect::SessionsEnded)
            }
            Action::AssignBot { to, .. } => {
                self.known(to)?;
                self.bot_owner = Some(to.clone());
                Ok(Effect::BotAssigned)
            }
            Action::CreateTeam { name, display_name } => self.create_team(name, display_name),
            Action::JoinTeam { user, team, .. } => {
                let (Some(user), Some(team)) = (made.user(user), made.team(team)) else {
                    return Err("nobody to join, or nothing to join".into());
                };
                self.join(&team, &user)
            }
        }
    }

    fn create_team(&mut self, name: &str, display_name: &str) -> Result<Effect, String> {
        if self.teams.contains_key(name) {
            return Err(format!("the team {name} exists"));
        }
        let id = TeamId::new(format!("t{}", self.teams.len()));
        let team = Team {
            id: id.clone(),
            name: name.into(),
            display_name: display_name.into(),
            archived_at: None,
            group_constrained: false,
            allowed_domains: Vec::new(),
        };
        self.teams.insert(name.into(), team);
        self.members.insert(id.clone(), BTreeMap::new());
        Ok(Effect::TeamMade(id))
    }

    fn join(&mut self, team: &TeamId, user: &UserId) -> Result<Effect, String> {
        if !self.known(user)?.is_active() {
            return Err(format!("{user} is not active and cannot join"));
        }
        let members = self.members.entry(team.clone()).or_default();
        let in_it = || members.values().filter(|m| m.left_at.is_none()).count() as u64;
        if self.max_users_per_team.is_some_and(|max| in_it() >= max) {
            return Err(format!("the team {team} is full"));
        }
        members.insert(user.clone(), Member { left_at: None });
        Ok(Effect::Joined)
    }

    fn known(&self, id: &UserId) -> Result<&User, String> {
        self.users.get(id).ok_or_else(|| format!("no user {id}"))
    }

    fn may_take(&self, name: &str, email: &str, but: Option<&UserId>) -> Result<(), String> {
        if !self.checks {
            return Ok(());
        }
        if !self.name_is_free(name, but) {
            return Err(format!("the username {name} is taken"));
        }
        if !self.email_is_free(email, but) {
            return Err(format!("the address {email} is taken"));
        }
        let legal = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-');
        if name.is_empty() || name.len() > 64 || !name.chars().all(legal) {
            return Err(format!("the username {name:?} is not legal"));
        }
        Ok(())
    }

    fn needs_seat(&self) -> Result<(), String> {
        match self.seat_limit {
            Some(limit) if self.active() >= limit => Err("no seat is left".into()),
            _ => Ok(()),
        }
    }
}

/// A server replaces a locale that it does not know.
fn stored(field: mattersync::model::ProfileField, value: &str) -> String {
    let unknown = field == mattersync::model::ProfileField::Locale && value != "de";
    if unknown { "en".into() } else { value.into() }
}

/// A proof that a reading was complete.
pub fn proof(entries: usize) -> Proof {
    Proof {
        at: Timestamp(0),
        source: "test".into(),
        entries,
        lookup: None,
    }
}

/// What earlier steps of a run have made.
#[derive(Default)]
pub struct Made {
    pub users: BTreeMap<StepId, UserId>,
    pub teams: BTreeMap<StepId, TeamId>,
}

impl Made {
    fn user(&self, user: &UserRef) -> Option<UserId> {
        match user {
            UserRef::Existing(id) => Some(id.clone()),
            UserRef::Made(step) => self.users.get(step).cloned(),
        }
    }

    fn team(&self, team: &TeamRef) -> Option<TeamId> {
        match team {
            TeamRef::Existing(id) => Some(id.clone()),
            TeamRef::Made(step) => self.teams.get(step).cloned(),
        }
    }
}

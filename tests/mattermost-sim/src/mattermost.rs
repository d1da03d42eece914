//! The handle on a simulated server's state: seeding it, reading it, making it fail.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::call::Call;
use crate::channels::{Channel, ChannelMember};
use crate::errors::Answer;
use crate::faults::{Commit, Effect, Fault, Record, Seen, is_write};
use crate::limits::{Verdict, too_many};
use crate::mail::Mail;
use crate::options::{Options, UserLimit, Version};
use crate::posts::Post;
use crate::routes;
use crate::teams::{self, Team, TeamMember};
use crate::users::{User, create};
use crate::world::{Who, World};

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is answered.
    Answer(Answer),
    /// The connection is closed without an answer.
    Cut,
    /// It is never answered.
    Hang,
}

/// A password that satisfies every policy of every version.
pub const PASSWORD: &str = "Sync-Passw0rd!";

/// A simulated server. Clones are handles on the same state.
#[derive(Clone, Debug)]
pub struct Mattermost(Arc<Mutex<World>>);

/// Handles on the same state are equal.
impl PartialEq for Mattermost {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Mattermost {}

impl Mattermost {
    /// A fresh server, behind no socket; see [`crate::Sim`] for one that listens.
    #[must_use]
    pub fn new(options: &Options) -> Mattermost {
        Mattermost(Arc::new(Mutex::new(World::new(options))))
    }

    /// A server of its own with the state of now, as a read replica that lags behind has it: what is
    /// done to one does not reach the other.
    #[must_use]
    pub fn replica(&self) -> Mattermost {
        let mut world = self.world().clone();
        world.record = Record::default();
        Mattermost(Arc::new(Mutex::new(world)))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what a request asks, and tells what becomes of it and how much later.
    pub(crate) fn decide(&self, call: &Call) -> (Fate, Duration) {
        let mut world = self.world();
        let now = world.clock.now();
        let struck = world.record.strike(call, now);
        let delay = world.latency + struck.delay;
        let behind = struck.request(call.clone());
        let commit = match &struck.instead {
            Some(Effect::TooMany { .. }) => Commit::Before,
            Some(Effect::Answer(_, commit) | Effect::Cut(commit) | Effect::Hang(commit)) => *commit,
            _ => Commit::After,
        };
        if commit == Commit::Later {
            world.record.late.push(behind.clone());
        }
        let copy = struck
            .reader()
            .filter(|_| !is_write(&call.method, call.path()));
        let answer = (commit == Commit::After).then(|| match copy {
            // A copy is never its own copy.
            Some(copy) => answer(&mut copy.world(), &behind),
            None => answer(&mut world, &behind),
        });
        let fate = match (&struck.instead, answer) {
            (Some(Effect::TooMany { seconds }), _) => Fate::Answer(too_many(*seconds)),
            (Some(Effect::Answer(answer, _)), _) => Fate::Answer(answer.clone()),
            (Some(Effect::Hang(_)), _) => Fate::Hang,
            (Some(Effect::Cut(_)), _) | (_, None) => Fate::Cut,
            (_, Some(answer)) => Fate::Answer(struck.answer(answer)),
        };
        let status = match &fate {
            Fate::Answer(answer) => Some(answer.status),
            Fate::Cut | Fate::Hang => None,
        };
        world.record.note(call, status);
        (fate, delay)
    }

    /// Asks without a socket and without waiting, faults included.
    #[must_use]
    pub fn ask(&self, call: &Call) -> Fate {
        self.decide(call).0
    }

    /// Makes a user from the fields of `POST /users`, as an administrator would; without mail.
    /// A password need not be given.
    ///
    /// # Errors
    /// The id of the server's refusal.
    pub fn add_user(&self, fields: &Value) -> Result<String, String> {
        let mut fields = fields.clone();
        let bound = fields["auth_service"]
            .as_str()
            .is_some_and(|s| !s.is_empty());
        if let (false, Some(map)) = (bound, fields.as_object_mut()) {
            map.entry("password").or_insert(json!(PASSWORD));
        }
        let mut world = self.world();
        match create::save(&mut world, &Who::Local, &fields) {
            Ok(user) => Ok(user.id),
            Err(error) => Err(error.id),
        }
    }

    /// Makes a system administrator of this name, with [`PASSWORD`], and opens a session for
    /// them; gives its token. Somebody of that name who is there already is made one.
    #[must_use]
    pub fn seed_admin(&self, username: &str) -> String {
        let email = format!("{username}@example.org");
        let _ = self.add_user(&json!({
            "username": username, "email": email, "email_verified": true,
        }));
        let mut world = self.world();
        let Some(id) = world
            .users
            .by_username(username)
            .map(|user| user.id.clone())
        else {
            return String::new();
        };
        world.users.edit(&id, |user| {
            "system_user system_admin".clone_into(&mut user.roles)
        });
        world.open_session(&id)
    }

    /// Opens a session for somebody, without their password; gives its token. It ends when they
    /// are deactivated.
    #[must_use]
    pub fn token_for(&self, user_id: &str) -> String {
        self.world().open_session(user_id)
    }

    /// Whether a session of [`Mattermost::token_for`] is still open.
    #[must_use]
    pub fn knows_session(&self, token: &str) -> bool {
        self.world().sessions.contains_key(token)
    }

    /// Makes a bot of the user with this id, and a token for it that works always.
    #[must_use]
    pub fn make_bot(&self, user_id: &str) -> String {
        let mut world = self.world();
        world.users.edit(user_id, |user| user.is_bot = true);
        world.add_bot(user_id, user_id);
        world.make_token(user_id, "simulated").1
    }

    /// Gives a bot to somebody, as if they had made it.
    pub fn set_bot_owner(&self, bot: &str, owner: &str) {
        if let Some(bot) = self.world().bots.get_mut(bot) {
            owner.clone_into(&mut bot.owner_id);
        }
    }

    /// Whose a bot is.
    #[must_use]
    pub fn bot_owner(&self, bot: &str) -> Option<String> {
        Some(self.world().bots.get(bot)?.owner_id.clone())
    }

    /// Changes a user directly, as if by somebody else's hand; `update_at` moves.
    /// `false` when there is no such user.
    #[must_use]
    pub fn edit_user(&self, id: &str, change: impl FnOnce(&mut User)) -> bool {
        let mut world = self.world();
        let changed = world.users.edit(id, change).is_some();
        world.touch(id);
        changed
    }

    /// Deletes a user for good, as an administrator may where that is switched on.
    pub fn delete_for_good(&self, id: &str) {
        self.world().delete_for_good(id);
    }

    /// Says when a user was last active.
    pub fn set_last_activity(&self, id: &str, at: i64) {
        self.world().activity.insert(id.to_owned(), at);
    }

    /// Activates or deactivates a user, as an administrator would.
    pub fn set_active(&self, id: &str, active: bool) {
        self.world().set_active(id, active);
    }

    /// Makes a team without members; gives its id.
    ///
    /// # Errors
    /// The id of the server's refusal.
    pub fn add_team(&self, name: &str, display_name: &str) -> Result<String, String> {
        let body = json!({"name": name, "display_name": display_name, "type": "O"});
        let made = teams::save(&mut self.world(), &Who::Local, &body);
        made.map(|team| team.id).map_err(|error| error.id)
    }

    /// Changes a team directly, as in the database; `update_at` moves. `false` when there is no such
    /// team.
    #[must_use]
    pub fn edit_team(&self, id: &str, change: impl FnOnce(&mut Team)) -> bool {
        let mut world = self.world();
        let now = world.clock.stamp();
        let Some(team) = world.teams.get_mut(id) else {
            return false;
        };
        change(team);
        team.update_at = now;
        true
    }

    /// Deletes a team for ever, with its members.
    pub fn delete_team(&self, id: &str) {
        let mut world = self.world();
        world.teams.remove(id);
        world.team_members.retain(|(team, _), _| team != id);
    }

    /// Makes somebody a member of a team, if both are there and there is room.
    ///
    /// # Errors
    /// The id of the server's refusal.
    pub fn join_team(&self, team_id: &str, user_id: &str) -> Result<(), String> {
        let joined = self.world().join_team(team_id, user_id);
        joined.map(|_| ()).map_err(|error| error.id)
    }

    /// Lays settings over the present ones, as `PUT /config/patch` does.
    pub fn set_config(&self, patch: &Value) {
        self.world().config.patch(patch);
    }

    /// Sets the user limit; `None` is unlimited.
    pub fn set_user_limit(&self, limit: Option<UserLimit>) {
        self.world().user_limit = limit;
    }

    /// Sets how long every answer takes at least.
    pub fn set_latency(&self, latency: Duration) {
        self.world().latency = latency;
    }

    /// The server's clock, in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.world().clock.now()
    }

    /// Stops the server's clock: it moves by [`Mattermost::set_now`] and [`Mattermost::advance`]
    /// alone. Two writes still get different times, a millisecond apart.
    pub fn stop_clock(&self) {
        self.world().clock.stop();
    }

    /// Sets the server's clock, also backwards; it runs on from there unless it was stopped.
    pub fn set_now(&self, now: i64) {
        self.world().clock.set(now);
    }

    /// Moves the server's clock forward: its rate limiter's buckets fill, later times are later.
    pub fn advance(&self, by: Duration) {
        self.world().clock.advance(by);
    }

    /// Adds a fault; of several that strike a request the first wins, latencies add up.
    pub fn add_fault(&self, fault: Fault) {
        self.world().record.faults.push(fault);
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.world().record.faults.clear();
    }

    /// Makes the changes that arrived with [`Commit::Later`]; the status that nobody hears of each.
    pub fn commit_late(&self) -> Vec<u16> {
        let mut world = self.world();
        let late = std::mem::take(&mut world.record.late);
        late.iter()
            .map(|call| answer(&mut world, call).status)
            .collect()
    }

    /// How many requests came in since the last [`Mattermost::reset_counters`].
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.world().record.requests
    }

    /// How many of them were writes (see [`crate::is_write`]), refused ones included.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.world().record.writes
    }

    /// The last requests, oldest first, at most 100,000.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.world().record.seen.iter().cloned().collect()
    }

    /// Starts counting anew; faults stay.
    pub fn reset_counters(&self) {
        let mut world = self.world();
        world.record.requests = 0;
        world.record.writes = 0;
        world.record.seen.clear();
    }

    /// Which version this is.
    #[must_use]
    pub fn version(&self) -> Version {
        self.world().version
    }

    /// All users, sorted by username.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        self.world().users.all().cloned().collect()
    }

    /// A user by id.
    #[must_use]
    pub fn user(&self, id: &str) -> Option<User> {
        self.world().users.get(id).cloned()
    }

    /// A user by username.
    #[must_use]
    pub fn user_named(&self, username: &str) -> Option<User> {
        self.world().users.by_username(username).cloned()
    }

    /// All teams, by id.
    #[must_use]
    pub fn teams(&self) -> Vec<Team> {
        self.world().teams.values().cloned().collect()
    }

    /// A team by name, archived ones too.
    #[must_use]
    pub fn team_named(&self, name: &str) -> Option<Team> {
        let world = self.world();
        world.teams.values().find(|team| team.name == name).cloned()
    }

    /// All memberships in teams, also past ones (`delete_at` > 0).
    #[must_use]
    pub fn team_members(&self) -> Vec<TeamMember> {
        self.world().team_members.values().cloned().collect()
    }

    /// All channels, by id.
    #[must_use]
    pub fn channels(&self) -> Vec<Channel> {
        self.world().channels.values().cloned().collect()
    }

    /// All memberships in channels.
    #[must_use]
    pub fn channel_members(&self) -> Vec<ChannelMember> {
        self.world().channel_members.values().cloned().collect()
    }

    /// All posts, oldest first.
    #[must_use]
    pub fn posts(&self) -> Vec<Post> {
        self.world().posts.clone()
    }

    /// All e-mails that would have been sent, oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.world().mails.clone()
    }

    /// Clicks on the link of an e-mail, as its reader would. `false` when the link is not good.
    #[must_use]
    pub fn click(&self, mail: &Mail) -> bool {
        let token = mail.token.as_deref();
        token.is_some_and(|token| self.world().click(token))
    }
}

fn answer(world: &mut World, call: &Call) -> Answer {
    match world.rate(call) {
        Verdict::Unlimited => routes::answer(world, call),
        Verdict::Refuse(answer) => answer,
        Verdict::Pass(headers) => {
            let answer = routes::answer(world, call);
            let with = |answer: Answer, (name, value): (&str, String)| answer.with(name, value);
            headers.into_iter().fold(answer, with)
        }
    }
}

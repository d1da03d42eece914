//! Mattermost's side: users, teams, members, and what the server says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Profile, ProfileField, Roster, TeamId, Timestamp, UserId};

/// A Mattermost user as last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The server's id.
    pub id: UserId,
    /// In lower case.
    pub username: String,
    /// In lower case.
    pub email: String,
    /// First name to locale; a field without a value is not in it.
    pub profile: Profile,
    /// Role names, for example `system_user`, `system_admin`.
    pub roles: BTreeSet<String>,
    /// The login service; empty for e-mail and password.
    pub auth_service: String,
    /// Whether it is a bot account.
    pub is_bot: bool,
    /// Whether it is another server's user, shown here by a shared channel or a plugin: nobody can
    /// log in as them.
    pub is_remote: bool,
    /// When it was deactivated; `None` while active.
    pub deactivated_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When any field last changed.
    pub updated_at: Timestamp,
    /// Free texts; ours carries a nonce. Values that are not texts are left out.
    pub props: BTreeMap<String, String>,
}

impl User {
    /// The key in `props` under which the nonce of a creation is kept.
    pub const NONCE_PROP: &'static str = "mattersync";

    /// Whether the user can log in.
    pub fn is_active(&self) -> bool {
        self.deactivated_at.is_none()
    }

    /// Whether a person can log in as the user: neither a bot nor another server's user.
    pub fn is_human(&self) -> bool {
        !self.is_bot && !self.is_remote
    }

    /// Whether the user is a system administrator.
    pub fn is_admin(&self) -> bool {
        self.roles.contains("system_admin")
    }

    /// Whether the user may do more than the role `system_user` allows: an administrator, somebody
    /// with a role of their own, or one who may post everywhere or have access tokens.
    pub fn is_privileged(&self) -> bool {
        let plain = ["system_user", "system_guest"];
        !self.roles.iter().all(|role| plain.contains(&role.as_str()))
    }

    /// Whether the user is a guest.
    pub fn is_guest(&self) -> bool {
        self.roles.contains("system_guest")
    }

    /// The value of a profile field; empty when there is none.
    pub fn field(&self, field: ProfileField) -> &str {
        self.profile.get(&field).map_or("", String::as_str)
    }
}

/// A team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// The server's id.
    pub id: TeamId,
    /// The name in addresses: `[a-z0-9-]`, 2 to 64.
    pub name: String,
    /// The name for people.
    pub display_name: String,
    /// When it was archived; `None` while it is in use.
    pub archived_at: Option<Timestamp>,
    /// Whether groups decide who is in it: the server then adds nobody else.
    pub group_constrained: bool,
    /// The domains whose addresses may join, in lower case; empty for all.
    pub allowed_domains: Vec<String>,
}

/// A membership of a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// When the person left or was removed; `None` for a member.
    pub left_at: Option<Timestamp>,
}

/// Teams that the policy names, and who is in them.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Teams by their name, archived ones included. A wanted name that is neither in it nor in
    /// `unread` does not exist on the server: each was asked for by name.
    pub teams: BTreeMap<String, Team>,
    /// Members of each of these teams.
    pub members: BTreeMap<TeamId, Roster<UserId, Member>>,
    /// Teams that were filled under a name that another one, or none, has now: by that name, as they
    /// are now; `None` for one that was deleted for ever.
    pub moved: BTreeMap<String, Option<Team>>,
    /// Names of teams that could not be read, or whose members could not, and why. Whether one
    /// that is not in `teams` exists is not known.
    pub unread: BTreeMap<String, String>,
}

/// A part of one of the two sides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The directory's accounts.
    Accounts,
    /// The directory's groups.
    Groups,
    /// Who is locked, of the directory's accounts.
    Locks,
    /// Mattermost's list of users.
    Users,
    /// How many users there are.
    UserCount,
    /// How many active users the server takes.
    UserLimit,
    /// The server's settings.
    Settings,
    /// A team or its members; by its name.
    Team(String),
    /// A linked account that nobody knows of whether it is there; its last DN and its id.
    Account(String),
    /// The user of a linked account, or one whom a person named; by name and id.
    User(String),
}

impl Part {
    /// Whether it is a part of the directory's side, not of Mattermost's.
    pub fn is_of_directory(&self) -> bool {
        matches!(
            self,
            Self::Accounts | Self::Groups | Self::Locks | Self::Account(_)
        )
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accounts => f.write_str("the directory"),
            Self::Groups => f.write_str("the directory's groups"),
            Self::Locks => f.write_str("who is locked in the directory"),
            Self::Users => f.write_str("the list of users"),
            Self::UserCount => f.write_str("the number of users"),
            Self::UserLimit => f.write_str("the limit of active users"),
            Self::Settings => f.write_str("the server's settings"),
            Self::Team(name) => write!(f, "the team {name}"),
            Self::Account(who) => write!(f, "the account {who}"),
            Self::User(who) => write!(f, "the user {who}"),
        }
    }
}

/// A part of a side that could not be read, or not whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unread {
    /// Which.
    pub part: Part,
    /// Why, in words.
    pub why: String,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.part {
            Part::Accounts | Part::Users => "was not read completely",
            Part::Groups => "were not read completely",
            _ => "could not be read",
        };
        write!(f, "{} {verb}: {}", self.part, self.why)
    }
}

/// A server version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// How many more active users the server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seats {
    /// The server has no limit (an administrator asked, and it said zero; or it is too old).
    Unlimited,
    /// The server refuses to go above `limit`.
    Limited {
        /// The most active users that the server allows; bots do not count.
        limit: u64,
        /// How many there are now.
        active: u64,
    },
    /// Nobody could tell, for example over the local socket.
    Unknown,
}

/// What this way into this server can do. Asked, never assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// `PUT /users/{id}/patch`; without it a user is written whole.
    pub patch: bool,
    /// `POST /teams/{id}/members/batch`.
    pub team_batch: bool,
    /// `GET /teams/{id}/members`; without it each user's memberships are asked for.
    pub team_members_list: bool,
}

/// What the server asks of a password (`PasswordSettings`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The fewest bytes.
    pub shortest: usize,
    /// The most bytes.
    pub longest: usize,
    /// Whether it needs a lower-case letter.
    pub lowercase: bool,
    /// Whether it needs an upper-case letter.
    pub uppercase: bool,
    /// Whether it needs a digit.
    pub number: bool,
    /// Whether it needs a symbol.
    pub symbol: bool,
}

impl PasswordPolicy {
    /// The most bytes that any server takes.
    pub const LONGEST: usize = 72;
    /// What the server counts as a symbol.
    const SYMBOLS: &'static str = " !\"\\#$%&'()*+,-./:;<=>?@[]^_`|~";

    /// What a password lacks; `None` when it is good. Nothing of the password is in it.
    pub fn fault(&self, password: &str) -> Option<String> {
        let has = |is: fn(char) -> bool| password.contains(is);
        let lacks = [
            (
                password.len() < self.shortest,
                format!("at least {} characters", self.shortest),
            ),
            (
                password.len() > self.longest,
                format!("at most {} bytes", self.longest),
            ),
            (
                self.lowercase && !has(|c| c.is_ascii_lowercase()),
                "a lower-case letter (a to z)".into(),
            ),
            (
                self.uppercase && !has(|c| c.is_ascii_uppercase()),
                "an upper-case letter (A to Z)".into(),
            ),
            (
                self.number && !has(|c| c.is_ascii_digit()),
                "a digit".into(),
            ),
            (
                self.symbol && !has(|c| Self::SYMBOLS.contains(c)),
                "a symbol".into(),
            ),
        ];
        let lacks: Vec<String> = lacks
            .into_iter()
            .filter_map(|(lacks, what)| lacks.then_some(what))
            .collect();
        (!lacks.is_empty()).then(|| format!("it must have {}", lacks.join(", ")))
    }
}

/// The bot whose token we have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnBot {
    /// Its username.
    pub name: String,
    /// Whose deactivation would disable it: its owner, and where that is a bot, too, that one's
    /// owner, and so on. Empty where it owns itself, or belongs to a plugin.
    pub owners: Vec<UserId>,
    /// `ServiceSettings.DisableBotsWhenOwnerIsDeactivated`; `None` if it could not be asked.
    pub dies_with_owner: Option<bool>,
}

impl ServerFacts {
    /// The bot that we are, where the server disables it together with its owner.
    pub fn own_bot_in_danger(&self) -> Option<&UserId> {
        let bot = self.own_bot.as_ref();
        bot.filter(|bot| bot.dies_with_owner != Some(false))?;
        self.own_user.as_ref()
    }
}

/// What the server says of itself and of us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    /// Its version.
    pub version: Version,
    /// Who we are there; `None` over the local socket.
    pub own_user: Option<UserId>,
    /// What is known of the bot that we are; `None` where we are none.
    pub own_bot: Option<OwnBot>,
    /// What this way in can do.
    pub capabilities: Capabilities,
    /// How many more active users it takes.
    pub seats: Seats,
    /// `EmailSettings.RequireEmailVerification`; `None` if it could not be asked.
    pub require_email_verification: Option<bool>,
    /// `TeamSettings.RestrictCreationToDomains`, in lower case; empty for no restriction.
    pub restrict_to_domains: Vec<String>,
    /// `TeamSettings.MaxUsersPerTeam`; `None` if it could not be asked.
    pub max_users_per_team: Option<u64>,
    /// `ServiceSettings.EnableAPIUserDeletion`: whether users can be deleted for ever; `None` if it
    /// could not be asked.
    pub may_delete_users: Option<bool>,
    /// What it asks of a password; `None` if it could not be asked.
    pub password_policy: Option<PasswordPolicy>,
    /// Why it would refuse the initial password that is configured; `None` where none is, or it is
    /// good.
    pub refused_password: Option<String>,
    /// How many users the server says that it has, the deactivated and bots included; `None` where
    /// it does not tell.
    pub users: Option<u64>,
    /// What it could not be asked, because something else answered in its place.
    pub unread: Vec<Unread>,
}

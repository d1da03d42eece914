//! Mattermost's side: users, teams, members, and what the server says about itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Profile, ProfileField, Roster, TeamId, Timestamp, UserId};

/// A Mattermost user as read last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The server's id.
    pub id: UserId,
    /// The username, in lower case.
    pub username: String,
    /// The e-mail address, in lower case.
    pub email: String,
    /// The profile, from the first name to the locale; a field without a value is not in it.
    pub profile: Profile,
    /// Role names, for example `system_user`, `system_admin`.
    pub roles: BTreeSet<String>,
    /// The login service; empty where the user logs in with e-mail address and password.
    pub auth_service: String,
    /// Whether it is a bot account.
    pub is_bot: bool,
    /// Whether it is another server's user, shown here by a shared channel or a plugin. Nobody can
    /// log in as them.
    pub is_remote: bool,
    /// When it was deactivated; `None` while active.
    pub deactivated_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When any field last changed.
    pub updated_at: Timestamp,
    /// The user's `props`; that of a user whom we created has a nonce in it. Values that are not
    /// texts are left out.
    pub props: BTreeMap<String, String>,
}

impl User {
    /// The key in `props` under which the nonce of a creation is kept.
    pub const NONCE_PROP: &'static str = "mattersync";

    /// Returns whether the user can log in.
    pub fn is_active(&self) -> bool {
        self.deactivated_at.is_none()
    }

    /// Returns whether a person can log in as the user: no bot and no other server's user.
    pub fn is_human(&self) -> bool {
        !self.is_bot && !self.is_remote
    }

    /// Returns whether the user is a system administrator.
    pub fn is_admin(&self) -> bool {
        self.roles.contains("system_admin")
    }

    /// Returns whether the user may do more than the role `system_user` allows: an administrator, a
    /// user with a role of their own, or one who may post everywhere or have access tokens.
    pub fn is_privileged(&self) -> bool {
        let plain = ["system_user", "system_guest"];
        !self.roles.iter().all(|role| plain.contains(&role.as_str()))
    }

    /// Returns whether the user is a guest.
    pub fn is_guest(&self) -> bool {
        self.roles.contains("system_guest")
    }

    /// Returns the value of a profile field; empty when there is none.
    pub fn field(&self, field: ProfileField) -> &str {
        self.profile.get(&field).map_or("", String::as_str)
    }
}

/// A team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// The server's id.
    pub id: TeamId,
    /// The name in addresses: 2 to 64 characters of `[a-z0-9-]`.
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

/// The teams that the policy names, and their members.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Teams by their name, archived ones included. Each wanted name was asked for: one that is
    /// neither here nor in `unread` does not exist on the server.
    pub teams: BTreeMap<String, Team>,
    /// Members of each of these teams.
    pub members: BTreeMap<TeamId, Roster<UserId, Member>>,
    /// Teams that were filled under a name that another team, or none, has now: by that name, as
    /// they are now; `None` for one that was deleted for ever.
    pub moved: BTreeMap<String, Option<Team>>,
    /// Names of teams that could not be read, or whose members could not be read, each with the
    /// reason. It is not known whether such a team exists if it is not in `teams`.
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
    /// The locks of the directory's accounts.
    Locks,
    /// Mattermost's list of users.
    Users,
    /// The number of users.
    UserCount,
    /// The limit of active users.
    UserLimit,
    /// The server's settings.
    Settings,
    /// A team or its members, by its name.
    Team(String),
    /// A linked account of which it is not known whether it exists, by its last DN and its id.
    Account(String),
    /// The user of a linked account, or one whom a person named, by name and id.
    User(String),
}

impl Part {
    /// Returns whether it is a part of the directory's side, not of Mattermost's.
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

/// A part of a side that could not be read completely.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unread {
    /// The part.
    pub part: Part,
    /// Why it could not be read, in words.
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
    /// The server has no limit: it said so to an administrator, or it is too old to have one.
    Unlimited,
    /// The server refuses to go above `limit`.
    Limited {
        /// How many active users the server allows; bots do not count.
        limit: u64,
        /// How many active users there are now.
        active: u64,
    },
    /// The limit is not known, for example over the local socket.
    Unknown,
}

/// What the server can do over this transport. This is asked, never assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether it has `PUT /users/{id}/patch`; without it a user is written whole.
    pub patch: bool,
    /// Whether it has `POST /teams/{id}/members/batch`.
    pub team_batch: bool,
    /// Whether it has `GET /teams/{id}/members`; without it each user's memberships are asked for.
    pub team_members_list: bool,
}

/// The server's rules for passwords (`PasswordSettings`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The smallest number of bytes.
    pub shortest: usize,
    /// The largest number of bytes.
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
    /// The largest number of bytes that any server accepts.
    pub const LONGEST: usize = 72;
    /// The characters that the server counts as symbols.
    const SYMBOLS: &'static str = " !\"\\#$%&'()*+,-./:;<=>?@[]^_`|~";

    /// Returns what a password lacks, and nothing of the password; `None` if it lacks nothing.
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
    /// The users whose deactivation would disable it: its owner, and if that is a bot too, that
    /// bot's owner, and so on. Empty where it owns itself or belongs to a plugin.
    pub owners: Vec<UserId>,
    /// `ServiceSettings.DisableBotsWhenOwnerIsDeactivated`; `None` if it could not be asked.
    pub dies_with_owner: Option<bool>,
}

impl ServerFacts {
    /// Returns our own user if it is a bot that the server disables together with its owner.
    pub fn own_bot_in_danger(&self) -> Option<&UserId> {
        let bot = self.own_bot.as_ref();
        bot.filter(|bot| bot.dies_with_owner != Some(false))?;
        self.own_user.as_ref()
    }
}

/// How the server sends e-mail, for example that with which somebody asks for a new password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailSettings {
    /// `EmailSettings.SMTPServer`. Without one the server sends nothing.
    pub server: String,
    /// `EmailSettings.SMTPPort`.
    pub port: String,
    /// `ServiceSettings.SiteURL`, with which the links in its e-mails begin.
    pub site_url: String,
}

/// What the server says about itself and about us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    /// Its version.
    pub version: Version,
    /// Our own user there; `None` over the local socket.
    pub own_user: Option<UserId>,
    /// Our own bot; `None` where our user is not a bot.
    pub own_bot: Option<OwnBot>,
    /// What the server can do over this transport.
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
    /// How it sends e-mail; `None` where it does not tell.
    pub mail: Option<MailSettings>,
    /// Its rules for passwords; `None` if they could not be asked for.
    pub password_policy: Option<PasswordPolicy>,
    /// Why it would refuse the configured initial password; `None` if there is none or it is good.
    pub refused_password: Option<String>,
    /// How many users the server says that it has, deactivated users and bots included; `None`
    /// where it does not tell.
    pub users: Option<u64>,
    /// What could not be asked because something else answered in the server's place.
    pub unread: Vec<Unread>,
}

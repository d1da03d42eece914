//! What a simulated server is started with.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

/// Which server is simulated. Field for field it answers as the recordings of that version do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Mattermost 5.38.0 Team Edition.
    V5_38,
    /// Mattermost 9.1.0 Team Edition.
    V9_1,
    /// Mattermost 10.9.0 Team Edition.
    V10_9,
    /// Mattermost 11.6.0 Team Edition.
    V11,
}

impl Version {
    /// All of them, the oldest first.
    pub const ALL: [Version; 4] = [Version::V5_38, Version::V9_1, Version::V10_9, Version::V11];

    /// The number as the server tells it, for instance in `X-Version-Id`.
    #[must_use]
    pub fn number(self) -> &'static str {
        match self {
            Version::V5_38 => "5.38.0",
            Version::V9_1 => "9.1.0",
            Version::V10_9 => "10.9.0",
            Version::V11 => "11.6.0",
        }
    }

    /// The version that `word` names: `5.38`, `9.1`, `10.9` or `11`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Version> {
        match word {
            "5.38" | "5.38.0" => Some(Version::V5_38),
            "9.1" | "9.1.0" => Some(Version::V9_1),
            "10.9" | "10.9.0" => Some(Version::V10_9),
            "11" | "11.6" | "11.6.0" => Some(Version::V11),
            _ => None,
        }
    }
}

/// How many active users a server admits; bots need no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserLimit {
    /// Above this number administrators are warned; nothing is refused.
    pub warn: u64,
    /// At this number creations and reactivations are refused. 0 means unlimited.
    pub hard: u64,
}

/// How to start a simulated server. [`Options::new`] gives the defaults of a fresh one.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which server to be.
    pub version: Version,
    /// Settings over the defaults, as in `PUT /config/patch`:
    /// `json!({"TeamSettings": {"MaxUsersPerTeam": 1000}})`.
    pub config: Value,
    /// The user limit; `None` is unlimited. 200/250 on 11, 2,500/5,000 on 10.9, none before.
    pub user_limit: Option<UserLimit>,
    /// The TCP port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where to put the Unix socket; `None` makes a directory for it under the temporary one.
    pub socket: Option<PathBuf>,
    /// How long every answer takes at least.
    pub latency: Duration,
    /// Where the sequence of ids and tokens starts: the same seed gives the same ids.
    pub seed: u64,
    /// The clock at the start, in milliseconds since 1970; `None` is the time of the machine.
    pub now: Option<i64>,
    /// Whether a mail server can be reached. Without one the password-reset mail is refused with
    /// 500, as recorded; every other mail fails silently, and is recorded all the same.
    pub mail_server: bool,
}

impl Options {
    /// The defaults of a fresh server of this version.
    #[must_use]
    pub fn new(version: Version) -> Options {
        Options {
            version,
            config: Value::Null,
            user_limit: match version {
                Version::V5_38 | Version::V9_1 => None,
                Version::V10_9 => Some(UserLimit {
                    warn: 2_500,
                    hard: 5_000,
                }),
                Version::V11 => Some(UserLimit {
                    warn: 200,
                    hard: 250,
                }),
            },
            port: 0,
            socket: None,
            latency: Duration::ZERO,
            seed: 1,
            now: None,
            mail_server: false,
        }
    }
}

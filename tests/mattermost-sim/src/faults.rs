//! What can be made to go wrong, and the record of what was asked.

use std::time::Duration;

use crate::call::{Call, Door};
use crate::errors::Answer;

/// Whether the server has done the work when things go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Nothing was changed.
    Before,
    /// The change is made, only its answer is lost.
    After,
    /// The request arrived, and the change is made when the test says so
    /// ([`crate::Mattermost::commit_late`]), whether or not anybody still waits for the answer.
    Later,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The answer takes so much longer.
    Latency(Duration),
    /// 429 as the rate limiter gives it, nothing done; a client should wait so many seconds.
    TooMany {
        /// `Retry-After` and `X-RateLimit-Reset`, in seconds.
        seconds: u64,
    },
    /// This answer instead of the server's.
    Answer(Answer, Commit),
    /// The connection is closed without an answer. In process, where there is no connection,
    /// the body of a 200 breaks off at once.
    Cut(Commit),
    /// No answer, ever; the connection stays open.
    Hang(Commit),
}

impl Effect {
    /// An error page of a proxy in front of the server, with nothing done behind it.
    #[must_use]
    pub fn status(status: u16) -> Effect {
        Effect::Answer(
            Answer::text(status, "upstream is not well\n"),
            Commit::Before,
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    Requests,
    Writes,
}

/// A fault: what goes wrong, at which of the requests that match.
///
/// ```
/// use mattermost_sim::{Commit, Effect, Fault};
/// // The third patch of a user is done, and its answer lost.
/// let fault = Fault::new(Effect::Cut(Commit::After))
///     .method("PUT").path("/api/v4/users/*/patch").nth(3);
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    effect: Effect,
    method: Option<String>,
    path: Option<String>,
    count: Count,
    first: u64,
    times: u64,
    seen: u64,
}

impl Fault {
    /// A fault that strikes every request.
    #[must_use]
    pub fn new(effect: Effect) -> Fault {
        Fault {
            effect,
            method: None,
            path: None,
            count: Count::Requests,
            first: 1,
            times: u64::MAX,
            seen: 0,
        }
    }

    /// Only requests with this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Fault {
        self.method = Some(method.to_owned());
        self
    }

    /// Only requests with this path; a segment `*` stands for any one, a last `**` for any rest.
    #[must_use]
    pub fn path(mut self, pattern: &str) -> Fault {
        self.path = Some(pattern.to_owned());
        self
    }

    /// Only writes, in the sense of [`is_write`].
    #[must_use]
    pub fn writes(mut self) -> Fault {
        self.count = Count::Writes;
        self
    }

    /// Only the `n`th request that matches, counted from 1 since the fault was added.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Fault {
        self.first = n;
        self.times = 1;
        self
    }

    /// Only from the `n`th request on that matches, counted from 1.
    #[must_use]
    pub fn from(mut self, n: u64) -> Fault {
        self.first = n;
        self
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Fault {
        self.times = times;
        self
    }

    fn strikes(&mut self, call: &Call) -> bool {
        let fits = self.method.as_ref().is_none_or(|m| *m == call.method)
            && self.path.as_ref().is_none_or(|p| fits(p, call.path()))
            && (self.count == Count::Requests || is_write(&call.method, call.path()));
        if !fits {
            return false;
        }
        self.seen += 1;
        self.seen >= self.first && self.seen - self.first < self.times
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let mut path = path.split('/');
    for part in pattern.split('/') {
        match (part, path.next()) {
            ("**", _) => return true,
            ("*", Some(_)) => {}
            (part, Some(segment)) if part == segment => {}
            _ => return false,
        }
    }
    path.next().is_none()
}

/// Whether a call changes something: all but GET, HEAD and the POSTs that only read
/// (`/users/ids`, `/users/status/ids`, `/users/usernames`, `/users/search`, `/users/login`, the members by ids of a
/// team or a channel).
#[must_use]
pub fn is_write(method: &str, path: &str) -> bool {
    const READING: [&str; 7] = [
        "/api/v4/users/ids",
        "/api/v4/users/status/ids",
        "/api/v4/users/usernames",
        "/api/v4/users/search",
        "/api/v4/users/login",
        "/api/v4/teams/*/members/ids",
        "/api/v4/channels/*/members/ids",
    ];
    match method {
        "GET" | "HEAD" => false,
        "POST" => !READING.iter().any(|pattern| fits(pattern, path)),
        _ => true,
    }
}

/// One request that the server saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// The status that was answered; `None` when no answer went out.
    pub status: Option<u16>,
    /// Whether it counts as a write.
    pub write: bool,
    /// Whether it came by the Unix socket.
    pub local: bool,
}

/// How many of the last requests [`Record`] keeps.
const KEPT: usize = 100_000;

/// What was asked, and what is to go wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub faults: Vec<Fault>,
    pub requests: u64,
    pub writes: u64,
    pub seen: std::collections::VecDeque<Seen>,
    /// What arrived and is not done yet.
    pub late: Vec<Call>,
}

impl Record {
    /// The faults that strike this call, in the order in which they were added.
    pub(crate) fn strike(&mut self, call: &Call) -> Vec<Effect> {
        let faults = self.faults.iter_mut();
        let struck = faults.filter_map(|fault| fault.strikes(call).then(|| fault.effect.clone()));
        struck.collect()
    }

    pub(crate) fn note(&mut self, call: &Call, status: Option<u16>) {
        let write = is_write(&call.method, call.path());
        self.requests += 1;
        self.writes += u64::from(write);
        if self.seen.len() == KEPT {
            self.seen.pop_front();
        }
        self.seen.push_back(Seen {
            method: call.method.clone(),
            target: call.target.clone(),
            status,
            write,
            local: call.door == Door::Local,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Commit, Effect, Fault, fits, is_write};
    use crate::call::Call;

    #[test]
    fn a_pattern_fits_whole_paths_only() {
        assert!(fits("/api/v4/users/*/patch", "/api/v4/users/abc/patch"));
        assert!(!fits("/api/v4/users/*", "/api/v4/users/abc/patch"));
        assert!(fits("/api/v4/users/**", "/api/v4/users/abc/patch"));
        assert!(!fits("/api/v4/users/*/patch", "/api/v4/users/abc"));
    }

    #[test]
    fn reading_posts_are_not_writes() {
        assert!(!is_write("POST", "/api/v4/users/ids"));
        assert!(!is_write("POST", "/api/v4/teams/x/members/ids"));
        assert!(!is_write("GET", "/api/v4/users"));
        assert!(is_write("POST", "/api/v4/users"));
        assert!(is_write("DELETE", "/api/v4/users/x"));
    }

    #[test]
    fn the_nth_write_is_struck_and_no_other() {
        let mut fault = Fault::new(Effect::Cut(Commit::After)).writes().nth(2);
        let read = Call::new("GET", "/api/v4/users");
        let write = Call::new("POST", "/api/v4/users");
        let calls = [&write, &read, &write, &read, &write];
        let struck = calls.map(|call| fault.strikes(call));
        assert_eq!(struck, [false, false, true, false, false]);
    }
}

//! What can be made to go wrong, and the record of what was asked.

use std::time::Duration;

use crate::call::{Call, Door};
use crate::errors::{Answer, ApiError};
use crate::mattermost::Mattermost;
use crate::struck::Struck;

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
    /// A limiter in front of the server, with a leaky bucket as nginx's `limit_req` has it: above
    /// its rate and burst it gives this answer, and the server hears nothing. It goes by the
    /// server's clock.
    Limit {
        /// Requests a second.
        per_second: u32,
        /// So many more at once.
        burst: u32,
        /// What it answers to the others.
        refusal: Answer,
    },
    /// A proxy takes this header, named in lower case, out of the request.
    Lose(String),
    /// A proxy puts this value into this header of the request, named in lower case.
    Replace(String, String),
    /// A proxy takes this header, named in lower case, out of the answer.
    Hide(String),
    /// A proxy puts this value into this header of the answer, named in lower case.
    Show(String, String),
    /// What is read is as this copy has it ([`Mattermost::replica`]): an answer that a cache
    /// kept, or a read replica that lags behind. What changes something reaches the server.
    Earlier(Mattermost),
    /// A cache whose key leaves out which page is asked for: each page is the first one.
    FirstPage,
    /// Something on the way cuts a list after so many rows, without a word.
    Shorten(usize),
    /// A proxy shows its own page in place of the server's answers with this status.
    Intercept(u16),
    /// The row of this user, wherever it is answered, has a number in place of these fields: a row
    /// that nobody understands, or that does not tell whose it is.
    Garble {
        /// The user's id.
        user: String,
        /// The fields.
        fields: Vec<String>,
    },
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

    /// The HTML page of another program, with any status, 200 too, and nothing done behind it.
    #[must_use]
    pub fn page(status: u16) -> Effect {
        Effect::Answer(Answer::page(status), Commit::Before)
    }

    /// The server's own refusal, with this id of its error, whatever the status; nothing done.
    #[must_use]
    pub fn refusal(status: u16, id: &str) -> Effect {
        let error = ApiError::new(status, id, "The server says no.");
        Effect::Answer(Answer::error(&error, "request"), Commit::Before)
    }

    /// The row of a user with a number in place of these fields.
    #[must_use]
    pub fn garble(user: &str, fields: &[&str]) -> Effect {
        Effect::Garble {
            user: user.to_owned(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        }
    }

    /// nginx with `limit_req` at so many requests a second: 503 with a page, and no headers.
    #[must_use]
    pub fn limit(per_second: u32) -> Effect {
        Effect::Limit {
            per_second,
            burst: 0,
            refusal: Answer::page(503),
        }
    }

    /// Whether it changes the request or the answer, and answers nothing itself.
    pub(crate) fn is_filter(&self) -> bool {
        matches!(
            self,
            Effect::Lose(_)
                | Effect::Replace(..)
                | Effect::Hide(_)
                | Effect::Show(..)
                | Effect::Earlier(_)
                | Effect::FirstPage
                | Effect::Shorten(_)
                | Effect::Intercept(_)
                | Effect::Garble { .. }
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
    about: Option<String>,
    count: Count,
    first: u64,
    every: u64,
    times: u64,
    seen: u64,
    struck: u64,
    /// When a limiter's bucket is empty again, in milliseconds of the server's clock.
    empty_at: i64,
}

impl Fault {
    /// A fault that strikes every request.
    #[must_use]
    pub fn new(effect: Effect) -> Fault {
        Fault {
            effect,
            method: None,
            path: None,
            about: None,
            count: Count::Requests,
            first: 1,
            every: 1,
            times: u64::MAX,
            seen: 0,
            struck: 0,
            empty_at: 0,
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

    /// Only requests that have this text, as they write it, in their path, query or body: a
    /// username, an address, an id. So one person can be refused whatever is asked about them.
    #[must_use]
    pub fn about(mut self, text: &str) -> Fault {
        self.about = Some(text.to_owned());
        self
    }

    /// Only every `n`th request that matches.
    #[must_use]
    pub fn every(mut self, n: u64) -> Fault {
        self.first = n;
        self.every = n.max(1);
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

    fn strikes(&mut self, call: &Call, now: i64) -> bool {
        if !self.fits(call) {
            return false;
        }
        self.seen += 1;
        let counts = self.seen >= self.first
            && (self.seen - self.first).is_multiple_of(self.every)
            && self.struck < self.times;
        let strikes = counts && self.limits(now);
        self.struck += u64::from(strikes);
        strikes
    }

    fn fits(&self, call: &Call) -> bool {
        self.method.as_ref().is_none_or(|m| *m == call.method)
            && self.path.as_ref().is_none_or(|p| fits(p, call.path()))
            && self.about.as_ref().is_none_or(|text| call.has(text))
            && (self.count == Count::Requests || is_write(&call.method, call.path()))
    }

    /// Whether it strikes now: a limiter only when its bucket is full.
    fn limits(&mut self, now: i64) -> bool {
        let Effect::Limit {
            per_second, burst, ..
        } = self.effect
        else {
            return true;
        };
        let step = 1000 / i64::from(per_second.clamp(1, 1000));
        let next = self.empty_at.max(now) + step;
        let is_full = next - now > step * (i64::from(burst) + 1);
        if !is_full {
            self.empty_at = next;
        }
        is_full
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
    /// What strikes this call, by the server's clock. Of several faults that answer the first
    /// wins; a limiter's refusal is an answer.
    pub(crate) fn strike(&mut self, call: &Call, now: i64) -> Struck {
        let mut struck = Struck::default();
        for fault in &mut self.faults {
            if !fault.strikes(call, now) {
                continue;
            }
            match fault.effect.clone() {
                Effect::Latency(more) => struck.delay += more,
                filter if filter.is_filter() => struck.add(filter),
                Effect::Limit { refusal, .. } => {
                    let refused = Effect::Answer(refusal, Commit::Before);
                    struck.instead.get_or_insert(refused);
                }
                other => {
                    struck.instead.get_or_insert(other);
                }
            }
        }
        struck
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
        let struck = calls.map(|call| fault.strikes(call, 0));
        assert_eq!(struck, [false, false, true, false, false]);
    }

    #[test]
    fn every_third_that_is_about_somebody_is_struck() {
        let mut fault = Fault::new(Effect::page(200)).about("abc").every(3).times(2);
        let other = Call::new("GET", "/api/v4/users/def");
        let call = Call::new("GET", "/api/v4/users/abc");
        let in_body = Call::new("POST", "/api/v4/users/ids").json(&serde_json::json!(["abc"]));
        let calls = [&call, &other, &in_body, &call, &call, &call, &call];
        let struck = calls.map(|call| fault.strikes(call, 0));
        assert_eq!(struck, [false, false, false, true, false, false, true]);
        let later = [&call; 6].map(|call| fault.strikes(call, 0));
        assert_eq!(later, [false; 6]);
    }

    #[test]
    fn a_limiter_refuses_what_comes_too_soon() {
        let mut fault = Fault::new(Effect::limit(2));
        let call = Call::new("GET", "/api/v4/users");
        let at = [0, 499, 500, 999, 1000, 3000, 3001, 3500];
        let struck = at.map(|now| fault.strikes(&call, now));
        let expected = [false, true, false, true, false, false, true, false];
        assert_eq!(struck, expected);
    }
}

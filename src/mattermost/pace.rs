//! Decides when the next request may start. There is one queue for all: the first caller in it
//! takes the permit and starts the call.

use std::num::NonZeroU32;
use std::ops::Add;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::config::Pace;

use super::limits::{RateHeaders, retry_after};
use super::transport::Response;

/// The longest pause that a server's headers can impose on us.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// The pause after a refusal without headers.
const DEFAULT_PAUSE: Duration = Duration::from_secs(2);
/// The shortest pace to which refusals can slow us down: one request in this time.
const SLOWEST: Duration = Duration::from_secs(2);
/// Without a pace of our own the limiter is removed again below this time between requests.
const FASTEST: Duration = Duration::from_millis(100);
/// How long after a 503 a faster pace is tried, because it may have been a restart. It is doubled
/// each time that the faster pace is refused.
const FASTER_AFTER: Duration = Duration::from_secs(600);
const FASTER_AFTER_AT_MOST: Duration = Duration::from_secs(24 * 3600);

/// Why no request may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pause {
    /// Our own pace does not allow it.
    Pace,
    /// The server's headers show that little of its limit is left.
    Courtesy,
    /// A request was refused with this status because there were too many.
    Refused(u16),
}

/// Lets requests through at our own pace, or at the server's if that is slower.
#[derive(Debug)]
pub(super) struct Gate {
    /// The queue; it is fair, first come first served.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limiter: Option<Limiter>,
    not_before: Instant,
    /// Why it may not start before.
    why: Pause,
    /// What the first in the queue waits for.
    waits: Option<(Pause, Instant)>,
    /// Whether a request succeeded since the last refusal. Otherwise a refusal does not show a
    /// limit, but a server that is down.
    got_through: bool,
    /// The return to our own pace after 503.
    recovery: Recovery,
}

/// The return to our own pace after 503, which may have been a limit or a restart.
#[derive(Debug)]
struct Recovery {
    own: Option<Pace>,
    /// When to try a faster pace.
    at: Option<Instant>,
    /// How long after a refusal that is.
    after: Duration,
    /// Whether a faster pace was tried since the last refusal.
    tried: bool,
    /// Whether a 429 has shown for certain that there is a limit.
    for_good: bool,
}

#[derive(Debug)]
struct Limiter {
    period: Duration,
    cells: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Moment>>,
}

impl Limiter {
    fn of(pace: Pace) -> Self {
        let period = Duration::from_secs(1) / pace.per_second.max(1);
        Self::new(period, pace.burst)
    }

    fn new(period: Duration, burst: u32) -> Self {
        let period = period.max(Duration::from_nanos(1));
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(period)
            .unwrap_or(Quota::per_second(NonZeroU32::MIN))
            .allow_burst(burst);
        Self {
            period,
            cells: RateLimiter::direct_with_clock(quota, TokioClock),
        }
    }
}

impl Gate {
    /// Makes a gate with our own pace, or without one.
    pub(super) fn new(pace: Option<Pace>) -> Self {
        Self {
            turn: tokio::sync::Mutex::new(()),
            state: Mutex::new(State {
                limiter: pace.map(Limiter::of),
                not_before: Instant::now(),
                why: Pause::Pace,
                waits: None,
                got_through: true,
                recovery: Recovery {
                    own: pace,
                    at: None,
                    after: FASTER_AFTER,
                    tried: false,
                    for_good: false,
                },
            }),
        }
    }

    /// Waits until a request may start. The future can be dropped at any time: no permit is lost.
    pub(super) async fn pass(&self) {
        let _turn = self.turn.lock().await;
        while let Some(wait) = self.wait() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Returns what the next request waits for, and for how much longer.
    pub(super) fn waits(&self) -> Option<(Pause, Duration)> {
        let (why, until) = self.state().waits?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some((why, left))
    }

    /// Learns from the status and headers of an answer.
    pub(super) fn learn(&self, response: &Response) {
        let headers = RateHeaders::of(response);
        if matches!(response.status, 429 | 503) {
            self.refused(response, headers);
            return;
        }
        self.state().got_through = true;
        if let Some(wait) = headers.and_then(|h| h.wait()) {
            self.pause(wait, Pause::Courtesy);
        }
    }

    /// Pauses all requests until the limit is free again, and slows down from then on. Calls in
    /// flight that are refused together slow it down once.
    fn refused(&self, response: &Response, headers: Option<RateHeaders>) {
        let pause = headers
            .map(|h| h.reset)
            .max(retry_after(response))
            .unwrap_or(DEFAULT_PAUSE)
            .clamp(Duration::from_millis(500), LONGEST_PAUSE);
        let jitter = pause.mul_f64(rand::rng().random_range(0.0..0.1));
        if self.state().not_before <= Instant::now() {
            self.slow_down(response.status, headers);
        }
        self.pause(pause + jitter, Pause::Refused(response.status));
    }

    /// Slows down. A limiter lets some requests through and refuses others; a server that refuses
    /// all is down, and a slower pace would not help.
    fn slow_down(&self, status: u16, headers: Option<RateHeaders>) {
        let mut state = self.state();
        let certain = status == 429;
        if !certain && !state.got_through {
            return;
        }
        state.got_through = false;
        let ours = state.limiter.as_ref().map(|l| l.period * 2);
        let theirs = headers.and_then(|h| h.period());
        let period = ours
            .max(theirs)
            .unwrap_or(Duration::from_millis(200))
            .min(SLOWEST);
        state.limiter = Some(Limiter::new(period, 1));
        state.recovery.refused(certain);
        drop(state);
        tracing::warn!(
            status,
            "Mattermost, or what stands in front of it, refuses requests because there are too \
             many: from now on at most one in {:.1} s. A smaller mattermost.requests-per-second \
             keeps below its limit from the beginning",
            period.as_secs_f64()
        );
    }

    fn pause(&self, wait: Duration, why: Pause) {
        let mut state = self.state();
        let until = Instant::now() + wait;
        if until > state.not_before {
            state.not_before = until;
            state.why = why;
        }
    }

    /// Returns how long the next request must still wait; takes the permit when it need not wait.
    fn wait(&self) -> Option<Duration> {
        let mut state = self.state();
        let now = Instant::now();
        state.recover(now);
        let (wait, why) = if state.not_before > now {
            (state.not_before - now, state.why)
        } else {
            let refusal = state.limiter.as_ref().and_then(|l| l.cells.check().err());
            let Some(refusal) = refusal else {
                state.waits = None;
                return None;
            };
            // Tokio's timer has whole milliseconds: it would not sleep for less.
            let wait = refusal.wait_time_from(Moment(now));
            (wait.max(Duration::from_millis(1)), Pause::Pace)
        };
        state.waits = Some((why, now + wait));
        Some(wait)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recovery {
    /// Records that a refusal slowed us down; after a certain one it stays so.
    fn refused(&mut self, certain: bool) {
        if self.tried {
            self.after = (self.after * 2).min(FASTER_AFTER_AT_MOST);
        }
        self.tried = false;
        self.for_good |= certain;
        self.at = (!self.for_good).then(|| Instant::now() + self.after);
    }
}

impl State {
    /// Makes one step back to our own pace, when it is time.
    fn recover(&mut self, now: Instant) {
        let (Some(at), Some(limiter)) = (self.recovery.at, &self.limiter) else {
            return;
        };
        if now < at {
            return;
        }
        let period = limiter.period / 2;
        let own = self.recovery.own;
        let goal = own.map_or(FASTEST, |pace| {
            Duration::from_secs(1) / pace.per_second.max(1)
        });
        self.recovery.tried = true;
        if period > goal {
            self.limiter = Some(Limiter::new(period, 1));
            self.recovery.at = Some(now + self.recovery.after);
        } else {
            self.limiter = own.map(Limiter::of);
            self.recovery.at = None;
        }
    }
}

/// Tokio's clock, which tests can stop; governor's own one waits by the real clock.
#[derive(Clone, Copy, Debug)]
struct TokioClock;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(Instant);

impl Clock for TokioClock {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(Instant::now())
    }
}

impl Add<Nanos> for Moment {
    type Output = Self;

    fn add(self, later: Nanos) -> Self {
        Self(self.0 + Duration::from(later))
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.into()).unwrap_or(self.0))
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;

//! When the next request may start. One queue for all: whoever is first in it takes the permit
//! and starts his call.

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
use tokio::time::Instant;

use crate::config::Pace;

use super::transport::Response;

/// The longest pause that a server's headers can impose on us.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// The pause after a refusal without headers.
const DEFAULT_PAUSE: Duration = Duration::from_secs(2);
/// However often we are refused, we ask once in so long.
const SLOWEST: Duration = Duration::from_secs(2);
/// The part of the server's bucket that we leave to people who share it with us: one in four.
const SHARE_OF_OTHERS: u32 = 4;

/// What the server's headers say of its own limit (a generic cell rate algorithm).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateHeaders {
    /// The size of the bucket.
    pub limit: u32,
    /// How many requests are left in it.
    pub remaining: u32,
    /// In how long it will be full again. Whole seconds, rounded up.
    pub reset: Duration,
}

impl RateHeaders {
    /// Reads them; `None` when the server does not limit.
    pub fn of(response: &Response) -> Option<Self> {
        let number = |name: &str| response.headers.get(name)?.trim().parse::<u32>().ok();
        Some(Self {
            limit: number("x-ratelimit-limit")?,
            remaining: number("x-ratelimit-remaining")?,
            reset: Duration::from_secs(u64::from(number("x-ratelimit-reset")?)),
        })
    }

    /// The time in which one request comes back into the bucket, never too short: `reset` is
    /// rounded up.
    fn period(&self) -> Option<Duration> {
        let used = self.limit.saturating_sub(self.remaining);
        (used > 0 && !self.reset.is_zero()).then(|| self.reset / used)
    }

    /// How long to wait until others have their share again.
    fn wait(&self) -> Option<Duration> {
        let reserve = self.limit.div_ceil(SHARE_OF_OTHERS);
        let missing = reserve.checked_sub(self.remaining).filter(|n| *n > 0)?;
        Some(self.period()?.saturating_mul(missing).min(LONGEST_PAUSE))
    }
}

/// Lets requests through at our own pace, and at the server's where that is slower.
#[derive(Debug)]
pub struct Gate {
    /// The queue: fair, first come first served.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limiter: Option<Limiter>,
    not_before: Instant,
}

#[derive(Debug)]
struct Limiter {
    period: Duration,
    cells: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Moment>>,
}

impl Limiter {
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
    /// A gate with our own pace, or without one.
    pub fn new(pace: Option<Pace>) -> Self {
        let limiter = pace.map(|p| {
            let per_second = p.per_second.max(1);
            Limiter::new(Duration::from_secs(1) / per_second, p.burst)
        });
        Self {
            turn: tokio::sync::Mutex::new(()),
            state: Mutex::new(State {
                limiter,
                not_before: Instant::now(),
            }),
        }
    }

    /// Waits until a request may start. Who waits can be dropped at any time: no permit is lost.
    pub async fn pass(&self) {
        let _turn = self.turn.lock().await;
        while let Some(wait) = self.wait() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Learns from an answer.
    pub fn learn(&self, response: &Response) {
        let headers = RateHeaders::of(response);
        if response.status == 429 {
            self.refused(response, headers);
        } else if let Some(wait) = headers.and_then(|h| h.wait()) {
            self.pause(wait);
        }
    }

    /// Pauses everything until the bucket is full again, and is slower from then on, for good.
    /// Calls that were under way together are refused together: that slows down once.
    fn refused(&self, response: &Response, headers: Option<RateHeaders>) {
        let retry_after = response
            .headers
            .get("retry-after")
            .and_then(|v| v.trim().parse().ok())
            .map(Duration::from_secs);
        let pause = headers
            .map(|h| h.reset)
            .max(retry_after)
            .unwrap_or(DEFAULT_PAUSE)
            .clamp(Duration::from_millis(500), LONGEST_PAUSE);
        let jitter = pause.mul_f64(rand::rng().random_range(0.0..0.1));
        if self.state().not_before <= Instant::now() {
            self.slow_down(headers);
        }
        self.pause(pause + jitter);
    }

    fn slow_down(&self, headers: Option<RateHeaders>) {
        let mut state = self.state();
        let ours = state.limiter.as_ref().map(|l| l.period * 2);
        let theirs = headers.and_then(|h| h.period());
        let period = ours
            .max(theirs)
            .unwrap_or(Duration::from_millis(200))
            .min(SLOWEST);
        state.limiter = Some(Limiter::new(period, 1));
    }

    fn pause(&self, wait: Duration) {
        let mut state = self.state();
        state.not_before = state.not_before.max(Instant::now() + wait);
    }

    /// How long the next request must still wait; takes the permit when it need not.
    fn wait(&self) -> Option<Duration> {
        let state = self.state();
        let now = Instant::now();
        if state.not_before > now {
            return Some(state.not_before - now);
        }
        let refusal = state.limiter.as_ref()?.cells.check().err()?;
        // Tokio's timer counts whole milliseconds: sleeping for less would not sleep.
        Some(
            refusal
                .wait_time_from(Moment(now))
                .max(Duration::from_millis(1)),
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tokio's clock, which tests can stop; governor's own waits by the real one.
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
mod tests {
    use std::sync::Arc;

    use super::*;

    fn answer(status: u16, limit: u32, remaining: u32, reset: u32) -> Response {
        let headers = [
            ("x-ratelimit-limit", limit),
            ("x-ratelimit-remaining", remaining),
            ("x-ratelimit-reset", reset),
        ];
        Response {
            status,
            headers: headers.map(|(k, v)| (k.to_owned(), v.to_string())).into(),
            body: Vec::new(),
        }
    }

    async fn time_of(gate: &Gate, passes: u32) -> Duration {
        let start = Instant::now();
        for _ in 0..passes {
            gate.pass().await;
        }
        start.elapsed()
    }

    fn close(measured: Duration, expected_ms: u64) {
        let ms = measured.as_millis();
        let near = u128::from(expected_ms);
        assert!(
            ms.abs_diff(near) <= near / 8 + 3,
            "{ms} ms instead of {near}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_and_then_the_pace() {
        let gate = Gate::new(Some(Pace {
            per_second: 10,
            burst: 5,
        }));
        close(time_of(&gate, 5).await, 0);
        close(time_of(&gate, 20).await, 2_000);
        close(time_of(&Gate::new(None), 10_000).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_longest_goes_first() {
        let gate = Arc::new(Gate::new(Some(Pace {
            per_second: 10,
            burst: 1,
        })));
        let start = Instant::now();
        gate.pass().await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        // One waits; the others come just when the permit is there, before and after it wakes.
        for (who, comes_after) in [("late", 100), ("first", 0), ("late", 100), ("last", 150)] {
            let (gate, order) = (Arc::clone(&gate), Arc::clone(&order));
            tasks.spawn(async move {
                tokio::time::sleep(Duration::from_millis(comes_after)).await;
                gate.pass().await;
                order.lock().unwrap().push(who);
            });
        }
        tasks.join_all().await;
        close(start.elapsed(), 400);
        assert_eq!(*order.lock().unwrap(), ["first", "late", "late", "last"]);
    }

    #[tokio::test(start_paused = true)]
    async fn others_keep_their_share_of_the_bucket() {
        let gate = Gate::new(None);
        gate.learn(&answer(200, 100, 25, 10));
        close(time_of(&gate, 1).await, 0);
        // 10 below the share of 25; 85 come back in 10 s.
        gate.learn(&answer(200, 100, 15, 10));
        close(time_of(&gate, 1).await, 1_176);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_pauses_all_and_slows_down_for_good_once() {
        let gate = Gate::new(Some(Pace {
            per_second: 10,
            burst: 10,
        }));
        time_of(&gate, 10).await;
        for _ in 0..4 {
            gate.learn(&answer(429, 100, 0, 3));
        }
        let paused = time_of(&gate, 1).await;
        assert!(paused >= Duration::from_secs(3) && paused <= Duration::from_millis(3_310));
        close(time_of(&gate, 10).await, 2_000);
        gate.learn(&answer(429, 100, 0, 1));
        time_of(&gate, 1).await;
        close(time_of(&gate, 10).await, 4_000);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_pace_of_our_own_the_refusal_teaches_one() {
        let gate = Gate::new(None);
        gate.learn(&answer(429, 11, 0, 3));
        time_of(&gate, 1).await;
        close(time_of(&gate, 11).await, 3_000);
    }

    #[tokio::test(start_paused = true)]
    async fn absurd_headers_do_not_stop_us_for_ever() {
        let gate = Gate::new(None);
        gate.learn(&answer(429, 0, 0, u32::MAX));
        assert!(time_of(&gate, 1).await <= LONGEST_PAUSE.mul_f64(1.11));
        gate.learn(&answer(200, 0, 0, 0));
        assert!(time_of(&gate, 3).await <= Duration::from_secs(7));
    }
}

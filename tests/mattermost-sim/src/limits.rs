//! The user limit and the rate limit.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::call::{Call, Door};
use crate::errors::{Answer, Outcome, ok};
use crate::options::{UserLimit, Version};
use crate::world::World;

/// `GET /limits/server`: the numbers for an administrator. Anybody else is refused by 10.9, and
/// gets zeros from 11.
pub(crate) fn server(world: &World, call: &Call) -> Outcome {
    let who = world.who(call)?;
    if world.version < Version::V11 {
        who.must_be_admin()?;
    }
    let sees = who.is_admin();
    let none = UserLimit { warn: 0, hard: 0 };
    let limit = world.user_limit.filter(|_| sees).unwrap_or(none);
    let mut shown = json!({
        "maxUsersLimit": limit.warn,
        "maxUsersHardLimit": limit.hard,
        "activeUserCount": if sees { world.seats_taken() } else { 0 },
    });
    if world.version >= Version::V11 {
        for field in [
            "singleChannelGuestCount",
            "singleChannelGuestLimit",
            "postHistoryLimit",
            "lastAccessiblePostTime",
        ] {
            shown[field] = json!(0);
        }
    }
    ok(&shown)
}

/// When each caller's bucket will be full again (generic cell rate algorithm), in milliseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buckets(BTreeMap<String, i64>);

/// What the rate limiter says to a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Rate limiting is off, or the request came by the socket.
    Unlimited,
    /// The request passes; its answer gets these headers.
    Pass(Vec<(&'static str, String)>),
    /// The request is refused with this answer.
    Refuse(Answer),
}

fn seconds(millis: i64) -> i64 {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
        .as_millis()
        .div_ceil(1000)
        .try_into()
        .unwrap_or(i64::MAX)
}

impl World {
    /// Asks the rate limiter. The settings count as they are now; a real server reads them when
    /// it starts.
    pub(crate) fn rate(&mut self, call: &Call) -> Verdict {
        let Door::Tcp(address) = call.door else {
            return Verdict::Unlimited;
        };
        let section = "RateLimitSettings";
        if !self.config.flag(section, "Enable") {
            return Verdict::Unlimited;
        }
        let mut key = String::new();
        if let Some(address) = address.filter(|_| self.config.flag(section, "VaryByRemoteAddr")) {
            key.push_str(&address.to_string());
        }
        if self.config.flag(section, "VaryByUser") {
            key.push_str(call.bearer().unwrap_or_default());
        }
        let per_second = i64::try_from(self.config.number(section, "PerSec")).unwrap_or(1);
        let burst = i64::try_from(self.config.number(section, "MaxBurst")).unwrap_or(1);
        let now = self.clock.now();
        let step = 1000 / per_second.clamp(1, 1000);
        // The library behind the real server admits one more than the burst that is set.
        let size = burst.saturating_add(1);
        let full_at = self.buckets.0.get(&key).copied().unwrap_or(0).max(now);
        let next = full_at + step;
        let over = next - now - size * step;
        if over > 0 {
            return Verdict::Refuse(
                Answer::text(429, "limit exceeded\n")
                    .with("retry-after", seconds(over).to_string())
                    .with("x-ratelimit-limit", size.to_string())
                    .with("x-ratelimit-remaining", "0")
                    .with("x-ratelimit-reset", seconds(full_at - now).to_string()),
            );
        }
        self.buckets.0.insert(key, next);
        Verdict::Pass(vec![
            ("x-ratelimit-limit", size.to_string()),
            ("x-ratelimit-remaining", (-over / step).to_string()),
            ("x-ratelimit-reset", seconds(next - now).to_string()),
        ])
    }
}

/// The refusal of a rate limiter that asks to wait so many seconds.
pub(crate) fn too_many(wait: u64) -> Answer {
    Answer::text(429, "limit exceeded\n")
        .with("retry-after", wait.to_string())
        .with("x-ratelimit-limit", "101")
        .with("x-ratelimit-remaining", "0")
        .with("x-ratelimit-reset", wait.to_string())
}

//! The server's clock, and where its ids come from.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock that runs, can be set, and never gives the same millisecond to two writes.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    base: i64,
    /// Since when it runs from `base` on; `None` while it stands.
    since: Option<Instant>,
    last_stamp: i64,
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Clock {
    pub(crate) fn new(now: Option<i64>) -> Clock {
        let machine = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, millis);
        Clock {
            base: now.unwrap_or(machine),
            since: Some(Instant::now()),
            last_stamp: 0,
        }
    }

    /// The time now, in milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        let run = self.since.map_or(0, |since| millis(since.elapsed()));
        self.base.saturating_add(run)
    }

    /// A time for something that is written: later than the one before, so that two changes can
    /// be told apart by `update_at` however fast they come.
    pub(crate) fn stamp(&mut self) -> i64 {
        self.last_stamp = self.now().max(self.last_stamp.saturating_add(1));
        self.last_stamp
    }

    /// Sets the clock, also backwards; it runs on, or stands, as before.
    pub(crate) fn set(&mut self, now: i64) {
        self.base = now;
        self.since = self.since.map(|_| Instant::now());
        self.last_stamp = now.saturating_sub(1);
    }

    pub(crate) fn stop(&mut self) {
        self.base = self.now();
        self.since = None;
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.base = self.base.saturating_add(millis(by));
    }
}

/// Ids as Mattermost makes them: 26 letters of z-base-32. Reproducible: the same seed gives the
/// same sequence.
#[derive(Clone, Debug)]
pub(crate) struct Ids(u64);

const LETTERS: &[u8; 32] = b"ybndrfg8ejkmcpqxot1uwisza345h769";

impl Ids {
    pub(crate) fn new(seed: u64) -> Ids {
        Ids(seed)
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): a good spread from a counter.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn make(&mut self) -> String {
        let mut id = String::with_capacity(26);
        let mut bits = 0_u64;
        for n in 0..26 {
            if n % 12 == 0 {
                bits = self.next();
            }
            let index = usize::try_from(bits & 31).unwrap_or(0);
            id.push(char::from(LETTERS[index]));
            bits >>= 5;
        }
        id
    }
}

/// Whether this could be an id at all (`model.IsValidId`: 26 letters or digits).
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

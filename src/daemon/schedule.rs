//! When the next cycle begins: a pure function of what happened.

use std::time::Duration;

use crate::config::ScheduleSettings;

/// A failure that lasts is told again after this time.
pub const REMINDER: Duration = Duration::from_secs(60 * 60);

/// The pause after the first failure; each further one doubles it.
const FIRST_BACKOFF: Duration = Duration::from_secs(15);

/// A date that is this near is waited for no longer than this: clocks differ by a little.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How the last cycle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was finished.
    Well {
        /// The time until the next account expires, if one does: nothing in the directory changes
        /// at that moment.
        until_expiry: Option<Duration>,
    },
    /// So many in a row could not be finished.
    Failed {
        /// How many.
        in_a_row: u32,
        /// Trying soon again could lock an account.
        must_not_hurry: bool,
    },
}

/// The pause before the next cycle. `chance` is a random number from 0 to 1: many machines do not
/// ask at once, and none of them comes back in step after an outage.
pub fn next_delay(settings: &ScheduleSettings, ended: Ended, chance: f64) -> Duration {
    let chance = chance.clamp(0.0, 1.0);
    match ended {
        Ended::Well { until_expiry } => {
            let pause = settings.interval + settings.jitter.mul_f64(chance);
            until_expiry.map_or(pause, |until| pause.min(until.max(AT_ONCE)))
        }
        Ended::Failed {
            must_not_hurry: true,
            ..
        } => settings.max_backoff.max(settings.interval),
        Ended::Failed { in_a_row, .. } => {
            let doublings = in_a_row.saturating_sub(1).min(16);
            let longest = settings.max_backoff.max(FIRST_BACKOFF);
            let pause = FIRST_BACKOFF.saturating_mul(1 << doublings).min(longest);
            // Half of the pause is certain, so that a broken server is never hammered.
            pause.mul_f64(0.5 + chance / 2.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> ScheduleSettings {
        ScheduleSettings {
            interval: Duration::from_secs(300),
            jitter: Duration::from_secs(30),
            max_backoff: Duration::from_secs(900),
        }
    }

    const WELL: Ended = Ended::Well { until_expiry: None };

    fn failed(in_a_row: u32) -> Ended {
        Ended::Failed {
            in_a_row,
            must_not_hurry: false,
        }
    }

    #[test]
    fn a_good_cycle_is_followed_by_the_interval_and_some_jitter() {
        assert_eq!(next_delay(&settings(), WELL, 0.0), Duration::from_secs(300));
        assert_eq!(next_delay(&settings(), WELL, 1.0), Duration::from_secs(330));
    }

    #[test]
    fn a_date_before_that_is_waited_for_and_not_longer() {
        let at = |ms| {
            let until_expiry = Some(Duration::from_millis(ms));
            next_delay(&settings(), Ended::Well { until_expiry }, 0.5).as_millis()
        };
        assert_eq!((at(200_500), at(200), at(0)), (200_500, 1_000, 1_000));
        assert_eq!(at(900_000), 315_000, "what is later comes in time");
    }

    #[test]
    fn failures_back_off_up_to_the_limit() {
        let at = |n| next_delay(&settings(), failed(n), 1.0).as_secs();
        assert_eq!((at(1), at(2), at(3), at(7), at(99)), (15, 30, 60, 900, 900));
        assert_eq!(
            next_delay(&settings(), failed(3), 0.0),
            Duration::from_secs(30)
        );
    }

    #[test]
    fn a_wrong_password_is_not_tried_again_soon() {
        let ended = Ended::Failed {
            in_a_row: 1,
            must_not_hurry: true,
        };
        assert_eq!(
            next_delay(&settings(), ended, 0.0),
            Duration::from_secs(900)
        );
    }
}

//! Time, as far as mattersync can tell.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mattersync::clock::Clock;
use mattersync::model::{Now, Timestamp};

/// Clocks that stand still until they are moved.
pub struct HandClock(Mutex<(Now, i64)>);

impl HandClock {
    pub fn new(wall: i64) -> Arc<Self> {
        let now = Now {
            wall: Timestamp(wall),
            boot: Duration::from_secs(3600),
            boot_id: "boot-0".into(),
        };
        Arc::new(Self(Mutex::new((now, 0))))
    }

    /// Time passes: on all clocks.
    pub fn advance(&self, by: Duration) {
        let mut clock = self.0.lock().unwrap();
        clock.0.wall = clock.0.wall.after(by);
        clock.0.boot += by;
        clock.1 += i64::try_from(by.as_millis()).unwrap();
    }

    /// The machine's clock is set.
    pub fn jump(&self, hours: i64) {
        self.0.lock().unwrap().0.wall.0 += hours * 3_600_000;
    }

    pub fn reboot(&self) {
        let mut clock = self.0.lock().unwrap();
        clock.0.boot = Duration::from_secs(20);
        clock.0.boot_id.push('x');
    }

    /// How much time has passed in truth, in milliseconds.
    pub fn truth(&self) -> i64 {
        self.0.lock().unwrap().1
    }
}

impl Clock for HandClock {
    fn now(&self) -> Now {
        self.0.lock().unwrap().0.clone()
    }
}

//! Names and addresses that change hands.

use mattermost_sim::{Options, Seen, Version};

use crate::crash::wound::{Story, users};
use testkit::service::{Config, Daemon, Person, Stage, people};

/// Three people get each other's names and addresses.
pub struct Rings {
    /// Over the Unix socket.
    pub local: bool,
}

pub const RING: [&str; 3] = ["anna", "bert", "carl"];

impl Story for Rings {
    fn set_up(&self) -> (Stage, Option<Daemon>) {
        let config = Config {
            local: self.local,
            ..Config::default()
        };
        let stage = Stage::new(crate::BINARY, &Options::new(Version::V11), &config);
        stage.write_people(&people(&RING));
        let daemon = stage.start_and_wait();
        (stage, Some(daemon))
    }

    fn directory(&self) -> Vec<Person> {
        let mut all = people(&RING);
        for (n, person) in all.iter_mut().enumerate() {
            let next = RING[(n + 1) % 3];
            person.uid = next.to_owned();
            person.mail = format!("{next}@example.org");
        }
        all
    }

    fn check(&self, stage: &Stage, _: Option<&Seen>) {
        let users = users(stage);
        assert_eq!(
            users.keys().collect::<Vec<_>>(),
            RING.iter().collect::<Vec<_>>()
        );
        for (n, first) in RING.iter().enumerate() {
            let user = &users[RING[(n + 1) % 3]];
            assert_eq!(user.first_name, first.to_uppercase(), "{user:?}");
            assert_eq!(user.email, format!("{}@example.org", user.username));
            assert!(user.is_active() && user.email_verified, "{user:?}");
        }
    }

    fn later(&self, _: &Stage, daemon: &Daemon) {
        assert_eq!(daemon.sync().writes, 0);
    }
}

//! The first fill.

use mattermost_sim::{Options, Seen, Version};

use crate::crash::wound::{Story, in_team, until_quiet, users};
use testkit::service::{Config, Daemon, Person, Stage, people};

/// The first fill.
pub struct Creations {
    pub version: Version,
    /// Over the Unix socket.
    pub local: bool,
}

pub const OLD: Creations = Creations {
    version: Version::V5_38,
    local: false,
};

pub const FILL: Creations = Creations {
    version: Version::V11,
    local: false,
};

pub const NEW: [&str; 6] = ["anna", "bert", "carl", "dora", "emil", "fred"];

impl Story for Creations {
    fn set_up(&self) -> (Stage, Option<Daemon>) {
        let config = Config {
            local: self.local,
            ..Config::default()
        };
        (
            Stage::new(crate::BINARY, &Options::new(self.version), &config),
            None,
        )
    }

    fn directory(&self) -> Vec<Person> {
        people(&NEW)
    }

    fn check(&self, stage: &Stage, _: Option<&Seen>) {
        let users = users(stage);
        assert_eq!(
            users.keys().collect::<Vec<_>>(),
            NEW.iter().collect::<Vec<_>>()
        );
        for user in users.values() {
            assert!(
                user.is_active() && user.email_verified && !user.is_admin(),
                "{user:?}"
            );
        }
        assert_eq!(in_team(stage), NEW);
        assert_eq!(stage.sim.teams().len(), 1);
        assert!(stage.sim.mails().is_empty(), "{:?}", stage.sim.mails());
    }

    fn later(&self, stage: &Stage, daemon: &Daemon) {
        // Each is known as ours: who leaves the directory is deactivated.
        let links = daemon.status().unwrap().counts["links"];
        assert_eq!(links, 6);
        stage.write_people(&people(&NEW[..5]));
        until_quiet(stage, daemon);
        let users = users(stage);
        assert_eq!(users.len(), 6);
        assert!(!users["fred"].is_active());
    }
}

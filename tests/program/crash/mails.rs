//! Several changes of addresses at once.

use mattermost_sim::{MailKind, Options, Seen, Version};
use serde_json::json;

use crate::crash::wound::{Story, users};
use testkit::service::{Config, Daemon, Person, Stage, people};

/// Four people get new addresses, on a server that asks each by mail. Each is asked; only whose
/// call was perhaps made is not asked again.
pub struct Mails;

impl Mails {
    fn before() -> Vec<Person> {
        people(&["anna", "bert", "carl", "dora"])
    }
}

impl Story for Mails {
    fn set_up(&self) -> (Stage, Option<Daemon>) {
        let options = Options {
            config: json!({"EmailSettings": {"RequireEmailVerification": true}}),
            ..Options::new(Version::V11)
        };
        let config = Config {
            mattermost: "requests-per-second = \"off\"\nconcurrency = 1\n".into(),
            ..Config::default()
        };
        let stage = Stage::new(crate::BINARY, &options, &config);
        stage.write_people(&Self::before());
        let daemon = stage.start_and_wait();
        (stage, Some(daemon))
    }

    fn directory(&self) -> Vec<Person> {
        let mut all = Self::before();
        for person in &mut all {
            person.mail = format!("{}.new@example.org", person.uid);
        }
        all
    }

    fn check(&self, stage: &Stage, lost: Option<&Seen>) {
        let mails = stage.sim.mails();
        let asked = mails.iter().filter(|m| m.kind == MailKind::Verification);
        let expected = 4 - usize::from(lost.is_some());
        assert_eq!(asked.count(), expected, "{mails:?}");
        assert_eq!(mails.len(), expected, "{mails:?}");
        assert_eq!(users(stage).len(), 4);
    }

    fn later(&self, _stage: &Stage, _daemon: &Daemon) {}
}

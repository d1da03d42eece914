//! Everything that can happen to users who are there.

use std::collections::BTreeMap;

use mattermost_sim::{MailKind, Options, Seen, User, Version};
use serde_json::json;

use crate::crash::wound::{Story, in_team, until_quiet, users};
use testkit::service::{Config, Daemon, Person, Stage, people};

/// Everything that can happen to users who are there.
pub struct Changes {
    /// `RequireEmailVerification`.
    pub verifies: bool,
    /// Over the Unix socket.
    pub local: bool,
}

impl Changes {
    fn before() -> Vec<Person> {
        people(&[
            "anna", "bert", "carl", "dora", "emil", "fred", "gina", "hans",
        ])
    }

    fn in_between() -> Vec<Person> {
        let mut all = Self::before();
        all[4].locked = true;
        all
    }
}

impl Story for Changes {
    fn set_up(&self) -> (Stage, Option<Daemon>) {
        let options = Options {
            config: json!({"EmailSettings": {"RequireEmailVerification": self.verifies}}),
            ..Options::new(Version::V11)
        };
        let config = Config {
            local: self.local,
            ..Config::default()
        };
        let stage = Stage::new(crate::BINARY, &options, &config);
        stage.write_people(&Self::before());
        let daemon = stage.start_and_wait();
        stage.write_people(&Self::in_between());
        daemon.sync();
        let users = users(&stage);
        assert!(!users["emil"].is_active() && users["dora"].is_active() && users.len() == 8);
        assert!(stage.sim.mails().is_empty());
        (stage, Some(daemon))
    }

    fn directory(&self) -> Vec<Person> {
        let mut all = Self::in_between();
        all[0].uid = "anna.b".into();
        all[0].mail = "anna@example.org".into();
        all[1].mail = "bert.new@example.org".into();
        all[2].first = "Carlo".into();
        all[3].locked = true;
        all[4].locked = false;
        all.remove(5);
        all
    }

    fn check(&self, stage: &Stage, lost: Option<&Seen>) {
        let users = users(stage);
        let names: Vec<&String> = users.keys().collect();
        assert_eq!(
            names,
            [
                "anna.b", "bert", "carl", "dora", "emil", "fred", "gina", "hans"
            ]
        );
        let active: Vec<&String> = users
            .iter()
            .filter(|(_, u)| u.is_active())
            .map(|(n, _)| n)
            .collect();
        assert_eq!(active, ["anna.b", "bert", "carl", "emil", "gina", "hans"]);
        assert_eq!(users["carl"].first_name, "Carlo");
        assert_eq!(in_team(stage).len(), 8);
        let mails = stage.sim.mails();
        let of = |kind| mails.iter().filter(|m| m.kind == kind).count();
        assert_eq!(of(MailKind::UsernameChanged), 1, "{mails:?}");
        if self.verifies {
            // Asked for at most once: what never arrived is not asked for again.
            let bert = &users["bert"].id;
            let is_ask =
                |s: &Seen| s.target.contains(bert.as_str()) && s.target.ends_with("/patch");
            let asked = usize::from(!lost.is_some_and(is_ask));
            assert_eq!(of(MailKind::Verification), asked, "{mails:?}");
            assert_eq!(of(MailKind::EmailChanged), 0);
            assert_eq!(users["bert"].email, "bert@example.org");
        } else {
            assert_eq!(of(MailKind::EmailChanged), 1, "{mails:?}");
            assert_eq!(of(MailKind::Verification), 0);
            assert_eq!(users["bert"].email, "bert.new@example.org");
        }
        assert!(
            users.values().all(|u| u.email_verified),
            "an address that is not verified"
        );
        assert_eq!(
            mails.len(),
            of(MailKind::UsernameChanged) + of(MailKind::EmailChanged) + of(MailKind::Verification)
        );
    }

    fn later(&self, stage: &Stage, daemon: &Daemon) {
        // Whom we deactivated comes back: it is not taken for an administrator's work.
        let mut all = self.directory();
        all[3].locked = false;
        all.push(Self::before().remove(5));
        let ids = |users: &BTreeMap<String, User>| {
            users
                .iter()
                .map(|(n, u)| (n.clone(), u.id.clone()))
                .collect::<Vec<_>>()
        };
        let before = ids(&users(stage));
        stage.write_people(&all);
        until_quiet(stage, daemon);
        let after = users(stage);
        assert_eq!(ids(&after), before);
        let out: Vec<&String> = after
            .iter()
            .filter(|(_, u)| !u.is_active())
            .map(|(n, _)| n)
            .collect();
        assert!(
            out.is_empty(),
            "not reactivated: {out:?}; {}",
            daemon.output()
        );
    }
}

pub const OFF: Changes = Changes {
    verifies: false,
    local: false,
};
pub const ON: Changes = Changes {
    verifies: true,
    local: false,
};

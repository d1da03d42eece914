//! The rules are the same in a file and in memory; the file has some of its own.

#![allow(
    clippy::too_many_lines,
    reason = "a list of everything that can be written"
)]

mod about;
mod clean;
mod commit;
mod file;
mod frozen;
mod memory;
mod notes;
mod rules;
mod runs;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tempfile::TempDir;

use super::sqlite::SqliteFile;
use super::*;
use crate::model::{
    AccountChange, AccountKey, Action, DirectoryId, HoldChange, Link, LinkOrigin, Made, Memory,
    MemoryDelta, Nonce, Note, Noted, Now, Plan, Precondition, ProviderChange, ProviderName, Reason,
    Remember, RunId, Step, StepId, Subject, TeamRef, Timestamp, UserChange, UserId, UserRef,
};

fn place() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn key(id: &str) -> AccountKey {
    AccountKey {
        provider: ProviderName::new("company"),
        id: DirectoryId::new(id),
    }
}

fn link(user: &str) -> Link {
    Link {
        user: UserId::new(user),
        origin: LinkOrigin::Created,
        since: Timestamp(1),
        last_dn: "uid=x,dc=example".into(),
        last_username: "x".into(),
        deactivated: None,
        email_waiting: None,
        given: BTreeMap::new(),
        anchor: None,
        agreed: Default::default(),
    }
}

fn step(number: u32, action: Action) -> Step {
    Step {
        id: StepId(number),
        subject: Subject {
            name: format!("step {number}"),
            ..Subject::default()
        },
        action,
        expects: Precondition::Nothing,
        reason: Reason::TeamConfigured,
        mails: 0,
        after: Vec::new(),
        privileged: false,
    }
}

fn reactivate(number: u32, id: &str) -> Step {
    step(
        number,
        Action::Reactivate {
            account: key(id),
            user: UserId::new(format!("user-{id}")),
        },
    )
}

fn join(number: u32, id: &str, user: UserRef, team: &str) -> Step {
    let action = Action::JoinTeam {
        account: key(id),
        user,
        team: TeamRef::Made(StepId(99)),
        team_name: team.into(),
    };
    step(number, action)
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        steps,
        ..Plan::default()
    }
}

fn at(wall: i64) -> Now {
    Now {
        wall: Timestamp(wall),
        boot: Duration::from_secs(5),
        boot_id: "b".into(),
    }
}

impl Store for Arc<SqliteFile> {
    fn transact(&self, writes: bool, work: Work) -> BoxFuture<'_, Result<(), StateError>> {
        self.as_ref().transact(writes, work)
    }

    fn fence(&self) -> Option<Fence> {
        self.as_ref().fence()
    }

    fn scrub(&self) -> BoxFuture<'_, Result<(), StateError>> {
        self.as_ref().scrub()
    }

    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StateError>> {
        self.as_ref().verify()
    }
}

fn open(directory: &Path) -> State {
    State::open(directory).unwrap()
}

fn nonce(number: usize) -> MemoryDelta {
    let value = Some(Nonce::new(number.to_string()).into());
    vec![Remember::Account(
        key(&number.to_string()),
        AccountChange::Begun(value),
    )]
}

/// Runs one story on each kind of store.
async fn on_both(story: impl AsyncFn(&State)) {
    let place = tempfile::tempdir().unwrap();
    story(&open(place.path())).await;
    story(&State::in_memory().unwrap()).await;
}

fn refused<T: std::fmt::Debug>(result: Result<T, StateError>, word: &str) {
    match result {
        Err(StateError::Refused(what)) => assert!(what.contains(word), "{what}"),
        other => panic!("{other:?} instead of a refusal that says {word:?}"),
    }
}

async fn unsettled(store: &State) -> Vec<(i64, u32, i64)> {
    let steps = store.unsettled().await.unwrap();
    steps
        .iter()
        .map(|u| (u.run.0, u.step.id.0, u.at.0))
        .collect()
}

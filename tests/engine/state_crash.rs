//! A process that is killed at any moment keeps every write that it was told is done.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use futures_util::future::join_all;
use mattersync::model::{
    AccountChange, AccountKey, Action, DirectoryId, Link, LinkOrigin, Nonce, Now, Plan,
    Precondition, ProviderName, Reason, Remember, RunId, Step, StepId, StepRecord, Subject,
    Timestamp, UserId,
};
use mattersync::state::{COPY_NAME, FILE_NAME, Outcome, State};
use rand::RngExt;

/// Tells a process that it is the one to be killed, and where it shall write.
const VICTIM: &str = "MATTERSYNC_TEST_STATE_VICTIM";
const ROUNDS: u32 = 40;
const STEPS: u32 = 60;
const AT_ONCE: usize = 20;

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    if let Some(directory) = std::env::var_os(VICTIM) {
        runtime.block_on(write_for_ever(&PathBuf::from(directory)));
    }
    let place = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        kill_one(place.path(), round, &mut acknowledged);
        runtime.block_on(verify(place.path(), &acknowledged));
    }
    let heard = (
        acknowledged.intended.len() > 100,
        acknowledged.settled.len() > 100,
        acknowledged.finished.len() > 1,
    );
    assert_eq!(heard, (true, true, true), "too little happened");
}

/// What the victims were told, by run and step.
#[derive(Debug, Default)]
struct Acknowledged {
    intended: BTreeSet<(i64, u32)>,
    settled: BTreeSet<(i64, u32)>,
    finished: BTreeSet<i64>,
}

impl Acknowledged {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["ack", "intend", run, step] => {
                self.intended
                    .insert((run.parse().unwrap(), step.parse().unwrap()));
            }
            ["ack", "settle", run, step] => {
                self.settled
                    .insert((run.parse().unwrap(), step.parse().unwrap()));
            }
            ["ack", "finish", run] => {
                self.finished.insert(run.parse().unwrap());
            }
            // The test harness of the victim talks as well.
            _ => {}
        }
    }
}

fn kill_one(directory: &Path, round: u32, acknowledged: &mut Acknowledged) {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .env(VICTIM, directory)
        .arg("state_crash::what_was_acknowledged_survives_a_kill_at_any_moment")
        .args(["--exact", "--nocapture"])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let lines = lines_of(&mut victim);
    // Sometimes while it opens the file, mostly in the middle of its work.
    let patience = rand::rng().random_range(0..400);
    let lines_first = if round.is_multiple_of(4) {
        0
    } else {
        rand::rng().random_range(1..400)
    };
    for _ in 0..lines_first {
        let line = lines.recv_timeout(Duration::from_secs(60)).unwrap();
        acknowledged.hear(&line);
    }
    let end = std::time::Instant::now() + Duration::from_micros(patience * 100);
    while let Ok(line) =
        lines.recv_timeout(end.saturating_duration_since(std::time::Instant::now()))
    {
        acknowledged.hear(&line);
    }
    victim.kill().unwrap();
    let status = victim.wait().unwrap();
    assert_eq!(status.code(), None, "it ended by itself: {status}");
    for line in lines {
        acknowledged.hear(&line);
    }
}

/// Whole lines only: the last may have been cut.
fn lines_of(victim: &mut Child) -> Receiver<String> {
    let (sender, lines) = channel();
    let mut output = BufReader::new(victim.stdout.take().unwrap());
    std::thread::spawn(move || {
        let mut line = String::new();
        while output.read_line(&mut line).unwrap_or(0) > 0 && line.ends_with('\n') {
            let _ = sender.send(line.trim_end().to_owned());
            line.clear();
        }
    });
    lines
}

async fn verify(directory: &Path, acknowledged: &Acknowledged) {
    let store = State::open(directory).unwrap();
    let memory = store.load().await.unwrap();
    let runs = store.runs(u32::MAX).await.unwrap();
    let unsettled: BTreeSet<(i64, u32)> = store
        .unsettled()
        .await
        .unwrap()
        .iter()
        .map(|u| (u.run.0, u.step.id.0))
        .collect();
    let mut outcomes = BTreeMap::new();
    for run in &runs {
        assert_eq!(run.steps.len(), STEPS as usize, "a run with all its steps");
        for StepRecord { step, outcome, .. } in &run.steps {
            let place = (run.id.0, step.id.0);
            let done = outcome == &Some(Outcome::Done);
            let begun = outcome.is_some();
            let key = account(run.id, step.id);
            assert_eq!(memory.is_linked(&key), done, "{place:?}");
            assert_eq!(
                memory.account(&key).begun.is_some(),
                begun && !done,
                "{place:?}"
            );
            assert_eq!(unsettled.contains(&place), begun && !done, "{place:?}");
            outcomes.insert(place, outcome.clone());
        }
    }
    for place in &acknowledged.intended {
        assert!(outcomes[place].is_some(), "{place:?} was begun");
    }
    for place in &acknowledged.settled {
        assert_eq!(outcomes[place], Some(Outcome::Done), "{place:?}");
    }
    for run in &runs {
        if acknowledged.finished.contains(&run.id.0) {
            assert!(run.ended.is_some(), "{:?} was finished", run.id);
        }
    }
    drop(store);
    sound(&directory.join(FILE_NAME));
    if directory.join(COPY_NAME).exists() {
        sound(&directory.join(COPY_NAME));
    }
}

fn sound(file: &Path) {
    let db = rusqlite::Connection::open(file).unwrap();
    let verdict: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok", "{}", file.display());
}

fn account(run: RunId, step: StepId) -> AccountKey {
    AccountKey {
        provider: ProviderName::new("company"),
        id: DirectoryId::new(format!("{}-{}", run.0, step.0)),
    }
}

fn tell(words: std::fmt::Arguments<'_>) {
    let line = format!("ack {words}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
    std::io::stdout().flush().unwrap();
}

async fn write_for_ever(directory: &Path) -> ! {
    let store = State::open(directory).unwrap();
    loop {
        write_run(&store).await;
    }
}

async fn write_run(store: &State) {
    let now = Now {
        wall: Timestamp(1),
        boot: Duration::ZERO,
        boot_id: String::new(),
    };
    // Accounts are named after the run, whose number is known only afterwards: the next one.
    let next = store
        .runs(1)
        .await
        .unwrap()
        .first()
        .map_or(1, |r| r.id.0 + 1);
    let plan = Plan {
        steps: (0..STEPS).map(|n| step(RunId(next), StepId(n))).collect(),
        ..Plan::default()
    };
    let run = store.begin(&plan, "digest", &now).await.unwrap();
    assert_eq!(run.0, next);
    let ids: Vec<StepId> = plan.steps.iter().map(|step| step.id).collect();
    for chunk in ids.chunks(AT_ONCE) {
        let nonces = chunk
            .iter()
            .map(|id| {
                Remember::Account(
                    account(run, *id),
                    AccountChange::Begun(Some(Nonce::new("n").into())),
                )
            })
            .collect();
        store.intend(run, chunk, nonces, now.wall).await.unwrap();
        for id in chunk {
            tell(format_args!("intend {} {}", run.0, id.0));
        }
        join_all(chunk.iter().map(|id| settle(store, run, *id))).await;
    }
    store.finish(run, true, now.wall).await.unwrap();
    tell(format_args!("finish {}", run.0));
}

async fn settle(store: &State, run: RunId, id: StepId) {
    let key = account(run, id);
    let link = Link {
        user: UserId::new(format!("user-{key}")),
        origin: LinkOrigin::Created,
        since: Timestamp(1),
        last_dn: String::new(),
        last_username: String::new(),
        deactivated: None,
        email_waiting: None,
        given: Default::default(),
        anchor: None,
        agreed: Default::default(),
    };
    let delta = vec![
        Remember::Account(key.clone(), AccountChange::Begun(None)),
        Remember::Account(key, AccountChange::Link(Some(link))),
    ];
    store
        .settle(run, id, Outcome::Done, delta, Timestamp(30))
        .await
        .unwrap();
    tell(format_args!("settle {} {}", run.0, id.0));
}

fn step(run: RunId, id: StepId) -> Step {
    let key = account(run, id);
    Step {
        id,
        subject: Subject::default(),
        action: Action::Reactivate {
            user: UserId::new(format!("user-{key}")),
            account: key,
        },
        expects: Precondition::Nothing,
        reason: Reason::NoUserYet,
        mails: 0,
        after: Vec::new(),
        privileged: false,
    }
}

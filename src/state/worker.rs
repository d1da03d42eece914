//! The thread that owns the connection. It takes what is queued, commits it once, then answers.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fault::Fault;
use super::rows;
use super::{Lease, StateError, copy};

/// How many commands share one commit at most; this bounds the write-ahead log and the wait.
const MAX_PER_COMMIT: usize = 512;

/// A command: work on the connection, and a caller who waits for the result.
trait Job: Send {
    fn writes(&self) -> bool;
    fn run(&mut self, db: &Connection) -> Result<(), Fault>;
    /// Sends the caller the failure if there is one, else the result of the last `run`.
    fn answer(self: Box<Self>, failure: Option<StateError>);
}

struct Command<T, F> {
    writes: bool,
    work: F,
    result: Option<T>,
    caller: oneshot::Sender<Result<T, StateError>>,
}

impl<T, F> Job for Command<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> Result<T, Fault> + Send,
{
    fn writes(&self) -> bool {
        self.writes
    }

    fn run(&mut self, db: &Connection) -> Result<(), Fault> {
        self.result = Some((self.work)(db)?);
        Ok(())
    }

    fn answer(self: Box<Self>, failure: Option<StateError>) {
        let answer = match (failure, self.result) {
            (Some(error), _) => Err(error),
            (None, Some(result)) => Ok(result),
            (None, None) => Err(StateError::Closed),
        };
        // The work stays done even if the caller no longer waits.
        let _ = self.caller.send(answer);
    }
}

enum Message {
    Job(Box<dyn Job>),
    Copy,
    /// Frees unused parts of the file, if they are large.
    Tidy,
    /// Removes what was deleted from the file, its log and its copy.
    Scrub(oneshot::Sender<Result<(), StateError>>),
}

/// The handle of the thread. Dropping it lets the thread finish what is queued, and waits for it.
#[derive(Debug)]
pub(super) struct Worker {
    sender: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread owns.
pub(super) struct WorkerState {
    /// The only connection that writes, or one that reads.
    pub db: Connection,
    /// The state file.
    pub path: PathBuf,
    /// The lease; it is released after the connection is closed.
    pub lease: Option<Lease>,
}

impl Worker {
    pub(super) fn start(name: &str, desk: WorkerState) -> Result<Self, StateError> {
        let (sender, receiver) = channel();
        let path = desk.path.clone();
        let thread = Builder::new()
            .name(name.into())
            .spawn(move || desk.serve(&receiver))
            .map_err(|error| super::directory::cannot(&path, "no thread for it", &error))?;
        Ok(Self {
            sender: Some(sender),
            thread: Some(thread),
        })
    }

    /// Queues a command and waits for its answer. `work` may be called a second time after its
    /// first attempt was undone.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        writes: bool,
        work: impl FnMut(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StateError> {
        let (caller, answer) = oneshot::channel();
        self.send(Message::Job(Box::new(Command {
            writes,
            work,
            result: None,
            caller,
        })))?;
        answer.await.unwrap_or(Err(StateError::Closed))
    }

    /// Queues the making of the copy, without waiting for it.
    pub(super) fn copy(&self) -> Result<(), StateError> {
        self.send(Message::Copy)
    }

    /// Queues the freeing of unused parts of the file, without waiting for it.
    pub(super) fn tidy(&self) -> Result<(), StateError> {
        self.send(Message::Tidy)
    }

    /// Waits until nothing that was deleted is left in the file, its log and its copy.
    pub(super) async fn scrub(&self) -> Result<(), StateError> {
        let (caller, answer) = oneshot::channel();
        self.send(Message::Scrub(caller))?;
        answer.await.unwrap_or(Err(StateError::Closed))
    }

    fn send(&self, message: Message) -> Result<(), StateError> {
        let sender = self.sender.as_ref().ok_or(StateError::Closed)?;
        sender.send(message).map_err(|_| StateError::Closed)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl WorkerState {
    fn serve(self, receiver: &Receiver<Message>) {
        while let Ok(first) = receiver.recv() {
            let mut jobs = Vec::new();
            let mut copies = false;
            let mut tidies = false;
            let mut scrubs = Vec::new();
            for message in std::iter::once(first).chain(receiver.try_iter()) {
                match message {
                    Message::Job(job) => jobs.push(job),
                    Message::Copy => copies = true,
                    Message::Tidy => tidies = true,
                    Message::Scrub(caller) => scrubs.push(caller),
                }
                // Whatever was requested after a copy waits for the copy.
                if copies || tidies || !scrubs.is_empty() || jobs.len() >= MAX_PER_COMMIT {
                    break;
                }
            }
            self.run_jobs(jobs);
            if tidies && let Err(error) = rows::tidy(&self.db) {
                tracing::warn!("the unused space of the state file was not freed: {error}");
            }
            for caller in scrubs {
                // The file stays scrubbed even if the caller no longer waits.
                let _ = caller.send(self.scrub());
            }
            if copies && let Err(error) = copy::make(&self.db, &self.path) {
                tracing::warn!("no copy of the state was made: {error}");
            }
        }
        let Self { db, lease, .. } = self;
        drop(db);
        drop(lease);
    }

    fn scrub(&self) -> Result<(), StateError> {
        rows::scrub(&self.db).map_err(|error| Fault::from(error).at(&self.path))?;
        copy::make(&self.db, &self.path)
    }

    /// Runs all jobs in one transaction. If it fails as a whole, each job is tried alone, so that a
    /// job that cannot be written (too large for a nearly full disk) does not stop the others.
    fn run_jobs(&self, mut jobs: Vec<Box<dyn Job>>) {
        let outcome = match self.run_in_one_transaction(&mut jobs) {
            Err(Failure::Rolled(_)) if jobs.len() > 1 => jobs
                .chunks_mut(1)
                .map(|alone| match self.run_in_one_transaction(alone) {
                    Ok(mut outcomes) => outcomes.pop().flatten(),
                    Err(Failure::Rolled(error) | Failure::NotBegun(error)) => Some(error),
                })
                .collect(),
            Err(Failure::Rolled(error) | Failure::NotBegun(error)) => {
                vec![Some(error); jobs.len()]
            }
            Ok(outcomes) => outcomes,
        };
        for (job, failure) in jobs.into_iter().zip(outcome) {
            job.answer(failure);
        }
    }

    /// Runs and commits all jobs. A job that fails is rolled back alone; the result has its error.
    fn run_in_one_transaction(
        &self,
        jobs: &mut [Box<dyn Job>],
    ) -> Result<Vec<Option<StateError>>, Failure> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let begin = if jobs.iter().any(|job| job.writes()) {
            "BEGIN IMMEDIATE"
        } else {
            "BEGIN"
        };
        self.execute(begin).map_err(Failure::NotBegun)?;
        self.run_each(jobs).map_err(|error| {
            // SQLite rolls back some failed transactions by itself.
            if !self.db.is_autocommit() {
                let _ = self.execute("ROLLBACK");
            }
            Failure::Rolled(error)
        })
    }

    fn run_each(&self, jobs: &mut [Box<dyn Job>]) -> Result<Vec<Option<StateError>>, StateError> {
        let mut outcomes = Vec::with_capacity(jobs.len());
        for job in jobs {
            self.execute("SAVEPOINT job")?;
            let failure = job.run(&self.db).err().map(|fault| fault.at(&self.path));
            if let Some(error) = &failure {
                if self.db.is_autocommit() {
                    return Err(error.clone());
                }
                self.execute("ROLLBACK TO job")?;
            }
            self.execute("RELEASE job")?;
            outcomes.push(failure);
        }
        self.execute("COMMIT")?;
        Ok(outcomes)
    }

    fn execute(&self, sql: &str) -> Result<(), StateError> {
        self.db
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map(|_| ())
            .map_err(|error| Fault::from(error).at(&self.path))
    }
}

/// How a transaction failed as a whole.
enum Failure {
    /// It never began; trying each job alone would only wait again.
    NotBegun(StateError),
    /// Everything in it was rolled back.
    Rolled(StateError),
}

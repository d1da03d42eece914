//! Saved plans: `plan --out FILE` and `sync --plan FILE`. Both open the file before root becomes
//! the service user.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use crate::desk::{SavePlan, SavedPlan, SyncSaved};
use crate::model::shell_word;

use super::answer::Answer;
use super::args::Show;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::print::{Page, Terminal, count};
use super::{plan, sync};

/// The largest size of a saved plan, in bytes.
const MAX_SIZE: u64 = 256 << 20;

/// Makes a plan, shows it, and saves it.
///
/// # Errors
/// An error if the file cannot be written, or a side or the state cannot be read.
pub fn save(config: &Path, path: &Path, show: Show, terminal: Terminal) -> Result<Answer, Failure> {
    let mut target = Target::open(path)?;
    let context = Context::open(config);
    let saved = context.and_then(|context| {
        plan::say_edited(context.edited()?.as_ref());
        context.ask(SavePlan {})
    });
    let saved = match saved {
        Ok(saved) => saved,
        Err(failure) => {
            target.withdraw();
            return Err(failure);
        }
    };
    let text = serde_json::to_string_pretty(&saved.saved)
        .map_err(|error| target.failure(&io::Error::other(error)))?;
    target.write(&text)?;
    let exit = plan::exit_of(&saved.report);
    if show.json.json {
        return Answer::json(&saved.report, exit);
    }
    let mut page = Page::new(terminal);
    plan::page_of(&mut page, &saved.report, show.all);
    page.gap();
    page.line(format!(
        "Saved as {}, good until {}. Next:",
        path.display(),
        saved.saved.until
    ));
    let file = shell_word(&path.display().to_string());
    page.command(2, format!("mattersync sync --plan {file}"));
    if !saved.saved.plan.holds.is_empty() {
        page.line(
            "What is held is no part of it: approve it first, and save the plan again, to have it \
             done.",
        );
    }
    Ok(Answer::page(&page, exit))
}

/// Carries out a saved plan, or says why not.
///
/// # Errors
/// An error if the file is not a saved plan or something differs, and those of
/// [`super::sync::sync`].
pub fn carry_out(
    config: &Path,
    path: &Path,
    show: Show,
    terminal: Terminal,
) -> Result<Answer, Failure> {
    let saved = read(path)?;
    let context = Context::open(config)?;
    plan::say_edited(context.edited()?.as_ref());
    let done = context.ask(SyncSaved { saved })?;
    let exit = sync::exit_of(&done.report);
    if show.json.json {
        return Answer::json(&done, exit);
    }
    let mut page = Page::new(terminal);
    sync::show_cycle(&mut page, &done.report, show.all);
    if done.held > 0 {
        page.line(format!(
            "{} held when the plan was saved, and so no part of it.",
            count(done.held, "step was", "steps were")
        ));
    }
    if done.others > 0 {
        page.line(format!(
            "{} wanted now and not in the saved plan: not done. Next:",
            count(done.others, "more step is", "more steps are")
        ));
        page.command(2, "mattersync sync");
    }
    Ok(Answer::page(&page, exit))
}

/// A file that is written at the end.
struct Target {
    path: PathBuf,
    file: File,
}

impl Target {
    /// Makes the file, replacing a saved plan of ours if there is one. The file is always a new
    /// one, so that nobody else made it or has it open, and no link leads elsewhere.
    fn open(path: &Path) -> Result<Self, Failure> {
        let tell = |error: io::Error| failure(path, &error.to_string());
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) => return Err(tell(error)),
            Ok(_) => {
                is_plan_of_ours(path)?;
                std::fs::remove_file(path).map_err(tell)?;
            }
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => failure(path, "somebody else made it just now"),
            _ => tell(error),
        })?;
        let path = path.to_owned();
        Ok(Self { path, file })
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        let mut write = || -> io::Result<()> {
            self.file.write_all(text.as_bytes())?;
            self.file.write_all(b"\n")?;
            self.file.sync_all()
        };
        write().map_err(|error| self.failure(&error))
    }

    /// Removes the empty file, if there is nothing to save.
    fn withdraw(&self) {
        let _ = std::fs::remove_file(&self.path);
    }

    fn failure(&self, error: &io::Error) -> Failure {
        failure(&self.path, &error.to_string())
    }
}

/// Checks that a file may be replaced: it is a plan that we saved, or an empty file of ours.
fn is_plan_of_ours(path: &Path) -> Result<(), Failure> {
    let file = open_own(path)?;
    let mut head = String::new();
    let read = file.take(64).read_to_string(&mut head).is_ok();
    if read && (head.is_empty() || head.contains("\"mattersync plan\"")) {
        return Ok(());
    }
    Err(failure(
        path,
        "there is a file of this name that is no saved plan: name another",
    ))
}

/// Opens a regular file that is not a link, belongs to us, and cannot be read or written by others.
fn open_own(path: &Path) -> Result<File, Failure> {
    let refuse = |what: String| failure(path, &what);
    let mut options = OpenOptions::new();
    // Opening a pipe must not block for ever.
    let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOFOLLOW;
    options.read(true).custom_flags(flags);
    let file = options.open(path).map_err(|error| {
        refuse(match error.raw_os_error() {
            Some(nix::libc::ELOOP) => {
                "it is a symbolic link, and plans are not saved through one: name the file itself"
                    .to_owned()
            }
            _ => error.to_string(),
        })
    })?;
    let found = file.metadata().map_err(|e| refuse(e.to_string()))?;
    if !found.is_file() || found.len() > MAX_SIZE {
        return Err(refuse("it is no saved plan: name another file".into()));
    }
    let us = geteuid().as_raw();
    if found.uid() != us && found.uid() != 0 {
        let whose = found.uid();
        return Err(refuse(format!(
            "it belongs to user {whose}, and you are user {us}: save a plan of your own, under \
             another name"
        )));
    }
    if found.mode() & 0o077 != 0 {
        return Err(refuse(format!(
            "others may read or change it (mode {:04o}), so that nobody knows what it says: remove \
             it, and save the plan again",
            found.mode() & 0o7777
        )));
    }
    Ok(file)
}

fn failure(path: &Path, what: &str) -> Failure {
    Failure::new(Exit::FAILED, format!("{}: {what}", path.display()))
}

/// Reads a saved plan, if it is complete and nobody else could have read or changed it.
fn read(path: &Path) -> Result<SavedPlan, Failure> {
    let mut text = String::new();
    let read = open_own(path)?.take(MAX_SIZE).read_to_string(&mut text);
    read.map_err(|error| failure(path, &error.to_string()))?;
    SavedPlan::parse(&text).map_err(|error| failure(path, &error.to_string()))
}

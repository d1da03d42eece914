//! The commands, one file each, and how their answers are printed.
//!
//! `args` is the command line and its help; `exit` has the exit codes. A `context` has the settings
//! and knows who does the work: the service, asked through `remote`, or this process, in `local`,
//! as the user that `service_user` chooses. The answers are the reports of [`crate::desk`]; the
//! commands write them as a page of text (`print`, `steps`, `left`) or as JSON.

#![allow(
    clippy::disallowed_methods,
    reason = "it tells people how long ago something was"
)]

mod aftermath;
mod age;
mod answer;
mod approve;
mod args;
mod check;
mod confirm;
mod conflicts;
mod context;
mod deactivate;
mod exit;
mod explain;
mod forget;
mod history;
mod instead;
mod json;
mod left;
mod link;
mod local;
mod moment;
mod new_ids;
mod one_run;
mod orphans;
mod people;
mod plan;
mod print;
mod print_config;
mod progress;
mod remote;
mod saved;
mod service_user;
mod state;
mod status;
mod steps;
mod sync;
mod table;
mod undo;
mod wrap;

use std::ffi::OsString;

use clap::FromArgMatches;

use crate::model::RunId;
use crate::{daemon, observe};

use answer::Answer;
use args::{Cli, Command, State};
use context::Context;
use print::{Page, Terminal};

pub use exit::{Exit, Failure};

/// Returns the command line, from which manual pages and completions can be made.
#[cfg(any(test, feature = "rooms"))]
pub fn command() -> clap::Command {
    args::command()
}

/// Does what the command line says; the first word is the program's name.
///
/// # Errors
/// An error if it could not be done. Errors of the command line itself are printed here.
pub fn run(words: impl IntoIterator<Item = OsString>) -> Result<Exit, Failure> {
    let words: Vec<OsString> = words.into_iter().collect();
    let command = args::command().color(print::colours_of_help());
    let matches = command.try_get_matches_from(&words);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too. Nothing is lost if nobody reads them any more.
            let _ = error.print();
            let code = u8::try_from(error.exit_code());
            return Ok(code.map_or(Exit::USAGE, Exit));
        }
    };
    service_user::keep_memory_private().map_err(|error| {
        let what = format!("the memory cannot be kept from other processes: {error}");
        Failure::new(Exit::SYSTEM, what)
    })?;
    if matches!(cli.command, Command::Run) {
        observe::init(observe::Output::Daemon);
        daemon::run(&cli.config)?;
        return Ok(Exit::DONE);
    }
    observe::init(observe::Output::Command);
    let answer = answer(&cli).map_err(|failure| instead::tell(failure, &words))?;
    match print::write_out(&answer.text) {
        Ok(()) => Ok(answer.exit),
        Err(error) => Err(Failure::new(
            Exit::SYSTEM,
            format!("standard output cannot be written: {error}"),
        )),
    }
}

fn answer(cli: &Cli) -> Result<Answer, Failure> {
    let terminal = Terminal::of_stdout();
    let open = || Context::open(&cli.config);
    match &cli.command {
        Command::Run => Ok(Answer {
            text: String::new(),
            exit: Exit::DONE,
        }),
        Command::Sync(args) => match &args.plan {
            Some(file) => saved::carry_out(&cli.config, file, args.show, terminal),
            None => sync::sync(&open()?, args.show, terminal),
        },
        Command::Plan(args) => match &args.out {
            Some(file) => saved::save(&cli.config, file, args.show, terminal),
            None => plan::plan(&cli.config, args, terminal),
        },
        Command::Approve(args) => approve::approve(&open()?, args, terminal),
        Command::Deactivate(args) => deactivate::deactivate(&open()?, args, terminal),
        Command::Conflicts(args) => conflicts::conflicts(&open()?, *args, terminal),
        Command::Link(args) => link::link(&open()?, args, terminal),
        Command::Unlink(args) => link::unlink(&open()?, args, terminal),
        Command::Orphans(args) => orphans::orphans(&open()?, args, terminal),
        Command::Explain(args) => explain::explain(&open()?, args, terminal),
        Command::History(args) => match args.run {
            Some(run) => one_run::show(&open()?, RunId(run), args.json, terminal),
            None => history::history(&open()?, args, terminal),
        },
        Command::Undo(args) => undo::undo(&open()?, args, terminal),
        Command::Forget(args) => forget::forget(&open()?, args, terminal),
        Command::Status(args) => status::status(&open()?, *args, cli, terminal),
        Command::Check(args) => match args.print {
            true => print_config::print_config(&cli.config),
            false => check::check(&cli.config, args.json, terminal),
        },
        Command::State(State::Check(json)) => state::check(&cli.config, *json, terminal),
        Command::State(State::Restore(args)) => state::put_back(&cli.config, *args, terminal),
    }
}

/// Prints a failure on standard error.
pub fn print_failure(failure: &Failure) {
    let mut page = Page::new(Terminal::of_stderr());
    page.alarm(format!("mattersync: {}", failure.message));
    for line in &failure.more {
        match instead::command_of(line) {
            Some(command) => page.command(2, command),
            None => page.line(line),
        }
    }
    print::write_page_to_err(&page);
}

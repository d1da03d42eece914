//! Arguments of the commands about what was done and what is remembered.

use clap::Args;

use crate::model::shell_word;

use super::shared::Json;

/// Reads the number of a run that is to be shown. Whoever types a person is told how to ask for one.
fn run_to_show(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| {
        let person = shell_word(text);
        format!(
            "not the number of a run\n\nTo find the runs about a person:\n  \
             mattersync history --person {person}"
        )
    })
}

/// Reads the number of a run that is to be taken back.
fn run_to_undo(text: &str) -> Result<i64, String> {
    run_to_show(text).map_err(|error| {
        let person = shell_word(text);
        format!(
            "{error}\nTo take back what one of them did to that person:\n  \
             mattersync undo RUN --person {person}\n\
             To let the directory decide again about that person:\n  \
             mattersync undo --redo {person}"
        )
    })
}

/// The arguments of `history`.
#[derive(Args, Clone, Debug, Default)]
pub struct History {
    /// Show the run of this number, step by step
    #[arg(conflicts_with_all = ["last", "since", "person"], value_parser = run_to_show)]
    pub run: Option<i64>,

    /// At most so many, the newest; by default 20, with --json all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub last: Option<u32>,

    /// Those that began then or later: yesterday, 2026-11-22, "2026-11-22 14:00", RFC 3339, or how
    /// long ago, such as "3 days" or 2h
    #[arg(long, value_name = "DATE")]
    pub since: Option<String>,

    /// Those with a step about this person, and only these steps: username, address, DN or id
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// The arguments of `undo`.
#[derive(Args, Clone, Debug)]
pub struct Undo {
    /// The number of the run
    #[arg(required_unless_present = "redo", value_parser = run_to_undo)]
    pub run: Option<i64>,

    /// Only what was done to this person: username, address, DN or id
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,

    /// Do it; without this it is shown
    #[arg(long)]
    pub yes: bool,

    /// Let the directory decide again about all that was taken back of this person, and about whom
    /// somebody had deactivated
    #[arg(long, value_name = "PERSON", conflicts_with_all = ["run", "person", "yes"])]
    pub redo: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// The arguments of `forget`.
#[derive(Args, Clone, Debug)]
pub struct Forget {
    /// Username, address, DN or id
    pub person: String,

    /// Do it; without this it is shown what would be erased
    #[arg(long)]
    pub yes: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// The arguments of `state restore`.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Restore {
    /// Do it
    #[arg(long)]
    pub yes: bool,
}

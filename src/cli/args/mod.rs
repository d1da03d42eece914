//! The command line. Its help is the core of the manual.

mod cycles;
mod people;
mod record;
mod shared;

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

use super::print::Terminal;
use super::wrap::wrap;

pub use cycles::{Approve, Check, Plan, Sync};
pub use people::{Deactivate, Explain, Link, Look, Orphans, Unlink};
pub use record::{Forget, History, Restore, Undo};
pub use shared::{Json, Show, Yes};

/// The default path of the configuration.
pub const CONFIG: &str = "/etc/mattersync/config.toml";

/// Keeps the accounts of a Mattermost server in step with a directory.
///
/// mattersync reads a directory (OpenLDAP, Active Directory, Samba, an LDIF file), compares it with
/// the users of a Mattermost server, and creates, updates, deactivates and reactivates users until
/// both agree. As a service it does so again and again; every command below is a view of the same
/// plan.
#[derive(Debug, Parser)]
#[command(
    name = "mattersync",
    version,
    max_term_width = WIDEST,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// The configuration
    #[arg(long, global = true, value_name = "FILE", default_value = CONFIG)]
    pub config: PathBuf,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The groups of commands, by what an administrator wants.
const GROUPS: [(&str, &[&str]); 4] = [
    (
        "What is to be done, and what waits for you",
        &[
            "status",
            "check",
            "plan",
            "approve",
            "sync",
            "deactivate",
            "run",
        ],
    ),
    (
        "Who is who",
        &["explain", "conflicts", "link", "unlink", "orphans"],
    ),
    ("What was done", &["history", "undo", "forget"]),
    ("When something else is to be repaired", &["state", "help"]),
];

/// The widest lines of the help.
const WIDEST: usize = 100;

/// Returns the command line, with its commands in groups.
pub fn command() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    let mut groups = String::new();
    for (want, names) in GROUPS {
        // Writing to a string cannot fail.
        let _ = writeln!(groups, "{want}:");
        for name in names {
            let about = command.find_subcommand(name).and_then(|c| c.get_about());
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(groups, "  {name:<12} {about}");
        }
        groups.push('\n');
    }
    let groups = wrapped(&groups, 0);
    with_texts_wrapped(Cli::command())
        .help_template(format!(
            "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}\nOptions:\n\
             {{options}}{{after-help}}"
        ))
        .after_long_help(wrapped(AFTER, 0))
}

/// Breaks the texts of a command and of all below it before clap does, which would break commands
/// too.
fn with_texts_wrapped(command: clap::Command) -> clap::Command {
    if Terminal::of_stdout().width.is_none() {
        return command;
    }
    let about = command.get_long_about().map(ToString::to_string);
    let command = match about {
        Some(about) => command.long_about(wrapped(&about, 0)),
        None => command,
    };
    let command = command.mut_args(|arg| {
        let help = arg.get_long_help().or_else(|| arg.get_help());
        match help.map(ToString::to_string) {
            Some(help) => arg.long_help(wrapped(&help, OPTION_INDENT)),
            None => arg,
        }
    });
    command.mut_subcommands(with_texts_wrapped)
}

/// The indent that clap gives the texts of options.
const OPTION_INDENT: usize = 10;

/// Breaks the lines of a text that is shown with this indent.
fn wrapped(text: &str, indent: usize) -> String {
    match Terminal::of_stdout().width {
        Some(width) => {
            let lines = text.lines();
            let width = usize::from(width).min(WIDEST).saturating_sub(indent);
            lines
                .flat_map(|line| wrap(line, width))
                .collect::<Vec<_>>()
                .join("\n")
        }
        None => text.trim_end_matches('\n').to_owned(),
    }
}

const AFTER: &str = "\
The first time:
  mattersync check            is everything as it should be?
  mattersync plan             what would be done, and why; nothing is changed
  mattersync sync             do it once
  systemctl enable --now mattersync

Where the service runs, commands ask it over its control socket. Where it does not, they do the
work themselves, one at a time; started by root they do so as the service user, which is the owner
of the state directory or, before there is one, the user mattersync.

Exit codes:
   0  done, or all is well; people who are left alone for a reason do not change that
   1  something failed, or nobody knows yet whether it was done; `status`: degraded or no service
   2  the command line is wrong
   3  something is held and waits for `mattersync approve`
   4  a side could be read only in part, so that leavers may not be followed; goes before 1 and 3
  69  the directory or Mattermost cannot be reached or read
  71  the operating system refuses
  73  the control socket cannot be made
  74  the state cannot be used
  75  another mattersync is at work, or the service does not answer
  77  no permission
  78  the configuration, a secret or a file with certificates cannot be used";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check whether everything is as it should be; changes nothing
    ///
    /// Configuration, secrets, directory, Mattermost: each line says `ok`, `note` or `PROBLEM`,
    /// and what to do. With --print only the configuration. Exits with 0 without problems, 1 with
    /// problems, 3 if something is held since the last cycle, 4 if a side could be read only in
    /// part, 78 if the configuration cannot be used.
    #[command(after_help = "Example:\n  mattersync check")]
    Check(Check),

    /// Show what would be done, and why; changes nothing
    ///
    /// Reads both sides and prints the plan: adoptions with both parties side by side, every
    /// change with its reason, what is held, who is left alone and why, and what to type next.
    /// Exits with 0 when it could plan and nothing waits for a person, with 3 when something is held,
    /// with 1 when the server would refuse the initial password of everybody who is to be created,
    /// and with 4 when a side could be read only in part.
    #[command(after_help = "Example:\n  mattersync plan --all")]
    Plan(Plan),

    /// List what is held, or release it
    ///
    /// Without WHAT: everything that is held, each step of it. With WHAT: release what was listed.
    /// An approval is bound to exactly the steps that were shown; it stays good while later plans
    /// want the same or fewer of them, and ends after 72 hours. Steps that were not shown before
    /// are not released: then the exit code is 3.
    #[command(
        after_help = "Examples:\n  mattersync approve            lists what is held\n  mattersync approve missing    releases it"
    )]
    Approve(Approve),

    /// Do one cycle now: read both sides, plan, and carry the plan out
    ///
    /// Exits with 0 when all that the plan wanted was done, 1 when something failed (each failure
    /// is listed with its reason), 3 when something is held and waits for `mattersync approve`,
    /// 4 when a side could be read only in part, so that leavers may not be followed today.
    /// With --plan: carries out exactly what a plan saved with `mattersync plan --out` would do,
    /// or nothing.
    #[command(after_help = "Example:\n  mattersync sync")]
    Sync(Sync),

    /// Run as the service: one cycle after the other, until told to end
    ///
    /// As a rule systemd starts it. SIGTERM ends it within five seconds, SIGHUP reads the
    /// configuration again, SIGUSR1 starts a cycle now. Events go to the journal; RUST_LOG=debug
    /// tells more.
    #[command(after_help = "Example:\n  systemctl enable --now mattersync")]
    Run,

    /// Show the status of the service
    ///
    /// Exits with 0 when all is well, 3 when something is held, 4 when the last cycle could read a
    /// side only in part, and 1 when cycles cannot be finished, steps fail, or no service runs.
    #[command(after_help = "Example:\n  mattersync status")]
    Status(Look),

    /// Deactivate one person now; needs no approval
    ///
    /// For a leaver whom the directory does not know of yet; nothing else is done. The user stays
    /// deactivated, whatever the directory says, until somebody types `mattersync undo --redo
    /// PERSON`, so that the directory decides again, or an administrator activates them in
    /// Mattermost's System Console.
    ///
    /// A user without an account in the directory is shown first (and the exit code is 1), and
    /// deactivated with --yes; never a bot, never a user who is kept or in policy.protect, and never
    /// the last administrator.
    #[command(after_help = "Example:\n  mattersync deactivate anna")]
    Deactivate(Deactivate),

    /// Show everything about one person; changes nothing
    ///
    /// The entry, the account, the user, the link, what is decided now and why, what it waits for,
    /// what happened before. PERSON is a username, an address, a DN or an id, of the account or of
    /// the user, also a former one; or a name as one says it on the telephone: first and last name
    /// or one of them, in any order, without accents. Exits with 1 if nobody is known by it, and
    /// lists similar names.
    #[command(
        after_help = "Examples:\n  mattersync explain anna@example.org\n  mattersync explain 'Jürgen Müller'"
    )]
    Explain(Explain),

    /// List the conflicts of the present plan, with both parties and what to type
    ///
    /// Names and addresses that somebody else holds, two accounts for one user, swaps, users who
    /// no longer exist, links that were removed. Changes nothing.
    #[command(after_help = "Example:\n  mattersync conflicts")]
    Conflicts(Look),

    /// Say that an account and a user are one person
    ///
    /// Shows both, and what the next plan would then change; with --yes does it. Any human user
    /// who is linked to no account; never a bot, mattersync's own user or one in policy.protect.
    /// Without USER: the one user who is in the account's way, whatever policy.adopt says.
    #[command(after_help = "Example:\n  mattersync link anna anna.meier")]
    Link(Link),

    /// Say that an account and the user whom it is linked to are not one person
    ///
    /// Shows both, and what the next plan would then do; with --yes does it. The user is no longer
    /// touched, and the account is left alone until `link` or `unlink --as-new`. A link to a user who
    /// no longer exists is forgotten, so that the account gets a new user.
    #[command(after_help = "Example:\n  mattersync unlink anna")]
    Unlink(Unlink),

    /// List active human users without an account in the directory
    ///
    /// They were there before, signed up later, or lost their account. Link, keep or deactivate each
    /// of them. Guests are listed apart, bots and mattersync's own user never. With --keep: record
    /// that one of them is to stay; then only --all lists them. Changes nothing on Mattermost.
    #[command(after_help = "Example:\n  mattersync orphans --keep oldtimer")]
    Orphans(Orphans),

    /// List what was done, one line a run, or show one run step by step
    ///
    /// The newest run first: when it was, of what kind, who asked for it, what was done in counts,
    /// what was not, who approved. Needs neither directory nor Mattermost. With --json everything
    /// that is recorded of these runs, for auditors.
    #[command(
        after_help = "Examples:\n  mattersync history --person anna\n  mattersync history 12"
    )]
    History(History),

    /// Take back what a run did, or let the directory decide again
    ///
    /// Without --yes it shows what that would do. Only what nobody changed since is taken back.
    /// The steps count in the guard's classes; above a limit they are held and wait for `mattersync
    /// approve`. What is taken back is not done again by itself: it is listed as left alone until
    /// the directory says something else, or somebody types `mattersync undo --redo PERSON`: then
    /// the directory decides again.
    #[command(after_help = "Example:\n  mattersync undo 12")]
    Undo(Undo),

    /// Erase everything that is remembered and recorded of one person
    ///
    /// Without --yes it shows what that is. Refused while the account is in the directory or the
    /// user is active. The state file and its copy are written anew, so that nothing is left in
    /// them; that one person was forgotten, by whom and when, stays on record.
    #[command(after_help = "Example:\n  mattersync forget anna")]
    Forget(Forget),

    /// Compare the state file with Mattermost, or put its last copy back
    #[command(subcommand, subcommand_required = true, arg_required_else_help = true)]
    #[command(after_help = "Example:\n  mattersync state check")]
    State(State),
}

/// The commands about the state file.
#[derive(Debug, Subcommand)]
pub enum State {
    /// Compare the state file with Mattermost; changes nothing
    ///
    /// Lists, each with what to type: damage of the file, links whose user is gone, is a bot or
    /// is linked to two accounts, users whom mattersync created and of whom the file knows nothing,
    /// deactivations that are no longer as they were recorded, steps with an unknown outcome. Exits
    /// with 0 when nothing is wrong, otherwise with 1. Works with a damaged file too.
    #[command(after_help = "Example:\n  mattersync state check")]
    Check(Json),

    /// Put the last copy in the place of the state file
    ///
    /// For a file that is damaged or lost. Without --yes: tells how old the copy is and what it
    /// lacks, changes nothing, and exits with 1. The old file is kept beside it. Refused while the
    /// service or another command has the file open. Afterwards creations, and steps that
    /// take something away, are held until `mattersync approve restored`.
    #[command(
        after_help = "Example:\n  systemctl stop mattersync\n  mattersync state restore --yes"
    )]
    Restore(Restore),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_command_is_in_one_group_and_ends_with_an_example() {
        let mut command = Cli::command();
        command.build();
        let all: Vec<_> = command.get_subcommands().collect();
        let names: BTreeSet<&str> = all.iter().map(|one| one.get_name()).collect();
        let grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        assert_eq!(grouped.len(), names.len());
        assert_eq!(grouped.into_iter().collect::<BTreeSet<_>>(), names);
        let no_help = |one: &&clap::Command| one.get_name() != "help";
        let commands: Vec<_> = all.into_iter().filter(no_help).collect();
        let parts = commands.iter().flat_map(|one| one.get_subcommands());
        let parts = parts.filter(no_help);
        for one in commands.iter().copied().chain(parts) {
            let after = one.get_after_help().map(ToString::to_string);
            let after = after.unwrap_or_default();
            assert!(after.starts_with("Example"), "{}", one.get_name());
        }
    }
}

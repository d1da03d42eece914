//! The command line. Its help is the core of the manual.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Where the configuration is by default.
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
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_long_help = AFTER
)]
pub struct Cli {
    /// The configuration
    #[arg(long, global = true, value_name = "FILE", default_value = CONFIG)]
    pub config: PathBuf,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
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
  69  the directory or Mattermost cannot be reached or read
  71  the operating system refuses
  73  the control socket cannot be made
  74  the state cannot be used
  75  another mattersync is at work, or the service does not answer
  77  no permission
  78  the configuration or a secret cannot be used";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Be the service: a cycle again and again, until told to end
    ///
    /// Started by systemd as a rule. SIGTERM ends it within five seconds, SIGHUP reads the
    /// configuration again, SIGUSR1 starts a cycle now. Events go to the journal; RUST_LOG=debug
    /// tells more.
    Run,

    /// Do one cycle now: read both sides, plan, and carry the plan out
    ///
    /// Exits with 0 when all that the plan wanted was done, 1 when something failed (each failure
    /// is listed with its reason), 3 when something is held and waits for `mattersync approve`.
    Sync(Show),

    /// Show what would be done, and why; changes nothing
    ///
    /// Reads both sides and prints the plan: adoptions with both parties side by side, every
    /// change with its reason, what is held, who is left alone and why, and what to type next.
    /// Exits with 0 when it could plan, whatever the plan says.
    Plan(Show),

    /// List what is held, or release it
    ///
    /// Without WHAT: everything that is held, each step of it. With WHAT: release what was listed.
    /// An approval is bound to exactly the steps that were shown; it stays good while later plans
    /// want the same or fewer of them, and ends after 72 hours. Steps that were not shown before
    /// stay held: then the exit code is 3.
    Approve(Approve),

    /// Deactivate one person now; needs no approval
    ///
    /// For a leaver whom the directory does not know of yet. Only users whom mattersync created or
    /// adopted; nothing else is done. The user stays deactivated, whatever the directory says,
    /// until an administrator activates him in Mattermost's System Console.
    Deactivate(Deactivate),

    /// List what was done: one line a run
    ///
    /// The newest run first: when it was, of what kind, who asked for it, what was done in counts,
    /// what was not, who approved. Needs neither directory nor Mattermost. With --json everything
    /// that is recorded of these runs, for auditors.
    History(History),

    /// Show one run: what it was, and step by step what changed and why
    Show(ShowRun),

    /// Take back what a run did
    ///
    /// Without --yes it shows what that would do. Only what nobody changed since is taken back.
    /// The steps count in the guard's classes; above a limit they are held and wait for `mattersync
    /// approve`. What is taken back is not done again by itself: it is listed as left alone until
    /// the directory says something else, or somebody types `mattersync redo`.
    Undo(Undo),

    /// Let the directory decide again about what was taken back of one person
    Redo(Redo),

    /// Erase everything that is remembered and recorded of one person
    ///
    /// Without --yes it shows what that is. Refused while the account is in the directory or the
    /// user is active. The state file and its copy are written anew, so that nothing is left in
    /// them; that one person was forgotten, by whom and when, stays on record.
    Forget(Forget),

    /// Tell how the service is
    ///
    /// Exits with 0 when all is well, 3 when something is held, and 1 when cycles cannot be
    /// finished, steps fail, or no service runs.
    Status(Json),

    /// Look whether everything is as it should be; changes nothing
    ///
    /// Configuration, secrets, directory, Mattermost: each line says `ok`, `note` or `PROBLEM`,
    /// and what to do. Exits with 0 without problems, 1 with, 78 if the configuration cannot be
    /// used.
    Check(Json),

    /// Print the configuration that is in force, with all defaults
    ///
    /// As TOML. Of secrets only where they are.
    PrintConfig,
}

/// How a plan is shown.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Show {
    /// Everything, also in long lists
    #[arg(long)]
    pub all: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// Whether a program reads the answer.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Json {
    /// As JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// What to release.
#[derive(Args, Clone, Debug)]
pub struct Approve {
    /// A class (adopt, create, locked, missing, reactivate, rename, email, …), another name from
    /// the list, or one person: username, address, DN or id
    pub what: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// Whom to deactivate.
#[derive(Args, Clone, Debug)]
pub struct Deactivate {
    /// Username, address, DN or id
    pub person: String,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// Which runs are listed.
#[derive(Args, Clone, Debug, Default)]
pub struct History {
    /// At most so many, the newest; by default 20, with --json all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub last: Option<u32>,

    /// Those that began then or later: 2026-11-22, "2026-11-22 14:00", RFC 3339, or 7d for how long
    /// ago
    #[arg(long, value_name = "DATE")]
    pub since: Option<String>,

    /// Those with a step about this person, and only these steps: username, address, DN or id
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// Which run is shown.
#[derive(Args, Clone, Copy, Debug)]
pub struct ShowRun {
    /// Its number
    pub run: i64,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// What is taken back.
#[derive(Args, Clone, Debug)]
pub struct Undo {
    /// The number of the run
    pub run: i64,

    /// Only what was done to this person: username, address, DN or id
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,

    /// Do it; without this it is shown
    #[arg(long)]
    pub yes: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// About whom the directory decides again.
#[derive(Args, Clone, Debug)]
pub struct Redo {
    /// Username, address, DN or id
    pub person: String,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// Who is forgotten.
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

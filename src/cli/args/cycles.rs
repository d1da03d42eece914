//! Arguments of the commands that plan, carry out and release.

use std::path::PathBuf;

use clap::Args;

use super::shared::{Json, Show};

/// What to do in a cycle, and how it is shown.
#[derive(Args, Clone, Debug, Default)]
pub struct Sync {
    /// Carry out this saved plan, exactly or not at all
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub show: Show,
}

/// How a plan is shown, and where it is saved.
#[derive(Args, Clone, Debug, Default)]
pub struct Plan {
    /// Save the plan, for `mattersync sync --plan`; nobody else may read the file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub show: Show,
}

/// What to release.
#[derive(Args, Clone, Debug)]
pub struct Approve {
    /// A class (locked, missing, adopt, move, privileged, create, reactivate, rename, email, purge),
    /// another name from the list (restored, shrank:NAME, …), or one person: username, address, DN
    /// or id
    pub what: Option<String>,

    /// Also give who is adopted a random password, and end the sessions
    #[arg(long, requires = "what")]
    pub new_password: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// What is looked at.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Check {
    /// Only print the configuration that is in force, with all defaults, as TOML; of secrets only
    /// where they are
    #[arg(long, conflicts_with = "json")]
    pub print: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

//! Arguments of the commands that plan, carry out and approve.

use std::path::PathBuf;

use clap::Args;

use super::shared::{Json, Show};

/// The arguments of `sync`.
#[derive(Args, Clone, Debug, Default)]
pub struct Sync {
    /// Carry out this saved plan, exactly or not at all
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub show: Show,
}

/// The arguments of `plan`.
#[derive(Args, Clone, Debug, Default)]
pub struct Plan {
    /// Save the plan, for `mattersync sync --plan`; nobody else may read the file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Plan with the configuration file as it is now, although the service works with what it read
    /// before
    #[arg(long, conflicts_with = "out")]
    pub edited: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub show: Show,
}

/// The arguments of `approve`.
#[derive(Args, Clone, Debug)]
pub struct Approve {
    /// A class (locked, missing, adopt, move, privileged, create, reactivate, rename, email, purge),
    /// another name from the list (restored, new-ids:NAME, …), or one person: username, address, DN
    /// or id
    pub what: Option<String>,

    /// Also give the adopted user a random password, and end their sessions
    #[arg(long, requires = "what")]
    pub new_password: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// The arguments of `check`.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Check {
    /// Only print the configuration of the file, with all defaults, as TOML; of secrets only where
    /// they are
    #[arg(long, conflicts_with = "json")]
    pub print: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

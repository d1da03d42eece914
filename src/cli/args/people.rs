//! Arguments of the commands about who is who.

use clap::Args;

use super::shared::{Fresh, Json, Show, Yes};

/// The arguments of `deactivate`.
#[derive(Args, Clone, Debug)]
pub struct Deactivate {
    /// Username, address, DN or id
    pub person: String,

    /// Also a system administrator without an account in the directory
    #[arg(long)]
    pub admin: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub yes: Yes,
}

/// The arguments of `link`.
#[derive(Args, Clone, Debug)]
pub struct Link {
    /// The account: username, address, DN or id
    pub account: String,

    /// The user: username, address or id; by default the one who has the account's username or one of
    /// its addresses
    pub user: Option<String>,

    /// Also if the user is a system administrator
    #[arg(long)]
    pub admin: bool,

    /// Also if the user is a guest
    #[arg(long)]
    pub guest: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub yes: Yes,
}

/// The arguments of `unlink`.
#[derive(Args, Clone, Debug)]
pub struct Unlink {
    /// The account or the user: username, address, DN or id
    pub person: String,

    /// Then treat the account as one that was never seen: it is created, or adopted after approval
    #[arg(long)]
    pub as_new: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub yes: Yes,
}

/// The arguments of `orphans`.
#[derive(Args, Clone, Debug)]
pub struct Orphans {
    /// Record that this user was looked at and is to stay, and is no longer listed
    #[arg(long, value_name = "USER")]
    pub keep: Option<String>,

    /// Take that record back
    #[arg(long, value_name = "USER", conflicts_with = "keep")]
    pub unkeep: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub fresh: Fresh,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub show: Show,
}

/// The arguments of `explain`.
#[derive(Args, Clone, Debug)]
pub struct Explain {
    /// Username, address, DN or id, of the account or of the user; or a full name
    pub person: String,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub fresh: Fresh,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub show: Show,
}

/// The arguments of `conflicts`, and of `status`.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Look {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub fresh: Fresh,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

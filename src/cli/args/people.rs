//! Arguments of the commands about who is who.

use clap::Args;

use super::shared::{Show, Yes};

/// Whom to deactivate.
#[derive(Args, Clone, Debug)]
pub struct Deactivate {
    /// Username, address, DN or id
    pub person: String,

    /// Also a system administrator whom no account stands behind
    #[arg(long)]
    pub admin: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub yes: Yes,
}

/// Who are one person.
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

/// Whose link is taken apart.
#[derive(Args, Clone, Debug)]
pub struct Unlink {
    /// The account or the user: username, address, DN or id
    pub person: String,

    /// The account is then as one that was never seen: created, or adopted after approval
    #[arg(long)]
    pub as_new: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub yes: Yes,
}

/// Users whom no account stands behind.
#[derive(Args, Clone, Debug)]
pub struct Orphans {
    /// Note that this user was looked at and is to stay: listed no more
    #[arg(long, value_name = "USER")]
    pub keep: Option<String>,

    /// Take that note back
    #[arg(long, value_name = "USER", conflicts_with = "keep")]
    pub unkeep: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub show: Show,
}

/// Whose story is told.
#[derive(Args, Clone, Debug)]
pub struct Explain {
    /// Username, address, DN or id, of the account or of the user
    pub person: String,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub show: Show,
}

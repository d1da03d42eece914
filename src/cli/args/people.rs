//! Arguments of the commands about who is who.

use clap::Args;

use super::{Json, Show, Yes};

/// Whom to deactivate.
#[derive(Args, Clone, Debug)]
pub struct Deactivate {
    /// Username, address, DN or id
    pub person: String,

    /// A user whom no account stands behind
    #[arg(long)]
    pub orphan: bool,

    /// Also if it is a system administrator, with --orphan
    #[arg(long, requires = "orphan")]
    pub admin: bool,

    /// Do it, with --orphan; with =CODE only if all is as it was shown
    #[arg(long, requires = "orphan", value_name = "CODE", num_args = 0..=1, require_equals = true,
          default_missing_value = "")]
    pub yes: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// Who are one person.
#[derive(Args, Clone, Debug)]
pub struct Link {
    /// The account: username, address, DN or id
    pub account: String,

    /// The user: username, address or id
    pub user: String,

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

/// Whose user is adopted.
#[derive(Args, Clone, Debug)]
pub struct Adopt {
    /// The account: username, address, DN or id
    pub account: String,

    /// Which user, where several have its username or addresses
    pub user: Option<String>,

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

/// Who is to stay.
#[derive(Args, Clone, Debug)]
pub struct Keep {
    /// The user: username, address or id
    pub user: String,

    /// Take the note back
    #[arg(long)]
    pub undo: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
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

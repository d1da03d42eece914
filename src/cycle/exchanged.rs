//! Is this still the server that the state knows?

use crate::config::{MattermostAccess, Settings};
use crate::model::{Evidence, Link};

use super::View;

/// A server on which none of the linked users exists: it was emptied, or it is another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is another Mattermost than the one that the state knows, or it was emptied: none of its \
     {linked} linked users exists at {server}. Nothing was created or changed. If that is a \
     mistake, correct the address in [mattermost], or restore the server's database. If this \
     server shall take the old one's place, stop mattersync, move {state} away together with the \
     files that end in -wal and -shm, and start again: users who are there already are then \
     adopted, which waits for approval, and the others created"
)]
pub struct Exchanged {
    /// How many users the state links accounts to.
    pub linked: usize,
    /// The server's address.
    pub server: String,
    /// The state file.
    pub state: String,
}

/// Mattermost chooses each user's id at random and keeps it for ever: a server that certainly has
/// none of those that the state knows is not the server that they are of.
///
/// # Errors
/// When it has none of them.
pub(super) fn check(view: &View, settings: &Settings) -> Result<(), Exchanged> {
    let links: Vec<&Link> = view.memory.links().map(|(_, link)| link).collect();
    let gone = |user| matches!(view.users.look(user), Evidence::Absent(_));
    if links.is_empty() || !links.iter().all(|link| gone(&link.user)) {
        return Ok(());
    }
    let state = settings.state_directory.join(crate::state::FILE_NAME);
    Err(Exchanged {
        linked: links.len(),
        server: match &settings.mattermost.access {
            MattermostAccess::Http { url, .. } => url.clone(),
            MattermostAccess::Socket { path } => path.display().to_string(),
        },
        state: state.display().to_string(),
    })
}

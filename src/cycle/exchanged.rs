//! Checks that this is still the server that the state knows.

use crate::config::{MattermostAccess, Settings};
use crate::model::{Evidence, Link};

use super::error::Exchanged;
use super::read::View;

/// Checks that some linked user exists. Mattermost chooses ids at random and keeps them for ever: a
/// server that certainly has none of the linked users is another one.
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

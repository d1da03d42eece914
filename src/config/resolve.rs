//! From checked to resolved settings: what the configuration leaves to be found out is added, and
//! then the digest is taken, so that it covers both.
//!
//! Every kind of provider that there is says in the configuration all that is to be known of it:
//! nothing is asked here yet. A kind that finds its settings by itself has them found here, before
//! the digest.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::print::digest;
use super::scope::{self, KeyPlaces};
use super::settings::{MattermostSettings, ProviderSettings, ScheduleSettings, Settings};
use crate::model::ProviderName;
use crate::plan::Policy;

/// What the configuration says. Nothing in it can be wrong in itself.
pub(super) struct Checked {
    pub(super) providers: Vec<ProviderSettings>,
    pub(super) mattermost: MattermostSettings,
    /// Without the settings that decide who is in scope.
    pub(super) policy: Policy,
    /// Where those settings stand.
    pub(super) places: BTreeMap<ProviderName, KeyPlaces>,
    pub(super) schedule: ScheduleSettings,
    pub(super) state_directory: PathBuf,
    pub(super) keep: Option<Duration>,
    pub(super) control_socket: PathBuf,
}

/// Returns the settings by which everything is done.
pub(super) fn resolve(checked: Checked) -> Settings {
    let Checked {
        providers,
        mattermost,
        mut policy,
        places,
        schedule,
        state_directory,
        keep,
        control_socket,
    } = checked;
    let nowhere = KeyPlaces::new();
    for provider in &providers {
        let places = places.get(&provider.name).unwrap_or(&nowhere);
        let scope = scope::settings(provider, &policy, places);
        policy.scopes.insert(provider.name.clone(), scope);
    }
    let mut settings = Settings {
        providers,
        mattermost,
        policy,
        schedule,
        state_directory,
        keep,
        control_socket,
        digest: String::new(),
    };
    settings.digest = digest(&settings);
    settings
}

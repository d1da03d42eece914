//! Completes the checked settings: values that the configuration leaves to be found out are added,
//! and then the digest is computed, so that it covers both.
//!
//! At present every kind of provider has all its settings in the configuration, so nothing is found
//! out yet. A kind that finds its own settings would do it here, before the digest.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::print::digest;
use super::scope::{self, KeyPlaces};
use super::settings::{MattermostSettings, ProviderSettings, ScheduleSettings, Settings};
use crate::model::ProviderName;
use crate::plan::Policy;

/// The checked settings. Each value is valid in itself.
pub(super) struct Checked {
    pub(super) providers: Vec<ProviderSettings>,
    pub(super) mattermost: MattermostSettings,
    /// The policy without the settings that decide who is in scope.
    pub(super) policy: Policy,
    /// The positions of those settings.
    pub(super) places: BTreeMap<ProviderName, KeyPlaces>,
    pub(super) schedule: ScheduleSettings,
    pub(super) state_directory: PathBuf,
    pub(super) keep: Option<Duration>,
    pub(super) control_socket: PathBuf,
}

/// Returns the settings that the program works with.
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

//! The whole configuration.

use super::super::raw::RawConfig;
use super::super::source::Source;
use super::super::{ConfigError, Settings, Warning, print};
use super::report::Check;
use super::{mattermost, policy, provider, rest, scope};

/// Judges the whole configuration.
pub(in super::super) fn settings(
    raw: &RawConfig,
    source: &Source<'_>,
) -> Result<(Settings, Vec<Warning>), ConfigError> {
    let mut check = Check::new(source);
    let provider = provider::settings(&mut check, raw);
    let mattermost = mattermost::settings(&mut check, raw);
    let mut policy = policy::settings(&mut check, raw, &provider.mapping);
    let scope = scope::settings(&check, raw, &provider, &policy);
    policy.scopes.insert(provider.name.clone(), scope);
    let (schedule, state_directory, control_socket) = rest::settings(&mut check, raw);
    let keep = rest::keep(&mut check, raw);
    let warnings = check.end()?;
    let mut settings = Settings {
        provider,
        mattermost,
        policy,
        schedule,
        state_directory,
        keep,
        control_socket,
        digest: String::new(),
    };
    settings.digest = print::digest(&settings);
    Ok((settings, warnings))
}

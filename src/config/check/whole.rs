//! Checks the whole configuration.

use super::super::raw::RawConfig;
use super::super::resolve::Checked;
use super::super::source::Source;
use super::super::{ConfigError, Warning};
use super::report::Check;
use super::{mattermost, policy, provider, rest, scope};

/// Checks the whole configuration.
pub(in super::super) fn settings(
    raw: &RawConfig,
    source: &Source<'_>,
) -> Result<(Checked, Vec<Warning>), ConfigError> {
    let mut check = Check::new(source);
    let providers = provider::settings(&mut check, raw);
    let mattermost = mattermost::settings(&mut check, raw);
    let policy = policy::settings(&mut check, raw, &providers);
    let places = scope::places(&check, raw, &providers);
    let (schedule, state_directory, control_socket) = rest::settings(&mut check, raw);
    let keep = rest::keep(&mut check, raw);
    let warnings = check.end()?;
    let checked = Checked {
        providers,
        mattermost,
        policy,
        places,
        schedule,
        state_directory,
        keep,
        control_socket,
    };
    Ok((checked, warnings))
}

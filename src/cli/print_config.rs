//! `mattersync check --print`: prints the configuration in force, with all defaults.

use std::path::Path;

use crate::config::Settings;

use super::answer::Answer;
use super::exit::{Exit, Failure};
use super::print::write_err;

/// Prints the configuration as TOML, and the warnings about it on standard error.
///
/// # Errors
/// An error if the configuration cannot be used.
pub fn print_config(config: &Path) -> Result<Answer, Failure> {
    let (settings, warnings) = Settings::load(config)?;
    for warning in warnings {
        write_err(&format!("warning: {warning}"));
    }
    Ok(Answer {
        text: settings.to_toml(),
        exit: Exit::DONE,
    })
}

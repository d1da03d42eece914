//! `mattersync check --print`: the configuration in force, with all defaults.

use std::path::Path;

use crate::config::Settings;

use super::answer::Answer;
use super::exit::{Exit, Failure};
use super::print::write_err;

/// Prints it as TOML; what is unreasonable in it goes to standard error.
///
/// # Errors
/// When it cannot be used.
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

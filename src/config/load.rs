//! Reads settings from a file.

use std::io;
use std::path::Path;

use super::resolve::resolve;
use super::source::Source;
use super::trusted::{self, FileError};
use super::{ConfigError, Settings, Warning, check, parse};

/// The largest configuration in bytes: a larger one would have tens of thousands of rules.
const LARGEST: u64 = 4 << 20;

impl Settings {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// An error if the file cannot be read, could have been written by others, is not TOML, has an
    /// unknown key or a wrong type, or contains a value that cannot be used.
    pub fn load(path: &Path) -> Result<(Self, Vec<Warning>), ConfigError> {
        let bytes = trusted::read(path, LARGEST).map_err(|error| ConfigError::Read {
            path: path.to_owned(),
            instead: match &error {
                FileError::Unreadable(io) if io.kind() == io::ErrorKind::NotFound => {
                    "name the configuration with --config FILE, or write one: \
                     config/mattersync.toml is a beginning"
                        .into()
                }
                error => error.remedy(),
            },
            what: error.to_string(),
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..good]
                .iter()
                .filter(|b| **b == b'\n')
                .count()
                + 1;
            ConfigError::Read {
                path: path.to_owned(),
                what: format!("line {line} is not UTF-8"),
                instead: "save the file as UTF-8".into(),
            }
        })?;
        Self::parse(&text, path)
    }

    /// Parses the text of a configuration; `path` is its name in messages.
    ///
    /// # Errors
    ///
    /// The errors of [`Settings::load`].
    pub fn parse(text: &str, path: &Path) -> Result<(Self, Vec<Warning>), ConfigError> {
        // Some editors on Windows write a byte order mark at the beginning.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source::new(path, text);
        let raw = parse::parse(text, &source)?;
        let (checked, warnings) = check::settings(&raw, &source)?;
        Ok((resolve(checked), warnings))
    }
}

//! From a file to settings.

use std::io;
use std::path::Path;

use super::resolve::resolve;
use super::source::Source;
use super::trusted::{self, FileError};
use super::{ConfigError, Settings, Warning, check, parse};

/// No configuration is larger: it would have tens of thousands of rules.
const LARGEST: u64 = 4 << 20;

impl Settings {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, when others could have written it, is not TOML, has an unknown key or a wrong type, or says something
    /// that cannot be followed.
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

    /// Reads the text of a configuration; `path` is what messages call it.
    ///
    /// # Errors
    ///
    /// As [`Settings::load`].
    pub fn parse(text: &str, path: &Path) -> Result<(Self, Vec<Warning>), ConfigError> {
        // Some editors on Windows begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source::new(path, text);
        let raw = parse::parse(text, &source)?;
        let (checked, warnings) = check::settings(&raw, &source)?;
        Ok((resolve(checked), warnings))
    }
}

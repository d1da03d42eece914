//! From a file to settings.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::source::Source;
use super::{ConfigError, Settings, Warning, check, parse};

impl Settings {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is not TOML, has an unknown key or a wrong type, or says something
    /// that cannot be followed.
    pub fn load(path: &Path) -> Result<(Self, Vec<Warning>), ConfigError> {
        let unreadable = |error: std::io::Error| {
            ConfigError::Read {
            path: path.to_owned(),
            what: error.to_string(),
            instead: "name the configuration with --config FILE, or write one: config/mattersync.toml is a beginning".into(),
        }
        };
        let bytes = std::fs::read(path).map_err(unreadable)?;
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
        let (settings, mut warnings) = Self::parse(&text, path)?;
        let mode = std::fs::metadata(path)
            .map_err(unreadable)?
            .permissions()
            .mode()
            & 0o7777;
        if mode & 0o002 != 0 {
            warnings.insert(0, Warning {
                path: path.to_owned(),
                line: None,
                message: format!("everybody on this machine can change this configuration (mode {mode:04o}); type: chmod o-w '{}'", path.display()),
            });
        }
        Ok((settings, warnings))
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
        check::settings(&raw, &source)
    }
}

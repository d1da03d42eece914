//! Reads settings from a file.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::resolve::resolve;
use super::source::Source;
use super::trusted::{self, FileError};
use super::{ConfigError, Settings, Warning, check, parse};

/// The largest configuration in bytes: a larger one would have tens of thousands of rules.
const LARGEST: u64 = 4 << 20;

/// Where the service listens unless `control.socket` names another place.
pub(super) const USUAL_SOCKET: &str = "/run/mattersync/control.sock";

/// The content of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigText {
    bytes: Vec<u8>,
    path: PathBuf,
}

impl ConfigText {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// An error if the file cannot be read, or could have been written by others.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
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
        Ok(Self {
            bytes,
            path: path.to_owned(),
        })
    }

    /// Returns the SHA-256 of the content, by which a changed file is recognised.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }

    /// Returns the settings that the content describes.
    ///
    /// # Errors
    ///
    /// An error if it is not TOML, has an unknown key or a wrong type, or contains a value that
    /// cannot be used.
    pub fn settings(self) -> Result<(Settings, Vec<Warning>), ConfigError> {
        let Self { bytes, path } = self;
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..good]
                .iter()
                .filter(|b| **b == b'\n')
                .count()
                + 1;
            ConfigError::Read {
                path: path.clone(),
                what: format!("line {line} is not UTF-8"),
                instead: "save the file as UTF-8".into(),
            }
        })?;
        Settings::parse(&text, &path)
    }
}

impl Settings {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// The errors of [`ConfigText::read`] and [`ConfigText::settings`].
    pub fn load(path: &Path) -> Result<(Self, Vec<Warning>), ConfigError> {
        ConfigText::read(path)?.settings()
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

/// Returns where the service of a configuration file may listen, whether or not the rest of the
/// file can be used: the socket that it names, and the usual one.
pub fn control_sockets(path: &Path) -> Vec<PathBuf> {
    let text = ConfigText::read(path).ok();
    let text = text.and_then(|text| String::from_utf8(text.bytes).ok());
    let named = text.and_then(|text| named_socket(&text));
    let named = named.filter(|socket| socket.is_absolute() && *socket != Path::new(USUAL_SOCKET));
    named
        .into_iter()
        .chain([PathBuf::from(USUAL_SOCKET)])
        .collect()
}

/// Returns the value of `control.socket`. In a text that is not TOML it is looked for line by line.
fn named_socket(text: &str) -> Option<PathBuf> {
    if let Ok(table) = text.parse::<toml::Table>() {
        let socket = table.get("control")?.get("socket")?.as_str()?;
        return Some(PathBuf::from(socket));
    }
    let mut is_control = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_control = line.starts_with("[control]");
        } else if is_control && line.starts_with("socket") {
            let table = line.parse::<toml::Table>().ok()?;
            return table.get("socket")?.as_str().map(PathBuf::from);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_found_in_a_file_that_cannot_be_used() {
        let socket = |text| named_socket(text).map(|path| path.display().to_string());
        let is = Some("/run/a b/c.sock".to_owned());
        assert_eq!(socket("[control]\nsocket = \"/run/a b/c.sock\"\n"), is);
        assert_eq!(
            socket("no-such = 1\n[control]\nsocket = \"/run/a b/c.sock\"\n"),
            is
        );
        let torn = "[accounts\n[control] # here\nsocket = '/run/a b/c.sock' # there\n[x]\n";
        assert_eq!(socket(torn), is);
        assert_eq!(
            socket("[accounts\n[mattermost]\nsocket = '/run/other'\n"),
            None
        );
        assert_eq!(socket("[mattermost]\nsocket = '/run/other'\n"), None);
        let nowhere = control_sockets(Path::new("/nonexistent/config.toml"));
        assert_eq!(nowhere, [PathBuf::from(USUAL_SOCKET)]);
    }
}

//! Compares the configuration file with what was read from it: a file that somebody edited is not
//! in force until it is read again, and one that cannot be used stops the next start.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, ConfigText, Settings, Warning};
use crate::model::Timestamp;

use super::stamp::FileStamp;

/// The configuration that is in force, and the file as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigReport {
    /// When the configuration that is in force was read.
    pub read: Timestamp,
    /// The file as it is now.
    pub file: FileNow,
}

/// A configuration file beside the configuration that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileNow {
    /// The file says what is in force.
    InForce,
    /// The file was changed, and can be used.
    Changed {
        /// When it was changed.
        at: Timestamp,
    },
    /// The file was changed or removed, and cannot be used.
    Unusable {
        /// When it was changed; `None` if it is no longer there.
        at: Option<Timestamp>,
        /// What is wrong with it.
        why: String,
    },
}

/// A configuration file that was read.
pub struct ConfigFile {
    path: PathBuf,
    state: Mutex<Known>,
}

/// What is known of the file.
struct Known {
    read: Timestamp,
    in_force: [u8; 32],
    /// The content that a reload refused although it can be parsed, and why.
    refused: Option<([u8; 32], String)>,
    looked: Option<(FileStamp, FileNow)>,
}

impl ConfigFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// An error if it cannot be used.
    pub fn load(
        path: &Path,
        now: Timestamp,
    ) -> Result<(Arc<Self>, Settings, Vec<Warning>), ConfigError> {
        let text = ConfigText::read(path)?;
        let known = Known {
            read: now,
            in_force: text.fingerprint(),
            refused: None,
            looked: None,
        };
        let (settings, warnings) = text.settings()?;
        let file = Self {
            path: path.to_owned(),
            state: Mutex::new(known),
        };
        Ok((Arc::new(file), settings, warnings))
    }

    /// Notes that this content is in force from now on.
    pub fn took(&self, content: [u8; 32], now: Timestamp) {
        self.change(|known| {
            *known = Known {
                read: now,
                in_force: content,
                refused: None,
                looked: None,
            };
        });
    }

    /// Notes that this content was refused.
    pub fn refused(&self, content: [u8; 32], why: String) {
        self.change(|known| {
            known.refused = Some((content, why));
            known.looked = None;
        });
    }

    /// Looks at the file. It is read only if it was changed since the last look.
    pub fn look(&self) -> ConfigReport {
        let stamp = FileStamp::of(&self.path);
        self.change(|known| {
            let file = match &known.looked {
                Some((before, file)) if *before == stamp => file.clone(),
                _ => judge(&self.path, known),
            };
            known.looked = Some((stamp, file.clone()));
            ConfigReport {
                read: known.read,
                file,
            }
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn judge(path: &Path, known: &Known) -> FileNow {
    let at = std::fs::metadata(path).ok().map(|found| {
        let seconds = found.mtime().saturating_mul(1_000);
        Timestamp(seconds.saturating_add(found.mtime_nsec() / 1_000_000))
    });
    let text = match ConfigText::read(path) {
        Ok(text) => text,
        Err(error) => {
            let why = error.to_string();
            return FileNow::Unusable { at, why };
        }
    };
    let content = text.fingerprint();
    if content == known.in_force {
        return FileNow::InForce;
    }
    if let Some((refused, why)) = &known.refused
        && *refused == content
    {
        let why = why.clone();
        return FileNow::Unusable { at, why };
    }
    match (text.settings(), at) {
        (Ok(_), Some(at)) => FileNow::Changed { at },
        (Ok(_), None) => FileNow::InForce,
        (Err(error), at) => FileNow::Unusable {
            at,
            why: error.to_string(),
        },
    }
}

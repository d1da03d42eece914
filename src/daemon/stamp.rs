//! Tells a changed file from the same one without reading it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::Settings;

/// What the system says of a file; equal as long as nobody wrote to it or replaced it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStamp(Option<[i128; 7]>);

impl FileStamp {
    /// Looks at a file, which need not be there.
    pub fn of(path: &Path) -> Self {
        let found = std::fs::metadata(path).ok();
        Self(found.map(|found| {
            [
                found.dev().into(),
                found.ino().into(),
                found.size().into(),
                found.mtime().into(),
                found.mtime_nsec().into(),
                found.ctime().into(),
                found.ctime_nsec().into(),
            ]
        }))
    }
}

/// The files of the secrets as they were at one moment.
#[derive(Clone, Debug, Default)]
pub struct SecretFiles(Vec<(PathBuf, FileStamp)>);

impl SecretFiles {
    /// Looks at all files that contain secrets.
    pub fn now(settings: &Settings) -> Self {
        let secrets = settings.secrets();
        let files = secrets.iter().filter_map(|(_, secret)| secret.file());
        let looked = files.map(|path| {
            let stamp = FileStamp::of(&path);
            (path, stamp)
        });
        Self(looked.collect())
    }

    /// Returns a file that was changed since then.
    pub fn changed(&self) -> Option<&Path> {
        let changed = |(path, before): &&(PathBuf, FileStamp)| FileStamp::of(path) != *before;
        self.0.iter().find(changed).map(|(path, _)| path.as_path())
    }
}

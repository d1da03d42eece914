//! One reading of one file.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::trusted::{self, FileError};
use crate::model::Directory;
use crate::provider::{Ask, ProviderError};

use super::form;
use super::pass::Pass;
use super::records::Records;
use super::selection::Selection;
use super::source::LdifSource;

/// Reads the file. Blocks; returns early with an error when `given_up` becomes true.
pub(super) fn read(
    source: &LdifSource,
    ask: &Ask,
    given_up: &AtomicBool,
) -> Result<Directory, ProviderError> {
    let fail = |text: String| ProviderError::File {
        path: source.path.display().to_string(),
        what: text,
    };
    let selection = Selection::new(&source.mapping).map_err(fail)?;
    let (file, before) = open(&source.path).map_err(fail)?;
    let mut input = BufReader::new(CancellableFile { file, given_up });
    let broken = |e: io::Error| fail(format!("reading failed: {e}"));
    if let Some(what) = form::foreign(input.fill_buf().map_err(broken)?) {
        return Err(fail(what));
    }
    let mut records = Records::new(input, &selection.wanted);
    let mut pass = Pass::new(source, ask, &selection);
    while let Some(item) = records.next().map_err(broken)? {
        pass.take(item, records.closed()).map_err(fail)?;
    }
    pass.end(&records, &before, &source.path).map_err(fail)
}

/// A file whose reading can be cancelled at any time.
struct CancellableFile<'a> {
    file: File,
    given_up: &'a AtomicBool,
}

impl Read for CancellableFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given_up.load(Ordering::Relaxed) {
            return Err(io::Error::other("it was given up"));
        }
        self.file.read(buffer)
    }
}

/// Opens a regular file that nobody else could have written. A pipe or a device could block for
/// ever, or never end.
fn open(path: &Path) -> Result<(File, Metadata), String> {
    let tell = |error: FileError| match &error {
        FileError::Unreadable(io) => match io.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "we have no right to read it".to_owned(),
            _ => format!("it cannot be opened: {io}"),
        },
        FileError::NotAFile => error.to_string(),
        error => format!("{error}; {}", error.remedy()),
    };
    let file = trusted::open(path).map_err(tell)?;
    let metadata = file.metadata().map_err(|e| tell(e.into()))?;
    Ok((file, metadata))
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;

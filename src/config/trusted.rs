//! Checks files by which others could control us: the configuration, the certificates to trust, the
//! accounts themselves. They are used only if nobody but root and we can have written them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use nix::unistd::{Uid, User, geteuid};

/// The permission bits with which users other than the owner may write.
pub(crate) const OTHERS_MAY_WRITE: u32 = 0o022;
/// In a directory with this bit users may only replace their own files.
const STICKY: u32 = 0o1000;
/// How many links are followed, as in the system (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It does not exist or cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// It is a directory, a pipe or a device, which might never end or block for ever.
    #[error("it is no regular file")]
    NotAFile,
    /// It is larger than any such file.
    #[error("it has more than {} MiB", .0 >> 20)]
    TooLarge(u64),
    /// Users other than its owner may write to it or replace it, or a directory on the way.
    #[error("{} can be written by others than its owner (mode {mode:04o})", path.display())]
    Writable {
        /// The file, or a directory on the way to it.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another user owns it, or a directory on the way to it.
    #[error("{} belongs to {}, and this process runs as {}", path.display(), user(*owner), user(*us))]
    Foreign {
        /// The file, a link or a directory on the way to it.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The user of this process.
        us: u32,
    },
}

impl FileError {
    /// Returns what to type.
    pub(crate) fn remedy(&self) -> String {
        match self {
            Self::Unreadable(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                "run the command as the user that may read it, or as root".into()
            }
            Self::Unreadable(_) => "look at the file and its folder".into(),
            Self::NotAFile | Self::TooLarge(_) => "name another file".into(),
            Self::Writable { path, .. } => format!(
                "look whether its content is still yours, then type `chmod go-w '{}'`",
                path.display()
            ),
            Self::Foreign { path, .. } => format!(
                "look whether its content is what you want, then type `chown root '{}'`; or keep \
                 the file where only root may write, as in /etc/mattersync",
                path.display()
            ),
        }
    }
}

/// Returns a user as `root (user 0)`, or without the name if the system does not know it.
fn user(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)).ok().flatten() {
        Some(user) => format!("{} (user {uid})", user.name),
        None => format!("user {uid}"),
    }
}

/// Opens a regular file that nobody but root and we can have written or put there.
///
/// # Errors
/// An error if it cannot be read, or others could have changed it.
pub(crate) fn open(path: &Path) -> Result<File, FileError> {
    let us = geteuid().as_raw();
    // The file is opened first, so that a user who may not see it is told that and nothing else. A
    // pipe must not block, so it is opened without waiting.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NONBLOCK)
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(FileError::NotAFile);
    }
    judge_way(path, us)?;
    judge(path, &found, us)?;
    Ok(file)
}

/// Reads such a file, if it has at most `most` bytes.
///
/// # Errors
/// The errors of [`open`], and one for a larger file.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(FileError::TooLarge(most));
    }
    Ok(bytes)
}

/// Checks an open file by its owner and by the path that led to it; its own mode is not checked.
///
/// # Errors
/// Returns the file, or the first directory or link on the way, by which others could have changed
/// it.
pub(super) fn judge_owners(path: &Path, found: &Metadata) -> Result<(), FileError> {
    let us = geteuid().as_raw();
    judge_way(path, us)?;
    judge_owner(path, found, us)
}

/// Checks that nobody but root and we could replace what is, or will be, in this directory.
///
/// # Errors
/// Returns the first directory or link on the way by which others could.
pub(crate) fn judge_directory(path: &Path) -> Result<(), FileError> {
    judge_way(path, geteuid().as_raw())
}

fn judge(path: &Path, found: &Metadata, us: u32) -> Result<(), FileError> {
    judge_owner(path, found, us)?;
    let mode = found.mode() & 0o7777;
    let sticky = found.is_dir() && mode & STICKY != 0;
    if mode & OTHERS_MAY_WRITE != 0 && !sticky {
        let path = path.to_owned();
        return Err(FileError::Writable { path, mode });
    }
    Ok(())
}

fn judge_owner(path: &Path, found: &Metadata, us: u32) -> Result<(), FileError> {
    let owner = found.uid();
    if owner != us && owner != 0 {
        let path = path.to_owned();
        return Err(FileError::Foreign { path, owner, us });
    }
    Ok(())
}

/// Checks each directory and link on the way to a file, as the system follows them.
fn judge_way(path: &Path, us: u32) -> Result<(), FileError> {
    let mut here = PathBuf::from("/");
    let mut way = components(&std::path::absolute(path)?);
    let mut links = 0;
    let mut judged = BTreeSet::new();
    while let Some(name) = way.pop() {
        if name == ".." {
            here.pop();
            continue;
        }
        let inside = std::fs::symlink_metadata(&here)?;
        if judged.insert(here.clone()) {
            judge(&here, &inside, us)?;
        }
        let next = here.join(name);
        let found = std::fs::symlink_metadata(&next)?;
        // Where everybody may create files, a file is only as trustworthy as its owner.
        if inside.mode() & OTHERS_MAY_WRITE != 0 {
            judge_owner(&next, &found, us)?;
        }
        if !found.is_symlink() {
            here = next;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(io::Error::from_raw_os_error(nix::libc::ELOOP).into());
        }
        let target = std::fs::read_link(&next)?;
        if target.is_absolute() {
            here = PathBuf::from("/");
        }
        way.extend(components(&target));
    }
    match std::fs::symlink_metadata(&here)? {
        found if found.is_dir() => judge(&here, &found, us),
        _ => Ok(()),
    }
}

/// Returns the names of a path, the first one last.
fn components(path: &Path) -> Vec<OsString> {
    let names = path
        .components()
        .rev()
        .filter(|component| matches!(component, Component::Normal(_) | Component::ParentDir));
    names.map(|name| name.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            std::fs::create_dir(place.path("in")).unwrap();
            std::fs::write(place.path("in/file"), "text").unwrap();
            place.mode("in", 0o755);
            place.mode("in/file", 0o644);
            place
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn mode(&self, name: &str, mode: u32) {
            std::fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
        }

        fn refused(&self, name: &str) -> FileError {
            open(&self.path(name)).expect_err("refused")
        }
    }

    #[test]
    fn a_file_that_only_its_owner_may_write_is_read() {
        let place = Place::new();
        assert_eq!(read(&place.path("in/file"), 4).unwrap(), b"text");
        assert!(matches!(
            read(&place.path("in/file"), 3),
            Err(FileError::TooLarge(3))
        ));
        symlink("in", place.path("to")).unwrap();
        symlink(place.path("to/../in/file"), place.path("in/link")).unwrap();
        assert_eq!(read(&place.path("to/link"), 4).unwrap(), b"text");
    }

    #[test]
    fn who_may_write_to_it_or_put_another_in_its_place_counts() {
        let place = Place::new();
        for mode in [0o646, 0o664, 0o666, 0o602] {
            place.mode("in/file", mode);
            let error = place.refused("in/file");
            assert!(error.remedy().contains("chmod go-w"), "{mode:o}: {error}");
        }
        place.mode("in/file", 0o644);
        for mode in [0o777, 0o775, 0o757] {
            place.mode("in", mode);
            let error = place.refused("in/file");
            let said = error.to_string();
            assert!(said.contains("/in can be written"), "{mode:o}: {said}");
        }
        // As /tmp: everybody may put something there, and take away only what is theirs.
        place.mode("in", 0o1777);
        open(&place.path("in/file")).unwrap();
    }

    #[test]
    fn a_link_through_a_place_where_others_may_write_counts() {
        let place = Place::new();
        std::fs::create_dir(place.path("open")).unwrap();
        symlink("../in/file", place.path("open/link")).unwrap();
        place.mode("open", 0o777);
        symlink("open/link", place.path("link")).unwrap();
        let said = place.refused("link").to_string();
        assert!(said.contains("/open can be written"), "{said}");
        symlink("round", place.path("round")).unwrap();
        assert!(matches!(place.refused("round"), FileError::Unreadable(_)));
    }

    #[test]
    fn what_another_user_owns_is_refused_and_both_are_named() {
        let place = Place::new();
        let found = std::fs::metadata(place.path("in/file")).unwrap();
        let stranger = found.uid() + 1;
        // To a stranger it is ours; nobody needs to be root to see that.
        let error = judge(Path::new("/x"), &found, stranger);
        if found.uid() != 0 {
            let said = error.unwrap_err().to_string();
            assert!(said.contains(&format!("runs as user {stranger}")), "{said}");
            return;
        }
        error.expect("root's is good for everybody");
        for (name, whole) in [("in/file", "file belongs to"), ("in", "in belongs to")] {
            std::os::unix::fs::chown(place.path(name), Some(4_242), None).unwrap();
            let error = place.refused("in/file");
            let said = format!("{error}: {}", error.remedy());
            assert!(
                said.contains(whole) && said.contains("user 4242") && said.contains("root"),
                "{said}"
            );
            std::os::unix::fs::chown(place.path(name), Some(0), None).unwrap();
        }
        // In a place like /tmp everybody's links are their own.
        place.mode("in", 0o1777);
        symlink("file", place.path("in/theirs")).unwrap();
        std::os::unix::fs::lchown(place.path("in/theirs"), Some(4_242), None).unwrap();
        let said = place.refused("in/theirs").to_string();
        assert!(said.contains("theirs belongs to user 4242"), "{said}");
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let place = Place::new();
        let pipe = place.path("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for path in [&pipe, &place.path("in"), Path::new("/dev/zero")] {
            assert!(matches!(open(path), Err(FileError::NotAFile)), "{path:?}");
        }
    }
}

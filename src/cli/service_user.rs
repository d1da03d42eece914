//! Lets root work as the service user, because the service could not use files that root leaves in
//! the state directory.

use std::ffi::CString;
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::unistd::{Gid, Uid, User, geteuid, initgroups, setgid, setgroups, setuid};

use super::exit::{Exit, Failure};
use crate::config::trusted;

/// The user that the package creates, used where there is no state directory to tell its owner.
const NAME: &str = "mattersync";

/// The user as whom the work is done.
struct ServiceUser {
    name: Option<String>,
    uid: Uid,
    gid: Gid,
}

impl ServiceUser {
    fn label(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => format!("with the id {}", self.uid),
        }
    }
}

/// Becomes the service user, if started by root and there is one: the owner of the state directory
/// or, before there is one, the user `mattersync`. Returns its name if it did. It must be called
/// before the first thread is started. `prepare` makes the state directory if it is missing.
///
/// # Errors
/// An error if the state directory belongs to somebody else, or the system refuses.
pub fn step_down(state: &Path, prepare: bool) -> Result<Option<String>, Failure> {
    let owner = match std::fs::metadata(state) {
        Ok(found) => Some((Uid::from_raw(found.uid()), Gid::from_raw(found.gid()))),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(denied(state, None));
        }
        Err(_) => None,
    };
    let us = geteuid();
    if !us.is_root() {
        return match owner {
            Some((uid, _)) if uid != us => Err(denied(state, Some(uid))),
            _ => Ok(None),
        };
    }
    let service_user = match owner {
        Some((uid, _)) if uid.is_root() => return Ok(None),
        Some((uid, gid)) => {
            let user = User::from_uid(uid).ok().flatten();
            // Never root's group, even if the directory has it.
            let own = user.as_ref().map_or(gid, |user| user.gid);
            ServiceUser {
                gid: if gid.as_raw() == 0 { own } else { gid },
                name: user.map(|user| user.name),
                uid,
            }
        }
        None => match User::from_name(NAME).ok().flatten() {
            Some(user) => ServiceUser {
                name: Some(user.name),
                uid: user.uid,
                gid: user.gid,
            },
            None => return Ok(None),
        },
    };
    if owner.is_none() && prepare {
        make(state, &service_user).map_err(|error| {
            let path = state.display();
            Failure::new(Exit::STATE, format!("{path}: cannot be made: {error}"))
        })?;
    }
    become_user(&service_user).map_err(|error| {
        let label = service_user.label();
        Failure::new(
            Exit::SYSTEM,
            format!("cannot work as the user {label}: {error}"),
        )
    })?;
    Ok(Some(service_user.label()))
}

/// Makes the directory and gives it to the service user. Ownership of the open directory is
/// changed, and it must be the one that was made here, so its parents must belong to nobody else.
fn make(state: &Path, service_user: &ServiceUser) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    if let Some(parent) = state.parent() {
        builder.recursive(true).mode(0o755).create(parent)?;
        trusted::judge_directory(parent)
            .map_err(|error| io::Error::other(format!("{error}; {}", error.remedy())))?;
    }
    builder.recursive(false).mode(0o700).create(state)?;
    let directory = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_DIRECTORY | nix::libc::O_NOFOLLOW)
        .open(state)?;
    let (uid, gid) = (service_user.uid.as_raw(), service_user.gid.as_raw());
    std::os::unix::fs::fchown(&directory, Some(uid), Some(gid))
}

fn become_user(service_user: &ServiceUser) -> Result<(), nix::Error> {
    let name = service_user
        .name
        .as_deref()
        .and_then(|n| CString::new(n).ok());
    match name {
        Some(name) => initgroups(&name, service_user.gid)?,
        None => setgroups(&[service_user.gid])?,
    }
    setgid(service_user.gid)?;
    setuid(service_user.uid)?;
    keep_memory_private()
}

/// Keeps other processes of the same user from reading or dumping this process's memory, which
/// contains the secrets (PR_SET_DUMPABLE in prctl(2)). A change of the user undoes it.
///
/// # Errors
/// An error if the system refuses.
pub fn keep_memory_private() -> Result<(), nix::Error> {
    nix::sys::prctl::set_dumpable(false)
}

fn denied(state: &Path, owner: Option<Uid>) -> Failure {
    let owner = owner.map(|uid| match User::from_uid(uid).ok().flatten() {
        Some(user) => user.name,
        None => format!("#{uid}"),
    });
    let (belongs, other) = match owner {
        Some(owner) => (
            format!(" belongs to {owner}"),
            format!(", or as that user: sudo -u {owner} mattersync …"),
        ),
        None => (" is not for you".to_owned(), String::new()),
    };
    Failure::new(
        Exit::NO_PERMISSION,
        format!(
            "the state directory {}{belongs}; run the command as root{other}",
            state.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_is_given_away_was_made_here() {
        let place = tempfile::tempdir().unwrap();
        let us = geteuid();
        let uid = if us.is_root() {
            Uid::from_raw(65_534)
        } else {
            us
        };
        let service_user = ServiceUser {
            name: None,
            uid,
            gid: Gid::from_raw(nix::unistd::getegid().as_raw()),
        };
        let state = place.path().join("a/b/state");
        make(&state, &service_user).unwrap();
        let found = std::fs::metadata(&state).unwrap();
        assert_eq!((found.uid(), found.mode() & 0o7777), (uid.as_raw(), 0o700));
        let parent = std::fs::metadata(place.path().join("a")).unwrap();
        assert_eq!(parent.uid(), us.as_raw());
        // Something that is there already, a link too, is left as it is.
        let link = place.path().join("link");
        symlink(place.path().join("a"), &link).unwrap();
        assert!(make(&link, &service_user).is_err());
        assert!(make(&state, &service_user).is_err());
        // Nothing is given away in a directory where others could exchange it at any time.
        let open = place.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
        let error = make(&open.join("state"), &service_user).unwrap_err();
        assert!(error.to_string().contains("chmod go-w"), "{error}");
        assert!(!open.join("state").exists());
    }
}

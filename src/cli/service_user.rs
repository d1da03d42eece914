//! Root does not do the work itself: what it would leave in the state directory, the service could
//! not use.

use std::ffi::CString;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use nix::unistd::{Gid, Uid, User, geteuid, initgroups, setgid, setgroups, setuid};

use super::exit::{Exit, Failure};

/// The user that the package makes, where no state directory says who it is.
const NAME: &str = "mattersync";

/// Who works.
struct Servant {
    name: Option<String>,
    uid: Uid,
    gid: Gid,
}

impl Servant {
    fn label(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => format!("with the id {}", self.uid),
        }
    }
}

/// Becomes the service user if started by root and there is one: the owner of the state directory
/// or, before there is one, the user `mattersync`. Gives its name if it did. Must be called before
/// the first thread is started. `prepare` makes the state directory if it is missing.
///
/// # Errors
/// When the state directory belongs to somebody else, or the system refuses.
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
    let servant = match owner {
        Some((uid, _)) if uid.is_root() => return Ok(None),
        Some((uid, gid)) => {
            let user = User::from_uid(uid).ok().flatten();
            // Never root's group, whoever made the directory.
            let own = user.as_ref().map_or(gid, |user| user.gid);
            Servant {
                gid: if gid.as_raw() == 0 { own } else { gid },
                name: user.map(|user| user.name),
                uid,
            }
        }
        None => match User::from_name(NAME).ok().flatten() {
            Some(user) => Servant {
                name: Some(user.name),
                uid: user.uid,
                gid: user.gid,
            },
            None => return Ok(None),
        },
    };
    if owner.is_none() && prepare {
        make(state, &servant).map_err(|error| {
            let path = state.display();
            Failure::new(Exit::STATE, format!("{path}: cannot be made: {error}"))
        })?;
    }
    become_servant(&servant).map_err(|error| {
        let label = servant.label();
        Failure::new(
            Exit::SYSTEM,
            format!("cannot work as the user {label}: {error}"),
        )
    })?;
    Ok(Some(servant.label()))
}

fn make(state: &Path, servant: &Servant) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)?;
    std::os::unix::fs::chown(
        state,
        Some(servant.uid.as_raw()),
        Some(servant.gid.as_raw()),
    )
}

fn become_servant(servant: &Servant) -> Result<(), nix::Error> {
    let name = servant.name.as_deref().and_then(|n| CString::new(n).ok());
    match name {
        Some(name) => initgroups(&name, servant.gid)?,
        None => setgroups(&[servant.gid])?,
    }
    setgid(servant.gid)?;
    setuid(servant.uid)
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

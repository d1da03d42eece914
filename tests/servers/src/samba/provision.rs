//! A provisioned domain, made once and copied for each use.

use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::time::Duration;

use super::{ADMIN_PASSWORD, INSTALL, REALM, SERVICE, SERVICE_PASSWORD};
use crate::{ServerError, tools};

/// Changes whenever what is done below does: an older tree is then left alone.
const EDITION: u32 = 1;
const MOST_AGE: Duration = Duration::from_secs(350 * 24 * 60 * 60);

/// The configuration of a domain controller whose files are all in `directory`.
///
/// LDAP alone is served, by one worker: the machine has other things to do.
pub(super) fn conf(directory: &Path) -> String {
    let at = directory.display();
    let sysvol = format!("{at}/state/sysvol");
    let scripts = format!("{sysvol}/{}/scripts", REALM.to_lowercase());
    format!(
        "[global]\n\
         netbios name = DC1\nrealm = {REALM}\nworkgroup = EXAMPLE\n\
         server role = active directory domain controller\n\
         server services = ldap\nprefork children = 1\n\
         interfaces = lo\nbind interfaces only = yes\n\
         private dir = {at}/private\nstate directory = {at}/state\n\
         cache directory = {at}/cache\nlock directory = {at}\n\
         pid directory = {at}/run\nncalrpc dir = {at}/ncalrpc\nbinddns dir = {at}/bind-dns\n\
         log file = {at}/log.%m\nvfs objects = dfs_samba4 acl_xattr xattr_tdb\n\
         idmap_ldb:use rfc2307 = yes\n\
         [sysvol]\npath = {sysvol}\nread only = no\n\
         [netlogon]\npath = {scripts}\nread only = no\n"
    )
}

/// A provisioned tree for this version of Samba under the system's temporary directory, made if it
/// is not there. The caller holds the lock.
pub(super) fn tree() -> Result<PathBuf, ServerError> {
    let samba = tools::find("samba", INSTALL)?;
    let version = tools::run(Command::new(samba).arg("--version"), "")?;
    let version: String = version
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '.')
        .collect();
    let tree = std::env::temp_dir().join(format!("servers-samba-{version}-{EDITION}"));
    if is_stale(&tree) {
        std::fs::remove_dir_all(&tree).map_err(ServerError::io("cannot remove", &tree))?;
    }
    if !tree.is_dir() {
        // Whoever is killed in the middle leaves nothing that looks finished.
        let making = tree.with_extension(format!("making-{}", process::id()));
        let made = provision(&making).and_then(|()| {
            std::fs::rename(&making, &tree).map_err(ServerError::io("cannot make", &tree))
        });
        if made.is_err() {
            let _ = std::fs::remove_dir_all(&making);
        }
        made?;
    }
    Ok(tree)
}

/// Whether a tree is older than half of the 700 days for which Samba's own certificate is good, or
/// from a time that has not come.
fn is_stale(tree: &Path) -> bool {
    let made = std::fs::metadata(tree).and_then(|made| made.modified());
    made.is_ok_and(|made| made.elapsed().map_or(true, |age| age > MOST_AGE))
}

/// Copies the tree to `directory`, which does not exist yet, and configures it there.
pub(super) fn copy(tree: &Path, directory: &Path) -> Result<(), ServerError> {
    tools::run(Command::new("cp").arg("-a").args([tree, directory]), "")?;
    tools::write(&directory.join("smb.conf"), &conf(directory))
}

fn provision(directory: &Path) -> Result<(), ServerError> {
    let samba_tool = tools::find("samba-tool", INSTALL)?;
    let mut command = Command::new(&samba_tool);
    command
        .args([
            "domain",
            "provision",
            "--server-role=dc",
            "--dns-backend=NONE",
        ])
        .args(["--use-rfc2307", "--host-ip=127.0.0.1", "--host-name=dc1"])
        .args(["--realm", REALM, "--domain=EXAMPLE"])
        .arg(format!("--adminpass={ADMIN_PASSWORD}"))
        .arg("--option=vfs objects=dfs_samba4 acl_xattr xattr_tdb")
        .arg(format!("--targetdir={}", directory.display()));
    tools::run(&mut command, "")?;
    for part in ["run", "ncalrpc", "cache"] {
        let path = directory.join(part);
        std::fs::create_dir_all(&path).map_err(ServerError::io("cannot make", &path))?;
    }
    let settings = directory.join("smb.conf");
    tools::write(&settings, &conf(directory))?;
    let on_it = |arguments: &[&str]| {
        let mut command = Command::new(&samba_tool);
        command.args(arguments).arg("-s").arg(&settings);
        command.arg("-H").arg(directory.join("private/sam.ldb"));
        tools::run(&mut command, "").map(drop)
    };
    // A tree may be kept for longer than the 42 days after which passwords expire.
    on_it(&["domain", "passwordsettings", "set", "--max-pwd-age=0"])?;
    on_it(&["user", "create", SERVICE, SERVICE_PASSWORD])
}

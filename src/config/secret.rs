//! Reads secrets, which come only from files and systemd credentials.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::Warning;
use super::trusted::{self, FileError};

/// The largest secret in bytes. No password or token is longer, so a larger file is another one.
const LONGEST: u64 = 64 * 1024;

/// Where a secret is. The secret itself is read when it is used, so that a changed one is noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file.
    File(PathBuf),
    /// A systemd credential: a file of this name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// Why a secret cannot be used. No message contains any of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The credential's directory is not known.
    #[error("there is no systemd credential `{0}`: CREDENTIALS_DIRECTORY is not set")]
    NoCredentials(String),
    /// The file does not exist or cannot be read.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// It is a directory, a pipe or a device.
    #[error("{} is not a file", .0.display())]
    NotAFile(PathBuf),
    /// Another user could have put another secret there.
    #[error("{} can be written by others than its owner (mode {mode:04o})", path.display())]
    WritableByOthers {
        /// The file.
        path: PathBuf,
        /// The file's permission bits.
        mode: u32,
    },
    /// Another user owns it, or could replace it.
    #[error("{}: {error}", path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// The user, and the file or directory on the way.
        error: FileError,
    },
    /// The file is empty.
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
    /// It is too long for a password or token.
    #[error("{} has more than 64 KiB: that is no password or token", .0.display())]
    TooLong(PathBuf),
    /// It is not text.
    #[error("{} is not UTF-8 text", .0.display())]
    NotText(PathBuf),
    /// Its line ends are those of Windows; the carriage return would become part of the secret.
    #[error("{} ends its line as Windows does (CR LF)", .0.display())]
    WindowsLine(PathBuf),
    /// It has more than one line.
    #[error("{} has more than one line", .0.display())]
    ManyLines(PathBuf),
}

impl SecretError {
    /// Returns whether the file exists and this process may not read it.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Unreadable { error, .. }
            if error.kind() == std::io::ErrorKind::PermissionDenied)
    }

    /// Returns what to type.
    pub fn remedy(&self) -> String {
        match self {
            Self::NoCredentials(name) => format!(
                "in the unit: `LoadCredential={name}:/etc/mattersync/{name}.secret`; for a command by hand write `{{ file = \"/etc/mattersync/{name}.secret\" }}`"
            ),
            Self::Unreadable { path, error } => match error.kind() {
                std::io::ErrorKind::NotFound => format!(
                    "create it: `install -m 640 -g mattersync /dev/stdin '{}'`, then type the secret, Enter and Ctrl-D",
                    path.display()
                ),
                std::io::ErrorKind::PermissionDenied => {
                    "run the command as the user that owns the file, or as root".into()
                }
                _ => "look at the file and its folder".into(),
            },
            Self::NotAFile(path) => {
                format!("name a file with the secret in it, not {}", path.display())
            }
            Self::WritableByOthers { path, .. } => format!(
                "type `chmod go-w '{}'`, and make sure that its content is still yours",
                path.display()
            ),
            Self::Untrusted { error, .. } => error.remedy(),
            Self::Empty(path)
            | Self::TooLong(path)
            | Self::NotText(path)
            | Self::ManyLines(path) => {
                format!(
                    "write the secret, and nothing else, in one line: `install -m 640 -g mattersync /dev/stdin '{}'`, then type it, Enter and Ctrl-D",
                    path.display()
                )
            }
            Self::WindowsLine(path) => format!("type `sed -i 's/\\r$//' '{}'`", path.display()),
        }
    }

    /// Returns whether the file exists and must not be used as it is, by any user.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NotAFile(_) | Self::WritableByOthers { .. } | Self::Untrusted { .. }
        )
    }
}

impl SecretSource {
    /// Returns where the secret is, for messages.
    pub fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Credential(name) => format!("the systemd credential `{name}`"),
        }
    }

    /// Returns the file that the secret is read from, if it is known.
    pub fn file(&self) -> Option<PathBuf> {
        self.path(credentials_directory().as_deref()).ok()
    }

    /// Returns how another secret takes the place of one that is refused.
    pub fn renewal(&self) -> String {
        match self {
            Self::File(path) => format!(
                "write it into {0}: `install -m 640 -g mattersync /dev/stdin '{0}'`, then type it, \
                 Enter and Ctrl-D. The file is read again by itself; no reload is needed",
                path.display()
            ),
            Self::Credential(name) => format!(
                "write it into the file that the unit names (`systemctl cat mattersync` shows \
                 LoadCredential={name}:FILE), then type: `systemctl restart mattersync`. systemd \
                 copied the credential {name} when the service started, and a reload does not copy \
                 it again"
            ),
        }
    }

    /// Reads the secret: the whole file without one newline at its end.
    ///
    /// # Errors
    ///
    /// An error if the file is missing, empty, not text, of several lines, or writable by others.
    pub fn load(&self) -> Result<(SecretString, Vec<Warning>), SecretError> {
        self.load_from(credentials_directory().as_deref())
    }

    fn load_from(
        &self,
        credentials: Option<&Path>,
    ) -> Result<(SecretString, Vec<Warning>), SecretError> {
        let path = self.path(credentials)?;
        let (file, mut warnings) = open(&path)?;
        let metadata = file.metadata().map_err(|error| unreadable(&path, error))?;
        trusted::judge_owners(&path, &metadata).map_err(|error| match error {
            FileError::Unreadable(error) => unreadable(&path, error),
            error => SecretError::Untrusted {
                path: path.clone(),
                error,
            },
        })?;
        let text = read(file, &path)?;
        if text.starts_with([' ', '\t']) || text.ends_with([' ', '\t']) {
            warnings.push(warning(
                &path,
                "begins or ends with a blank, which is taken as part of the secret",
            ));
        }
        Ok((SecretString::from(text), warnings))
    }

    /// Checks the file without reading the secret.
    ///
    /// # Errors
    ///
    /// An error if the file is missing, is not a file, or can be written by others.
    pub fn inspect(&self) -> Result<Vec<Warning>, SecretError> {
        let path = self.path(credentials_directory().as_deref())?;
        let metadata = std::fs::metadata(&path).map_err(|error| unreadable(&path, error))?;
        judge(&path, &metadata)
    }

    fn path(&self, credentials: Option<&Path>) -> Result<PathBuf, SecretError> {
        match (self, credentials) {
            (Self::File(path), _) => Ok(path.clone()),
            (Self::Credential(name), Some(directory)) => Ok(directory.join(name)),
            (Self::Credential(name), None) => Err(SecretError::NoCredentials(name.clone())),
        }
    }
}

/// Returns the directory of credentials (systemd.exec(5), "CREDENTIALS").
fn credentials_directory() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY")
        .filter(|directory| !directory.is_empty())
        .map(PathBuf::from)
}

/// Opens the file and checks the open file, not the path. A pipe must not block, so it is opened
/// without waiting.
fn open(path: &Path) -> Result<(File, Vec<Warning>), SecretError> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits())
        .open(path)
        .map_err(|error| unreadable(path, error))?;
    let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
    let warnings = judge(path, &metadata)?;
    Ok((file, warnings))
}

fn judge(path: &Path, metadata: &std::fs::Metadata) -> Result<Vec<Warning>, SecretError> {
    if !metadata.is_file() {
        return Err(SecretError::NotAFile(path.to_owned()));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(SecretError::WritableByOthers {
            path: path.to_owned(),
            mode,
        });
    }
    let mut warnings = Vec::new();
    if mode & 0o004 != 0 {
        warnings.push(warning(path, &format!("everybody on this machine can read this secret (mode {mode:04o}); type `chmod o-r '{}'`", path.display())));
    }
    Ok(warnings)
}

fn read(file: File, path: &Path) -> Result<String, SecretError> {
    // There is room for all of it at once, so that growing leaves no copies behind.
    let mut bytes = Vec::with_capacity(LONGEST as usize + 1);
    file.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, error))?;
    if bytes.len() as u64 > LONGEST {
        return Err(SecretError::TooLong(path.to_owned()));
    }
    // The error would contain the bytes, so it is dropped.
    let mut text = String::from_utf8(bytes).map_err(|_| SecretError::NotText(path.to_owned()))?;
    if text.ends_with('\n') {
        text.pop();
    }
    if text.contains('\0') || text.starts_with('\u{feff}') {
        return Err(SecretError::NotText(path.to_owned()));
    }
    if text.ends_with('\r') {
        return Err(SecretError::WindowsLine(path.to_owned()));
    }
    if text.trim().is_empty() {
        return Err(SecretError::Empty(path.to_owned()));
    }
    if text.contains(['\n', '\r']) {
        return Err(SecretError::ManyLines(path.to_owned()));
    }
    Ok(text)
}

fn unreadable(path: &Path, error: std::io::Error) -> SecretError {
    SecretError::Unreadable {
        path: path.to_owned(),
        error,
    }
}

fn warning(path: &Path, message: &str) -> Warning {
    Warning {
        path: path.to_owned(),
        line: None,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn file(&self, content: &[u8], mode: u32) -> SecretSource {
            let path = self.0.path().join("a.secret");
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            SecretSource::File(path)
        }
    }

    #[test]
    fn one_newline_is_taken_off() {
        let place = Place::new();
        for (content, secret) in [
            ("hunter2", "hunter2"),
            ("hunter2\n", "hunter2"),
            ("ö ä\n", "ö ä"),
        ] {
            let (found, warnings) = place.file(content.as_bytes(), 0o600).load().unwrap();
            assert_eq!(found.expose_secret(), secret);
            assert_eq!(warnings, []);
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_quoted() {
        let place = Place::new();
        let long = vec![b'x'; LONGEST as usize + 1];
        for (content, what) in [
            (&b""[..], "empty"),
            (b"\n", "empty"),
            (b" \n", "empty"),
            (b"hunter2\r\n", "Windows"),
            (b"hunter2\nhunter3\n", "more than one line"),
            (b"hunter2\n\n", "more than one line"),
            (b"hunter2\xff", "UTF-8"),
            (b"hunter2\0", "UTF-8"),
            (b"\xef\xbb\xbfhunter2", "UTF-8"),
            (&long, "64 KiB"),
        ] {
            let error = place.file(content, 0o600).load().unwrap_err();
            let message = format!("{error} {error:?} {}", error.remedy());
            assert!(error.to_string().contains(what), "{message}");
            assert!(
                message.contains("a.secret") && !message.contains("hunter"),
                "{message}"
            );
        }
    }

    #[test]
    fn who_can_write_and_read_it_matters() {
        let place = Place::new();
        for mode in [0o602, 0o620, 0o666, 0o660] {
            let source = place.file(b"hunter2", mode);
            for error in [source.load().unwrap_err(), source.inspect().unwrap_err()] {
                assert!(
                    matches!(error, SecretError::WritableByOthers { .. }),
                    "{mode:o}"
                );
                assert!(error.is_refusal() && error.remedy().contains("chmod go-w"));
            }
        }
        for (mode, warned) in [
            (0o600, false),
            (0o640, false),
            (0o400, false),
            (0o644, true),
            (0o604, true),
        ] {
            let source = place.file(b"hunter2", mode);
            let (_, warnings) = source.load().unwrap();
            assert_eq!(!warnings.is_empty(), warned, "{mode:o}");
            assert_eq!(warnings, source.inspect().unwrap());
            assert!(warnings.iter().all(|w| w.message.contains("chmod o-r")));
        }
    }

    #[test]
    fn how_another_secret_gets_in_force_depends_on_where_it_is() {
        let file = SecretSource::File("/etc/mattersync/ldap.secret".into()).renewal();
        assert!(
            file.contains("stdin '/etc/mattersync/ldap.secret'"),
            "{file}"
        );
        assert!(file.contains("no reload is needed"), "{file}");
        let credential = SecretSource::Credential("ldap-secret".into()).renewal();
        for words in [
            "LoadCredential=ldap-secret:",
            "systemctl restart mattersync",
        ] {
            assert!(credential.contains(words), "{credential}");
        }
    }

    #[test]
    fn blanks_around_are_kept_and_told() {
        let (secret, warnings) = Place::new().file(b" hunter2\n", 0o600).load().unwrap();
        assert_eq!(secret.expose_secret(), " hunter2");
        assert!(warnings[0].message.contains("blank"));
    }

    #[test]
    fn what_is_not_a_file_is_refused_at_once() {
        let place = Place::new();
        let error = SecretSource::File(place.0.path().into())
            .load()
            .unwrap_err();
        assert!(matches!(error, SecretError::NotAFile(_)), "{error}");
        let pipe = place.0.path().join("pipe");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        assert!(matches!(
            SecretSource::File(pipe).load(),
            Err(SecretError::NotAFile(_))
        ));
        let error = SecretSource::File(place.0.path().join("none"))
            .load()
            .unwrap_err();
        assert!(error.remedy().contains("install -m 640") && !error.is_refusal());
    }

    #[test]
    fn credentials_are_files_in_their_directory() {
        let place = Place::new();
        place.file(b"hunter2\n", 0o400);
        let source = SecretSource::Credential("a.secret".into());
        let (secret, _) = source.load_from(Some(place.0.path())).unwrap();
        assert_eq!(secret.expose_secret(), "hunter2");
        let error = source.load_from(None).unwrap_err();
        assert!(error.remedy().contains("LoadCredential="), "{error}");
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}

//! Collects problems and warnings, and reads the kinds of values that several sections have.

use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use super::super::raw::{Key, RawSecret, Scalar};
use super::super::source::Source;
use super::super::{ConfigError, Problem, SecretSource, Trust, Warning, duration, names, url};
use crate::model::Dn;

/// Collects problems and warnings.
pub(super) struct Check<'a> {
    pub(super) source: &'a Source<'a>,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

/// A position in the text, if there is one.
pub(super) type At = Option<Range<usize>>;

/// Returns the position of an optional key.
pub(super) fn at<T>(key: &Key<T>) -> At {
    key.as_ref().map(Spanned::span)
}

/// Returns the value of an optional key.
pub(super) fn get<T>(key: &Key<T>) -> Option<&T> {
    key.as_ref().map(Spanned::get_ref)
}

/// Returns the text of an optional key, without blanks around it.
pub(super) fn text(key: &Key<String>) -> Option<&str> {
    get(key).map(|text| text.trim())
}

impl<'a> Check<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Self {
        Self {
            source,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Returns the warnings, or the problems if there are any, in the order of the file.
    pub(super) fn end(mut self) -> Result<Vec<Warning>, ConfigError> {
        if !self.problems.is_empty() {
            let line = |problem: &Problem| problem.line.unwrap_or(usize::MAX);
            self.problems.sort_by_key(line);
            return Err(ConfigError::Invalid(self.problems));
        }
        self.warnings
            .sort_by_key(|warning| warning.line.unwrap_or(usize::MAX));
        Ok(self.warnings)
    }
    pub(super) fn problem(
        &mut self,
        at: At,
        key: &str,
        what: impl Into<String>,
        instead: impl Into<String>,
    ) {
        self.problems.push(Problem {
            path: self.source.path.clone(),
            line: at.map(|span| self.source.line(&span)),
            key: key.to_owned(),
            what: what.into(),
            instead: instead.into(),
        });
    }

    pub(super) fn warn(&mut self, at: At, message: impl Into<String>) {
        self.warnings.push(Warning {
            path: self.source.path.clone(),
            line: at.map(|span| self.source.line(&span)),
            message: message.into(),
        });
    }

    /// Reads one of several words, in any case.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &Key<String>,
        name: &str,
        words: &[(&str, T)],
        default: T,
    ) -> T {
        let Some(word) = text(key) else {
            return default;
        };
        if let Some((_, value)) = words
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(word))
        {
            return *value;
        }
        let words: Vec<String> = words
            .iter()
            .map(|(known, _)| format!("\"{known}\""))
            .collect();
        self.problem(
            at(key),
            name,
            format!("`{word}` is not known"),
            format!("write one of {}", words.join(", ")),
        );
        default
    }

    pub(super) fn duration(
        &mut self,
        key: &Key<Scalar>,
        name: &str,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let Some(value) = get(key) else {
            return default;
        };
        match duration::parse(&value.0) {
            Ok(value) if range.contains(&value) => value,
            Ok(_) => {
                let (least, most) = (
                    crate::model::as_configured(*range.start()),
                    crate::model::as_configured(*range.end()),
                );
                self.problem(
                    at(key),
                    name,
                    format!("`{}` is out of range", value.0),
                    format!("write a duration from {least} to {most}"),
                );
                default
            }
            Err(instead) => {
                let usual = crate::model::as_configured(default);
                self.problem(
                    at(key),
                    name,
                    format!("`{}` is not a duration", value.0),
                    format!("{instead} (left out, it is \"{usual}\")"),
                );
                default
            }
        }
    }

    pub(super) fn number(
        &mut self,
        key: &Key<i64>,
        name: &str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> u32 {
        let Some(value) = get(key) else {
            return default;
        };
        match u32::try_from(*value) {
            Ok(value) if range.contains(&value) => value,
            _ => {
                self.problem(
                    at(key),
                    name,
                    format!("{value} is out of range"),
                    format!("write a number from {} to {}", range.start(), range.end()),
                );
                default
            }
        }
    }

    pub(super) fn path(&mut self, key: &Key<String>, name: &str) -> Option<PathBuf> {
        let written = get(key)?;
        let path = Path::new(written);
        if !path.is_absolute() || written.contains('\0') {
            let directory = self
                .source
                .path
                .parent()
                .filter(|p| p.is_absolute())
                .unwrap_or(Path::new("/etc/mattersync"));
            let instead = if written.trim().is_empty() {
                "write the whole path, from / on, or leave the key out".to_owned()
            } else {
                format!(
                    "write the whole path, for example \"{}\"",
                    directory.join(written.trim_start_matches("./")).display()
                )
            };
            self.problem(
                at(key),
                name,
                "the path must be absolute: a service has no current directory",
                instead,
            );
        }
        Some(path.to_owned())
    }

    pub(super) fn socket(&mut self, key: &Key<String>, name: &str) -> Option<PathBuf> {
        let path = self.path(key, name)?;
        if let Some(fault) = get(key).and_then(|path| url::socket_path_fault(path)) {
            self.problem(at(key), name, "the path is too long", fault);
        }
        Some(path)
    }

    /// Reads and checks a distinguished name, if it is given.
    pub(super) fn dn(&mut self, key: &Key<String>, name: &str) -> Option<Dn> {
        let written = text(key)?;
        match Dn::parse(written) {
            Ok(dn) => Some(dn),
            Err(fault) => {
                let instead = if written.contains('.') && !written.contains('=') {
                    format!("write \"dc={}\"", written.replace('.', ",dc="))
                } else {
                    "write a distinguished name, for example \"dc=directory,dc=nh\" or \"ou=People,dc=example,dc=org\"".to_owned()
                };
                self.problem(at(key), name, format!("not a DN: {fault}"), instead);
                None
            }
        }
    }

    /// Checks the name of an attribute, and returns it in lower case.
    pub(super) fn attribute_name(&mut self, written: &str, place: At, name: &str) -> String {
        let lower = written.to_ascii_lowercase();
        if !names::is_attribute(written) {
            self.problem(
                place,
                name,
                format!("`{written}` is not the name of an attribute"),
                "write its name as the directory has it, for example \"mail\" or \"displayName\"",
            );
        } else if names::is_password(&lower) {
            self.problem(
                place,
                name,
                format!("`{written}` holds passwords, and what is read here can be seen by others"),
                "write another attribute",
            );
        }
        lower
    }

    /// Reads where a secret is. Nothing of the text is quoted: it may be the secret itself.
    pub(super) fn secret(
        &mut self,
        key: &Key<RawSecret>,
        name: &str,
        example: &str,
    ) -> Option<SecretSource> {
        let instead = format!(
            "write {{ file = \"/etc/mattersync/{example}.secret\" }} or {{ credential = \"{example}\" }}"
        );
        let source = match get(key)? {
            RawSecret::File(path) if Path::new(path).is_absolute() && !path.contains('\0') => {
                SecretSource::File(path.into())
            }
            RawSecret::File(_) => {
                self.problem(
                    at(key),
                    name,
                    "the secret's file must be named by its whole path, from / on",
                    instead,
                );
                return None;
            }
            RawSecret::Credential(credential) if is_credential_name(credential) => {
                SecretSource::Credential(credential.clone())
            }
            RawSecret::Credential(_) => {
                self.problem(
                    at(key),
                    name,
                    "this is not the name of a systemd credential (letters, digits, `.`, `_`, `-`)",
                    instead,
                );
                return None;
            }
            RawSecret::Wrong => {
                self.problem(
                    at(key),
                    name,
                    "a secret does not stand in the configuration itself, only where it is",
                    instead,
                );
                return None;
            }
        };
        self.look_at_secret(&source, at(key), name);
        Some(source)
    }

    /// Checks the file's mode, if it can be read. A missing file is reported when it is used: a
    /// user who prints the configuration need not be able to see the secrets.
    fn look_at_secret(&mut self, source: &SecretSource, at: At, name: &str) {
        match source.inspect() {
            Ok(warnings) => {
                for warning in warnings {
                    self.warn(at.clone(), format!("{name}: {warning}"));
                }
            }
            Err(error) if error.is_refusal() => {
                self.problem(at, name, error.to_string(), error.remedy());
            }
            Err(_) => {}
        }
    }

    /// Reads which certificates to trust, from three keys of which only one may be given.
    pub(super) fn trust(
        &mut self,
        section: &str,
        ca_file: &Key<String>,
        pin: &Key<String>,
        danger: &Key<bool>,
    ) -> Trust {
        let danger_on = get(danger) == Some(&true);
        let given: Vec<&str> = [
            ("ca-file", ca_file.is_some()),
            ("certificate-sha256", pin.is_some()),
            ("danger-accept-any-certificate", danger_on),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect();
        if given.len() > 1 {
            let place = at(pin).or(at(danger)).or(at(ca_file));
            self.problem(
                place,
                &format!("{section}.{}", given[1]),
                format!("{} contradict each other", given.join(" and ")),
                "keep one: ca-file for certificates that an authority signed, certificate-sha256 for exactly one certificate",
            );
        }
        if danger_on {
            self.warn(at(danger), format!("{section}.danger-accept-any-certificate: anybody on the way can pretend to be the server and read the password; use ca-file or certificate-sha256 instead"));
        }
        let ca_file = self.path(ca_file, &format!("{section}.ca-file"));
        let pin = self.pin(pin, &format!("{section}.certificate-sha256"));
        match (ca_file, pin) {
            (_, Some(pin)) => Trust::Pin(pin),
            (Some(path), None) => Trust::CaFile(path),
            (None, None) if danger_on => Trust::DangerAny,
            (None, None) => Trust::System,
        }
    }

    fn pin(&mut self, key: &Key<String>, name: &str) -> Option<[u8; 32]> {
        let hex: String = text(key)?.chars().filter(|c| *c != ':').collect();
        let mut pin = [0; 32];
        let good = hex.len() == 64
            && hex.is_ascii()
            && pin.iter_mut().enumerate().all(|(i, byte)| {
                let digits = &hex[2 * i..2 * i + 2];
                digits.bytes().all(|b| b.is_ascii_hexdigit())
                    && u8::from_str_radix(digits, 16)
                        .map(|value| *byte = value)
                        .is_ok()
            });
        if !good {
            self.problem(
                at(key),
                name,
                "this is not the SHA-256 of a certificate",
                "write 64 hexadecimal digits, as printed by `openssl x509 -in server.pem -noout -fingerprint -sha256`",
            );
        }
        Some(pin)
    }

    /// Warns if only the system's roots are trusted and these can hardly be enough.
    pub(super) fn warn_of_system_roots(&mut self, section: &str, at: At, host: &str) {
        if url::is_private_name(host) && !url::is_loopback(host) {
            self.warn(at, format!("{section}: no public authority gives a certificate for `{host}`; name the authority's certificate with ca-file, or the server's with certificate-sha256"));
        }
    }
}

fn is_credential_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

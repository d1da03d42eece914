//! The errors of a configuration, and their texts.

use std::fmt;
use std::path::PathBuf;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{}: {what}\n    {instead}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        what: String,
        /// What to do.
        instead: String,
    },
    /// It is not TOML, or a key is unknown or has the wrong type. The first such fault ends the
    /// parsing, so there is only one.
    #[error("{0}")]
    Syntax(Box<Fault>),
    /// It can be parsed, but some values cannot be used: all problems, in the order of the file.
    #[error("{}", Listed(.0))]
    Invalid(Vec<Problem>),
}

/// A fault of form, with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub path: PathBuf,
    /// The line and column, counted from 1.
    pub place: Option<(usize, usize)>,
    /// The dotted path of the key, if it is known.
    pub key: Option<String>,
    /// What is wrong.
    pub what: String,
    /// The line with a caret under the position; `None` if the line may contain a secret.
    pub excerpt: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        f.write_str(": ")?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.what)?;
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{excerpt}")?;
        } else if self.place.is_some() {
            f.write_str("\n    (the line is not shown: it may hold a secret)")?;
        }
        Ok(())
    }
}

/// A value that cannot be used, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1; `None` for a missing key.
    pub line: Option<usize>,
    /// The key with its section, for example `provider.urls`.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub instead: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}: {}\n    {}", self.key, self.what, self.instead)
    }
}

/// A value that is allowed and unreasonable: it is reported, and used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1, if the warning is about one.
    pub line: Option<usize>,
    /// What is unreasonable and what to do about it.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

struct Listed<'a>(&'a [Problem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

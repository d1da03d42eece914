//! The answer of a command.

use serde::Serialize;

use super::exit::{Exit, Failure};
use super::json;
use super::print::Page;

/// The text and the exit code of a command.
pub struct Answer {
    /// The text for standard output.
    pub text: String,
    /// The exit code.
    pub exit: Exit,
}

impl Answer {
    /// Returns an answer with the text of a page.
    pub fn page(page: &Page, exit: Exit) -> Self {
        Self {
            text: page.text(),
            exit,
        }
    }

    /// Returns an answer with a value as JSON.
    ///
    /// # Errors
    /// An error if the value cannot be written as JSON.
    pub fn json(value: &impl Serialize, exit: Exit) -> Result<Self, Failure> {
        match json::text(value) {
            Ok(text) => Ok(Self {
                text: text + "\n",
                exit,
            }),
            Err(error) => Err(Failure::new(
                Exit::FAILED,
                format!("the answer cannot be written as JSON: {error}"),
            )),
        }
    }
}

//! What a command says.

use serde::Serialize;

use super::exit::{Exit, Failure};
use super::json;
use super::print::Page;

/// What a command says, and how it ends.
pub struct Answer {
    /// What it writes on standard output.
    pub text: String,
    /// How it ends.
    pub exit: Exit,
}

impl Answer {
    /// Says what a page says.
    pub fn page(page: &Page, exit: Exit) -> Self {
        Self {
            text: page.text(),
            exit,
        }
    }

    /// Says a value as JSON.
    ///
    /// # Errors
    /// When it cannot be written so.
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

//! The e-mails that steps cause, and their recipients.

use serde::{Deserialize, Serialize};

use crate::model::{Action, Step};

/// Numbers of e-mails, by what they are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mails {
    /// To new addresses, with a link that must be clicked before the address is used.
    pub to_confirm: u64,
    /// To the previous addresses of people.
    pub to_old_address: u64,
    /// To people about their changed username.
    pub about_username: u64,
}

impl Mails {
    /// Counts the e-mails that these steps cause.
    pub fn of<'a>(steps: impl Iterator<Item = &'a Step>) -> Self {
        let mut mails = Self::default();
        for step in steps {
            let number = u64::from(step.mails);
            match &step.action {
                Action::ChangeEmail {
                    waits_for_click: true,
                    ..
                } => mails.to_confirm += number,
                Action::ChangeEmail { .. } => mails.to_old_address += number,
                _ => mails.about_username += number,
            }
        }
        mails
    }

    /// Returns how many there are in all.
    pub fn sum(self) -> u64 {
        self.to_confirm
            .saturating_add(self.to_old_address)
            .saturating_add(self.about_username)
    }

    /// Returns the recipients as text; empty if there are none.
    pub fn words(self) -> String {
        let parts = [
            (self.to_confirm, "to a new address, to be confirmed"),
            (self.to_old_address, "to an address that changed"),
            (self.about_username, "about a changed username"),
        ];
        let parts = parts.iter().filter(|(number, _)| *number > 0);
        let parts: Vec<String> = parts.map(|(n, what)| format!("{n} {what}")).collect();
        parts.join("; ")
    }
}

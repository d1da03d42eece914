//! Promise 7, its part about e-mail: nobody gets the same mail twice for one change.

use std::collections::BTreeMap;

use mattermost_sim::MailKind;

use crate::ports::Deed;
use crate::served::Served;

use super::{Checker, Verdict, broken};

/// What mails there were, and since when what they are about has not changed.
#[derive(Debug, Default)]
pub struct Mails {
    /// By user, kind and value: in which epoch of the user and of the account.
    sent: BTreeMap<(String, MailKind, String), (u64, u64)>,
    users: BTreeMap<String, u64>,
    accounts: BTreeMap<u32, (u64, String)>,
    amnesia: u64,
}

impl Mails {
    /// Somebody else changed a user.
    pub fn changed(&mut self, user: &str) {
        *self.users.entry(user.to_owned()).or_default() += 1;
    }

    pub fn forget(&mut self) {
        self.amnesia += 1;
    }

    /// What is shown of an account decides when it changes.
    pub fn reading(&mut self, served: &Served) {
        for (number, shown) in served.all_shown() {
            let now = format!("{} {:?}", shown.raw_name(), shown.mails());
            let (epoch, last) = self.accounts.entry(number).or_default();
            if *last != now {
                *epoch += 1;
                *last = now;
            }
        }
    }
}

impl Checker {
    /// The mails that one request caused.
    pub(super) fn mailed(&mut self, deed: &Deed) -> Verdict {
        for mail in &deed.mails {
            let user = deed
                .changed
                .get(&mail.user_id)
                .and_then(|(_, after)| after.clone());
            let value = match mail.kind {
                MailKind::Verification => mail.to.clone(),
                MailKind::EmailChanged => user.map_or_else(String::new, |u| u.email),
                MailKind::UsernameChanged => user.map_or_else(String::new, |u| u.username),
                kind => return broken(7, format!("a mail that nobody planned: {kind:?}")),
            };
            let number = self.owner.get(&mail.user_id).copied().unwrap_or(u32::MAX);
            let account = self
                .mails
                .accounts
                .get(&number)
                .map_or(0, |(epoch, _)| *epoch);
            let changes = self.mails.users.get(&mail.user_id).copied().unwrap_or(0);
            let epoch = (account, changes + (self.mails.amnesia << 32));
            let key = (mail.user_id.clone(), mail.kind, value);
            let before = self.mails.sent.insert(key.clone(), epoch);
            if before == Some(epoch) {
                let (user, kind, value) = key;
                let what = format!("{user} got the mail {kind:?} about {value} a second time");
                return broken(7, what);
            }
        }
        Ok(())
    }
}

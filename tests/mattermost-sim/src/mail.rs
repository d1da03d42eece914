//! The e-mails that the server would have sent.

use crate::users::User;
use crate::world::World;

/// Why an e-mail goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MailKind {
    /// To a new user. Its link also verifies the address where the server asks for that.
    Welcome,
    /// To a new address, to be clicked before it becomes the user's.
    Verification,
    /// To the old address after a change.
    EmailChanged,
    /// After a change of the username.
    UsernameChanged,
    /// After a password was set for somebody.
    PasswordChanged,
    /// The link to set a new password.
    PasswordReset,
}

/// One e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Why it was sent.
    pub kind: MailKind,
    /// Whom it is about.
    pub user_id: String,
    /// The address that it went to.
    pub to: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// What its link carries, where it has one.
    pub token: Option<String>,
    /// The address that its link makes the user's, verified.
    pub verifies: Option<String>,
}

impl World {
    pub(crate) fn send(&mut self, kind: MailKind, user: &User, to: &str) {
        let verifies = match kind {
            MailKind::Verification => Some(to.to_owned()),
            MailKind::Welcome => {
                let asks = self
                    .config
                    .flag("EmailSettings", "RequireEmailVerification");
                (asks && !user.email_verified).then(|| to.to_owned())
            }
            _ => None,
        };
        let token = (verifies.is_some() || kind == MailKind::PasswordReset)
            .then(|| format!("{}{}", self.ids.make(), self.ids.make()));
        self.mails.push(Mail {
            kind,
            user_id: user.id.clone(),
            to: to.to_owned(),
            at: self.clock.now(),
            token,
            verifies,
        });
    }

    /// What a click on the link of a mail does: the address becomes the user's, verified, unless
    /// somebody else has it by now. `false` when the link is not (or no longer) good.
    pub(crate) fn click(&mut self, token: &str) -> bool {
        let found = self
            .mails
            .iter_mut()
            .find(|mail| mail.token.as_deref() == Some(token));
        let Some(mail) = found else { return false };
        let Some(email) = mail.verifies.take() else {
            return false;
        };
        let id = mail.user_id.clone();
        let Some(user) = self.users.get(&id) else {
            return false;
        };
        let old = user.clone();
        let taken = self.users.by_email(&email).is_some_and(|u| u.id != id);
        if taken {
            return false;
        }
        let now = self.clock.stamp();
        self.users.edit(&id, |user| {
            user.email.clone_from(&email);
            user.email_verified = true;
            user.update_at = now;
        });
        if old.email != email {
            self.send(MailKind::EmailChanged, &old, &old.email);
        }
        true
    }
}

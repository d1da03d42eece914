//! Checks whether the server can send e-mail: whoever gets a random password needs one to log in.

use crate::model::{MailSettings, printable};

use super::findings::{Findings, Mark};

/// What Mattermost begins with (`EMAIL_SMTP_DEFAULT_SERVER` and `EMAIL_SMTP_DEFAULT_PORT` of its
/// model).
const DEFAULT: (&str, &str) = ("localhost", "10025");

/// Checks the settings. With `random` each new user gets a password that nobody knows.
pub(super) fn check(findings: &mut Findings, mail: Option<&MailSettings>, random: bool) {
    let Some(mail) = mail else { return };
    let so = match random {
        true => {
            ". Nobody can log in: new users have a password that nobody knows, and ask for another \
             one with \"Forgot your password?\". Set it in the System Console (Environment, SMTP), \
             or set mattermost.initial-password"
        }
        false => ". \"Forgot your password?\" helps nobody",
    };
    let bad = match random {
        true => Mark::Problem,
        false => Mark::Note,
    };
    let to = printable(&format!("{}:{}", mail.server, mail.port));
    if mail.server.is_empty() {
        let says = format!("the server sends none, as EmailSettings.SMTPServer is empty{so}");
        findings.add(bad, "e-mail", says);
        return;
    }
    if mail.site_url.is_empty() {
        let says = "the links in the server's e-mails lead nowhere, as ServiceSettings.SiteURL is \
                    empty";
        findings.add(bad, "e-mail", format!("{says}{so}"));
    }
    if (mail.server.as_str(), mail.port.as_str()) == DEFAULT {
        findings.note(
            "e-mail",
            format!(
                "the server gives it to {to}, which is what Mattermost begins with, and where as a \
                 rule nobody listens: try it with Test Connection in the System Console \
                 (Environment, SMTP)"
            ),
        );
    } else {
        findings.ok(
            "e-mail",
            format!(
                "the server gives it to {to}; whether it arrives tells Test Connection in the \
                 System Console (Environment, SMTP)"
            ),
        );
    }
}

//! What speaks against doing something with a user, in words.

use std::fmt;

use super::user_index::LinkObstacle;
use crate::model::{Agreement, NotAdopted, NotPurged, Oddity, Untouchable};

impl fmt::Display for NotAdopted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let only = |f: &mut fmt::Formatter<'_>, what: &str| {
            write!(
                f,
                "only {what} agrees, which policy.adopt does not call a match"
            )
        };
        f.write_str(match self {
            Self::NotLinked => "no account is linked to that user",
            Self::Unread(why) => why,
            Self::AccountLocked { username } => {
                return write!(
                    f,
                    "the account is locked, so nobody is adopted for it; if the user is that \
                     person: `mattersync deactivate {username}`"
                );
            }
            Self::DifferentUsers => "username and addresses belong to different users",
            Self::AdoptionOff => "policy.adopt is \"never\"",
            Self::OnlyUsername => return only(f, "the username"),
            Self::OnlyEmail => return only(f, "an address"),
            Self::Forgotten => {
                "everything about that user's person was forgotten (`mattersync forget`)"
            }
            Self::OwnAccount => "it is the account that mattersync works with",
            Self::Bot => "a bot is never adopted",
            Self::Remote => {
                return write!(f, "{} and is never adopted", LinkObstacle::Remote);
            }
            Self::Guest => "a guest is never adopted",
            Self::Administrator => "a system administrator is never adopted",
            Self::Protected => "policy.protect names this user",
            Self::BegunForAnother { dn } => {
                return write!(
                    f,
                    "it carries the mark of a creation that was begun for {dn}"
                );
            }
            Self::OnlyMark => "neither username nor address agrees",
            Self::NoAddressToCompare => {
                "the username agrees, and the account does not show the address that would be compared"
            }
            Self::SharedMark => "more than one user has it",
        })
    }
}

impl fmt::Display for Untouchable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnAccount => f.write_str(
                "it is the account that mattersync works with. So that they can leave, make a bot, \
                 and put its token where mattermost.token says",
            ),
            Self::Bot => f.write_str("it is a bot"),
            Self::Remote => LinkObstacle::Remote.fmt(f),
            Self::LastAdministrator => f.write_str(
                "it is the last active human system administrator: make somebody else one",
            ),
            Self::OwnsOurBot { bot } => write!(
                f,
                "they own mattersync's bot {bot}, which the server would disable with them, and \
                 there is no other active human system administrator to hand it over to: make \
                 somebody one"
            ),
        }
    }
}

impl fmt::Display for NotPurged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Untouchable(why) => return why.fmt(f),
            Self::Protected => "policy.protect names this user",
            Self::Administrator => "a system administrator is never deleted",
            Self::FormerId => {
                "the account had no new id when accounts.id was changed, and nobody can tell whether \
                 it is somewhere"
            }
            Self::PerhapsBack => "an account without a user may be the same person, see there",
            Self::ClockJumped => {
                "this machine's clock jumped, and cannot tell how long ago that was"
            }
            Self::NotAllowed => {
                "the server does not allow it: switch ServiceSettings.EnableAPIUserDeletion on, or \
                 take policy.purge-after out"
            }
            Self::NotAsked => {
                "whether the server allows it (ServiceSettings.EnableAPIUserDeletion) could not be \
                 asked"
            }
        })
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hidden => "has invisible characters (here \u{fffd})",
            Self::SeveralScripts => "mixes letters of several scripts",
            Self::UnusualForm => "has letters in another form than usual (wide ones, ligatures)",
            Self::KeptForAnother => "is not that name, which policy.protect keeps for another",
        })
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.username, self.email) {
            (true, true) if self.marked => {
                "username, e-mail address and a mark like that of a creation by mattersync, which \
                 anybody can write,"
            }
            (true, true) => "username and e-mail address",
            (true, false) => "username",
            (false, _) => "e-mail address",
        })
    }
}

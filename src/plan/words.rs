//! Texts for steps and reasons.

use std::fmt;

use crate::model::{Action, LeftAlone, Reason, SeatOrderFault, Step, Why, shell_word};
use crate::plan::facts::hold_words::Changes;
use crate::plan::facts::spans::{CompleteReadings, Span};

/// The end of a conflict's text, except in the list of conflicts itself.
const CONFLICTS: &str = ". `mattersync conflicts` says what to do";

/// Returns a reason as it is shown in the list of conflicts.
pub fn among_conflicts(why: &Why) -> String {
    conflict(why).unwrap_or_else(|| why.to_string())
}

/// Returns a conflict with a user, without what to do.
fn conflict(why: &Why) -> Option<String> {
    match why {
        Why::Conflict {
            what,
            value,
            holder,
            because,
        } => Some(format!(
            "conflict: the {what} {value} belongs to the Mattermost user {holder}, whom \
             mattersync neither created nor adopted; {because}"
        )),
        Why::LooksLike {
            what,
            value,
            holder,
            names,
            alone,
            ..
        } => {
            let user = match names.user.as_str() {
                "" => holder.word().to_owned(),
                full_name => format!("{} ({full_name})", holder.word()),
            };
            let gone = "whose own account was not found";
            Some(match alone {
                true => format!(
                    "has the {what} {value} of the user {user}, {gone}; but neither the username \
                     nor an address nor the name is equal, so it may have been given to somebody \
                     else"
                ),
                false => format!(
                    "looks like the same person as the user {user}, {gone}: the {what} {value} \
                     agrees"
                ),
            })
        }
        _ => None,
    }
}

/// Returns the command that says that a new account and the user whom it looks like are one person.
pub fn linking_command(why: &Why) -> Option<String> {
    let Why::LooksLike {
        holder, id, names, ..
    } = why
    else {
        return None;
    };
    let account = match names.account.as_str() {
        "" => id.as_str(),
        username => username,
    };
    Some(format!(
        "mattersync link {} {}",
        shell_word(account),
        shell_word(holder.word())
    ))
}

/// Returns why somebody is left alone, with their name in the command that changes it.
pub fn why_left(left: &LeftAlone) -> String {
    taken_at_word(&left.why, &shell_word(&left.subject.name))
        .unwrap_or_else(|| left.why.to_string())
}

/// Returns a reason that lasts until `undo --redo` ends it for a person.
fn taken_at_word(why: &Why, person: &str) -> Option<String> {
    let redo = format!("`mattersync undo --redo {person}`");
    Some(match why {
        Why::DeactivatedByOrder { by } => format!(
            "{by} deactivated the user with `mattersync deactivate` or `undo`; it stays so until \
             somebody types {redo}, or activates the user on Mattermost"
        ),
        Why::DeactivationUndone { run, by, at } => format!(
            "{by} took the deactivation of run {} back ({at}), and reactivated the user although \
             the account is locked or missing; it stays so until the account is in use again. \
             {redo} lets the directory decide again",
            run.0
        ),
        Why::Undone { what, run, by, at } => format!(
            "{by} took back the {what} of run {} ({at}); it stays so until the directory says \
             something else, or somebody types {redo}",
            run.0
        ),
        _ => return None,
    })
}

/// A step as one sentence: what is done, to whom, and why.
pub struct Sentence<'a>(pub &'a Step);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Step {
            subject,
            action,
            reason,
            ..
        } = self.0;
        match action {
            Action::CreateUser { .. } => write!(f, "create {subject}")?,
            Action::Adopt { .. } => write!(f, "adopt the existing user {subject}")?,
            Action::MoveLink { .. } => write!(f, "move the link of the user {subject}")?,
            Action::Unlink { user, .. } => {
                write!(f, "unlink {subject} from the user {user}")?;
            }
            Action::Rename { username, .. } => {
                write!(
                    f,
                    "rename {subject} from {} to {}",
                    username.from, username.to
                )?;
            }
            Action::ChangeEmail {
                email,
                waits_for_click,
                ..
            } => {
                let verb = if *waits_for_click {
                    "ask for the"
                } else {
                    "change the"
                };
                write!(
                    f,
                    "{verb} address of {subject}: {} becomes {}",
                    email.from, email.to
                )?;
            }
            Action::UpdateProfile { changes, .. } => {
                write!(f, "update {subject}:")?;
                for (n, (field, values)) in changes.iter().enumerate() {
                    let comma = if n == 0 { "" } else { "," };
                    write!(
                        f,
                        "{comma} {field} {:?} becomes {:?}",
                        values.from, values.to
                    )?;
                }
                return Ok(());
            }
            Action::Deactivate { .. } => write!(f, "deactivate {subject}")?,
            Action::Reactivate { .. } => write!(f, "reactivate {subject}")?,
            Action::Purge { .. } => write!(f, "delete {subject} for ever")?,
            Action::ResetAccess { bound: false, .. } => {
                write!(f, "give {subject} a random password, and end the sessions")?;
            }
            Action::ResetAccess { bound: true, .. } => write!(f, "end the sessions of {subject}")?,
            Action::EndSessions { .. } => write!(f, "end the sessions of {subject}")?,
            Action::AssignBot {
                bot_name, to_name, ..
            } => write!(
                f,
                "hand the bot {bot_name} over from {subject} to {to_name}"
            )?,
            Action::CreateTeam { name, display_name } => {
                write!(f, "create the team {name} ({display_name})")?;
            }
            Action::JoinTeam { team_name, .. } => {
                write!(f, "add {subject} to the team {team_name}")?;
            }
        }
        write!(f, ": {reason}")
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUserYet => f.write_str("the account has no user yet"),
            Self::OwnsOurBot { bot, owner } => write!(
                f,
                "mattersync works as the bot {bot}, which the server would disable together with \
                 its owner {owner}"
            ),
            Self::SamePerson { by } => write!(f, "{by} agree with the account"),
            Self::SameAnchor { anchor, was } => write!(
                f,
                "the user's account is gone (was {was}), and this account has the same second \
                 anchor {anchor}"
            ),
            Self::Locked { attribute, value } => {
                write!(f, "the account is locked ({attribute} is {value})")
            }
            Self::Missing {
                certain,
                readings,
                now_at,
                ..
            } => {
                match now_at {
                    Some(dn) => write!(f, "the account left the base or the filter (now {dn})")?,
                    None => f.write_str("the account is gone from the directory")?,
                }
                write!(
                    f,
                    ", for {} in {}",
                    Span(*certain),
                    CompleteReadings(*readings)
                )
            }
            Self::Returned {
                deactivated_because,
            } => write!(
                f,
                "the account is back in use; the user had been deactivated because {deactivated_because}"
            ),
            Self::Differs {
                attribute,
                directory,
                mattermost,
            } => {
                write!(
                    f,
                    "{attribute} is {directory} in the directory, {mattermost} on Mattermost"
                )
            }
            Self::MakesRoom { name } => {
                write!(f, "another user gets {name} in the same run")
            }
            Self::LeftBetween { last } => write!(
                f,
                "the present username is a temporary one, because the account, last seen as \
                 {last}, left before the user got the final one"
            ),
            Self::TeamConfigured => f.write_str("it is configured, and it does not exist"),
            Self::EveryoneIsMember { team } => write!(f, "everyone is a member of {team}"),
            Self::Undone { run, by, .. } => write!(f, "{by} takes back what run {} did", run.0),
            Self::Ordered { by } => write!(f, "{by} ordered it with `mattersync deactivate`"),
            Self::NewPassword { by } => write!(
                f,
                "{by} ordered it with `mattersync approve adopt --new-password`: somebody else \
                 may know the old password"
            ),
            Self::ByHand { by, linked } => {
                let command = if *linked { "link" } else { "unlink" };
                write!(f, "{by} ordered it with `mattersync {command}`")
            }
            Self::Expired {
                attribute,
                at,
                announced,
            } => {
                write!(f, "the account expired ({attribute} is {at})")?;
                match announced {
                    Some(when) => write!(f, ", as announced on {when}"),
                    None => Ok(()),
                }
            }
            Self::Again { because } => write!(
                f,
                "{because}; an administrator had reactivated the user, and \
                 policy.reactivated-by-hand is \"enforce\""
            ),
            Self::GoneFor {
                since,
                deactivated,
                after,
                last_dn,
            } => write!(
                f,
                "the account has not been in the directory since {since} (was {last_dn}), longer \
                 than policy.purge-after, {}; mattersync created the user, and deactivated them on \
                 {deactivated}. It cannot be undone",
                Span(*after)
            ),
        }
    }
}

impl fmt::Display for Why {
    #[expect(
        clippy::too_many_lines,
        reason = "one sentence a reason, and nothing else"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { .. } | Self::LooksLike { .. } => {
                write!(f, "{}{CONFLICTS}", conflict(self).unwrap_or_default())
            }
            Self::LookAlike {
                username,
                becomes,
                because,
            } => write!(
                f,
                "the username {username:?} {because}. On Mattermost it would look like {becomes}, \
                 and it has no right of that name (policy.first-admin, policy.protect): if nobody \
                 meant that, give the account another username in the directory"
            ),
            Self::OlderState { how } => write!(
                f,
                "{how}. Steps that may rest on what was lost are held as `restored` until a \
                 person approves them; users of locked accounts are deactivated all the same"
            ),
            Self::Unlinked { user, by, at } => write!(
                f,
                "{by} unlinked the account from the user {user} on {at}; left alone until somebody \
                 types `mattersync link` or `mattersync unlink --as-new`"
            ),
            Self::Duplicate { email, label, .. } => write!(
                f,
                "the e-mail address {email} belongs to another account, {label}: give one of them \
                 another"
            ),
            Self::LinkedTwice { user, other } => write!(
                f,
                "the user {user} belongs to another account ({other}): give one of them another"
            ),
            Self::SharedAnchor { anchor, dn, .. } => write!(
                f,
                "the second anchor {anchor} is also that of {dn}, and therefore identifies \
                 nobody: give one of them another"
            ),
            Self::SeatOrder { group, why } => {
                f.write_str("policy.seat-order: ")?;
                match why {
                    SeatOrderFault::NoGroup => write!(f, "there is no group {group:?}"),
                    SeatOrderFault::Unread(gap) => {
                        write!(f, "whether there is a group {group:?} cannot be seen: {gap}")
                    }
                    SeatOrderFault::MembersUnseen(why) => write!(
                        f,
                        "who is in the group {group:?} cannot be seen, so nobody goes first for \
                         being in it: {why}"
                    ),
                }
            }
            Self::BadEntry(why) => write!(f, "the entry cannot be used: {why}"),
            Self::NoUsername(raw) => {
                write!(
                    f,
                    "no legal username can be made of {raw:?}: change it in the directory"
                )
            }
            Self::NoEmail(why) => {
                write!(
                    f,
                    "no usable e-mail address ({why}): set one, or extend accounts.email"
                )
            }
            Self::DomainRefused { email, allowed } => write!(
                f,
                "the server accepts only addresses at {allowed}, not {email} \
                 (TeamSettings.RestrictCreationToDomains)"
            ),
            Self::LockedWithoutUser => f.write_str("locked, and has no user: nothing to do"),
            Self::Grace {
                certain,
                grace,
                readings,
            } => write!(
                f,
                "not in the directory for {} in {}; stays active until that is {} and 3 complete \
                 readings",
                Span(*certain),
                CompleteReadings(*readings),
                Span(*grace)
            ),
            Self::Unproven(gap) => write!(f, "not seen, but that proves nothing: {gap}"),
            Self::UsersUnread(gap) => write!(
                f,
                "not created or adopted while Mattermost's users cannot all be read, as somebody \
                 who was not read may have the name or the address: {gap}"
            ),
            Self::UserUnread { user, gap } => write!(
                f,
                "what Mattermost returns about the user cannot be read, so that nothing is done \
                 to them, although they may have left: {gap}. If they have left, deactivate them \
                 in the System Console, or with `mmctl user deactivate {user}`"
            ),
            Self::BadUser(why) => write!(
                f,
                "what Mattermost returns about the user cannot be used, so that nothing is done \
                 to them, and nobody gets their username: {why}"
            ),
            Self::StateUnknown(why) => {
                write!(f, "whether the account is locked cannot be seen: {why}")
            }
            Self::SeenBackOnce => {
                f.write_str("the account is back; reactivated when the next reading agrees")
            }
            Self::DeactivatedByHand => {
                f.write_str("an administrator deactivated the user on Mattermost; it stays so")
            }
            Self::DeactivatedByOrder { .. }
            | Self::DeactivationUndone { .. }
            | Self::Undone { .. } => {
                f.write_str(&taken_at_word(self, "USERNAME").unwrap_or_default())
            }
            Self::ReactivatedByHand => f.write_str(
                "an administrator reactivated the user although the account is locked or missing; \
                 it stays so until the account is in use again. `mattersync deactivate` ends it; so \
                 does policy.reactivated-by-hand = \"enforce\"",
            ),
            Self::Protected => f.write_str("policy.protect names the user"),
            Self::Untouchable(why) => write!(f, "never touched: {why}"),
            Self::NoSeat { limit } => {
                write!(
                    f,
                    "waits for a seat: the server takes no more than {limit} active users"
                )
            }
            Self::UserGone => f.write_str(
                "the linked user no longer exists on Mattermost, and is not created again by \
                 itself: `mattersync unlink` forgets the link, and a new user is made",
            ),
            Self::LoginService { service, fields } => {
                let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "the user logs in through {service}, which owns {}: changed there, not here",
                    fields.join(", ")
                )
            }
            Self::StateManaged {
                service,
                name,
                out,
            } => write!(
                f,
                "not {}: they log in through {service}, and this server lets nobody change the \
                 state of such users. `mmctl user change-password {name}` removes the binding to \
                 {service}; the next cycle then does it",
                if *out { "deactivated" } else { "reactivated" }
            ),
            Self::EmailWaiting { email } => {
                write!(
                    f,
                    "the change to {email} waits for the person's click in the e-mail that was to go \
                     there; not asked again by itself. If no such e-mail is found, change the \
                     address in the System Console"
                )
            }
            Self::EmailSwap { email } => write!(
                f,
                "two people swap the address {email}, and this server takes no temporary one: change one of \
                 them to a third address first"
            ),
            Self::FieldUnproven { field } => write!(
                f,
                "{field} has no value in this reading, which does not prove that it was emptied"
            ),
            Self::TeamArchived { team } => {
                write!(
                    f,
                    "the team {team} is archived: restore it, or take it out of the configuration"
                )
            }
            Self::TeamMoved(moved) => write!(f, "{moved}"),
            Self::TeamConstrained { team } => write!(
                f,
                "groups decide who is in the team {team} (group-constrained), and the server adds \
                 nobody else: type `mmctl group team disable {team}`, or take it out of the \
                 configuration"
            ),
            Self::TeamDomain {
                team,
                email,
                allowed,
            } => write!(
                f,
                "the team {team} accepts only addresses at {allowed}, not {email}: change the \
                 address, or the domains of the team (allowed_domains) or of the server \
                 (TeamSettings.RestrictCreationToDomains)"
            ),
            Self::TeamFull { team, limit } => {
                write!(
                    f,
                    "the team {team} is full (TeamSettings.MaxUsersPerTeam is {limit})"
                )
            }
            Self::NoAdmin => f.write_str(
                "the server has no active human administrator, and the first user that is created \
                 there would become one: name the person in policy.first-admin",
            ),
            Self::PasswordRefused(fault) => write!(
                f,
                "the server would refuse mattermost.initial-password: {fault}. Correct it, or \
                 leave the key out: then each user gets a random password"
            ),
            Self::NotUndone { run, why } => write!(f, "not taken back (run {}): {why}", run.0),
            Self::UndoWaits { run, email, holder } => write!(
                f,
                "the address {email} (run {}) is given back as soon as {holder}, who has it, has \
                 confirmed another address",
                run.0
            ),
            Self::NotAPerson { rule, linked: false } => write!(
                f,
                "not a person's ({rule}): no user is created. accounts.not-a-person decides"
            ),
            Self::NotAPerson { rule, linked: true } => write!(
                f,
                "no longer a person's ({rule}): the user stays as they are until somebody types \
                 `mattersync deactivate`, or changes accounts.not-a-person"
            ),
            Self::ExpiresSoon { at, days } => match days {
                0 => write!(f, "expires on {at}, within a day"),
                1 => write!(f, "expires on {at}, in 1 day"),
                days => write!(f, "expires on {at}, in {days} days"),
            },
            Self::NotPurged { since, because } => write!(
                f,
                "gone from the directory since {since}, longer than policy.purge-after, and still \
                 not deleted: {because}"
            ),
            Self::OutcomeUnknown(what) => {
                write!(
                    f,
                    "it is not known yet whether an earlier call arrived: {what}"
                )
            }
            Self::DroppedByConfiguration { people, changes } => write!(
                f,
                "{people} of those who are missing may be missing because the configuration was \
                 changed ({}): when the grace ends, their deactivation will be held until somebody \
                 approves it. If the change was a mistake, undo it now",
                Changes(changes)
            ),
            Self::BackByConfiguration { people, changes } => write!(
                f,
                "{people} of those who are back in use may only seem so because the configuration \
                 was changed ({}): their reactivation will be held until somebody approves it. If \
                 the change was a mistake, undo it now",
                Changes(changes)
            ),
        }
    }
}

//! Shows who is left alone, and why, in groups; common groups are only counted.

use std::collections::BTreeMap;

use crate::model::{LeftAlone, Plan, Subject, Why};
use crate::plan::{among_conflicts, linking_command, why_left};

use super::print::{Cell, Page, count, cut, more};

/// How many lines of a list are shown unless `--all` is given.
const MAX_LINES: usize = 10;

/// How many people are named in a line.
const NAMED: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Conflict,
    Alike,
    Unusable,
    NoPlace,
    Missing,
    UserUnread,
    UsersUnread,
    Odd,
    Waiting,
    Expiring,
    LockUnseen,
    ByPerson,
    NotPeople,
    Locked,
}

impl Group {
    fn of(why: &Why) -> Self {
        match why {
            Why::Conflict { .. } | Why::Unlinked { .. } => Self::Conflict,
            Why::LooksLike { .. } => Self::Alike,
            Why::Duplicate { .. }
            | Why::LinkedTwice { .. }
            | Why::SharedAnchor { .. }
            | Why::SeatOrder { .. }
            | Why::BadEntry(_)
            | Why::NoUsername(_)
            | Why::NoEmail(_)
            | Why::DomainRefused { .. }
            | Why::EmailSwap { .. } => Self::Unusable,
            Why::NoSeat { .. }
            | Why::TeamArchived { .. }
            | Why::TeamMoved(_)
            | Why::TeamConstrained { .. }
            | Why::TeamDomain { .. }
            | Why::TeamFull { .. }
            | Why::NoAdmin => Self::NoPlace,
            Why::Grace { .. }
            | Why::Unproven(_)
            | Why::FieldUnproven { .. }
            | Why::DroppedByConfiguration { .. } => Self::Missing,
            Why::UserUnread { .. } | Why::BadUser(_) => Self::UserUnread,
            Why::UsersUnread(_) => Self::UsersUnread,
            Why::ReactivatedByHand
            | Why::DeactivationUndone { .. }
            | Why::Undone { .. }
            | Why::NotUndone { .. }
            | Why::Untouchable(_)
            | Why::StateManaged { .. }
            | Why::UserGone
            | Why::LookAlike { .. }
            | Why::OlderState { .. }
            | Why::OutcomeUnknown(_) => Self::Odd,
            Why::NotPurged { .. } => Self::Odd,
            Why::NotAPerson { linked: true, .. } => Self::Odd,
            Why::NotAPerson { linked: false, .. } => Self::NotPeople,
            Why::ExpiresSoon { .. } => Self::Expiring,
            Why::SeenBackOnce
            | Why::BackByConfiguration { .. }
            | Why::EmailWaiting { .. }
            | Why::UndoWaits { .. }
            | Why::PasswordRefused(_)
            | Why::LoginService { .. } => Self::Waiting,
            Why::StateUnknown(_) => Self::LockUnseen,
            Why::DeactivatedByHand | Why::DeactivatedByOrder { .. } | Why::Protected => {
                Self::ByPerson
            }
            Why::LockedWithoutUser => Self::Locked,
        }
    }

    /// Returns whether the group is a common one, of which only the number is shown.
    fn is_quiet(self) -> bool {
        matches!(
            self,
            Self::LockUnseen | Self::ByPerson | Self::NotPeople | Self::Locked
        )
    }

    /// Returns whether the people of the group wait for a day or for a second look.
    fn waits(self) -> bool {
        matches!(
            self,
            Self::Missing | Self::Waiting | Self::NoPlace | Self::UsersUnread
        )
    }

    /// Returns whether the people of the group have a problem that somebody has to find.
    fn is_an_error(self) -> bool {
        matches!(
            self,
            Self::Conflict | Self::Unusable | Self::UserUnread | Self::Odd
        )
    }

    /// Returns whether somebody of the group may be deactivated soon: they are all listed.
    fn may_go(self) -> bool {
        matches!(self, Self::Missing | Self::Expiring)
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Alike => {
                "New accounts that look like people who are known (`mattersync conflicts` shows both)"
            }
            Self::Conflict => "Conflicts (`mattersync conflicts` says what to do)",
            Self::Unusable => "Cannot be used as they are in the directory",
            Self::NoPlace => "No place on Mattermost",
            Self::Missing => "Not seen in the directory, and not (yet) acted upon",
            Self::UserUnread => "Users of Mattermost who cannot be read",
            Self::UsersUnread => "Waiting until all users of Mattermost can be read",
            Self::Odd => "Left alone for another reason",
            Self::Waiting => "Waiting",
            Self::Expiring => "Accounts that expire within seven days",
            Self::NotPeople => "Not a person's account",
            Self::LockUnseen => "Whether the account is locked cannot be seen",
            Self::ByPerson => "Kept out or left alone by an administrator's word",
            Self::Locked => "Locked in the directory, and without a user: nothing to do",
        }
    }
}

/// Shows who is left alone, and why.
pub fn show(page: &mut Page, plan: &Plan, all: bool) {
    let mut groups: BTreeMap<Group, Vec<&LeftAlone>> = BTreeMap::new();
    for left in &plan.left_alone {
        groups.entry(Group::of(&left.why)).or_default().push(left);
    }
    let mut quiet = Vec::new();
    for (group, people) in &groups {
        if group.is_quiet() && !all {
            quiet.push(format!(
                "  {} {}: {}",
                people.len(),
                lower(group.heading()),
                names(people)
            ));
            continue;
        }
        page.title(format!("{}: {}", group.heading(), people.len()));
        by_reason(page, people, all, *group);
        if *group == Group::Alike {
            who_is_who(page, people, all);
        }
    }
    if !quiet.is_empty() {
        page.title("Also left alone (--all shows who)");
        quiet.iter().for_each(|line| page.line(line));
    }
}

/// Says that a plan without steps changes nothing, and what is left for a person all the same.
pub fn nothing_to_do(page: &mut Page, plan: &Plan) {
    let of = |is: fn(&Group) -> bool| -> Vec<&LeftAlone> {
        let left = plan.left_alone.iter();
        left.filter(|left| is(&Group::of(&left.why))).collect()
    };
    let conflicts = of(|group| *group == Group::Conflict);
    let odd = of(|group| group.is_an_error() && *group != Group::Conflict);
    let waiting = of(|group| group.waits());
    if conflicts.is_empty() && odd.is_empty() && waiting.is_empty() {
        page.line("Nothing to do.");
        return;
    }
    page.line("Nothing to do now. Still open:");
    let mut say = |people: &[&LeftAlone], one: &str, many: &str| {
        if !people.is_empty() {
            let number = count(people.len(), one, many);
            page.line(format!("  {number}: {}", names(people)));
        }
    };
    say(&waiting, "person waits", "people wait");
    say(&odd, "person is left alone", "people are left alone");
    say(&conflicts, "conflict", "conflicts");
    if !conflicts.is_empty() {
        page.line("Next, see who is in whose way, and what to type:");
        page.command(2, "mattersync conflicts");
    }
}

/// Returns the names of the first people.
fn names(people: &[&LeftAlone]) -> String {
    let mut names: Vec<&str> = people
        .iter()
        .map(|left| left.subject.name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len() - cut(names.len(), NAMED);
    names.truncate(names.len() - more);
    match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// Returns a reason without what to do, where the heading of the group says that.
fn in_short(why: &Why, all: bool, group: Group) -> Option<String> {
    match (group, why) {
        (_, Why::LooksLike { was, .. }) if all => {
            Some(format!("{} (it was {was})", among_conflicts(why)))
        }
        (Group::Alike | Group::Conflict, why) => Some(among_conflicts(why)),
        _ => None,
    }
}

/// Shows a reason that several people share once.
fn by_reason(page: &mut Page, people: &[&LeftAlone], all: bool, group: Group) {
    let mut reasons: BTreeMap<String, Vec<&LeftAlone>> = BTreeMap::new();
    for left in people {
        let reason = in_short(&left.why, all, group).unwrap_or_else(|| left.why.to_string());
        reasons.entry(reason).or_default().push(left);
    }
    let (several, single): (Vec<_>, Vec<_>) = reasons.into_iter().partition(|(_, s)| s.len() > 1);
    let lines = |number: usize| match all || group.may_go() {
        true => number,
        false => cut(number, MAX_LINES),
    };
    let shown = lines(single.len());
    let rows: Vec<_> = single
        .iter()
        .take(shown)
        .filter_map(|(_, people)| people.first())
        .map(|left| {
            let why = in_short(&left.why, all, group).unwrap_or_else(|| why_left(left));
            row(&left.subject, &why, all, group)
        })
        .collect();
    page.table(&["NAME", "PERSON", "ADDRESS", "ACCOUNT", "WHY"], &rows);
    more(page, single.len() - shown);
    for (why, people) in several {
        page.line(format!(
            "  {}: {why}",
            count(people.len(), "person", "people")
        ));
        let shown = lines(people.len());
        let rows: Vec<_> = people
            .iter()
            .take(shown)
            .map(|left| row(&left.subject, "", all, group))
            .collect();
        page.table(&["NAME", "PERSON", "ADDRESS", "ACCOUNT", ""], &rows);
        more(page, people.len() - shown);
    }
}

/// Shows what to type for each new account that looks like somebody.
fn who_is_who(page: &mut Page, people: &[&LeftAlone], all: bool) {
    let commands = people.iter().filter_map(|left| linking_command(&left.why));
    let mut commands: Vec<String> = commands.collect();
    commands.sort_unstable();
    commands.dedup();
    if commands.is_empty() {
        return;
    }
    page.line("If both are one person, type:");
    let shown = if all {
        commands.len()
    } else {
        cut(commands.len(), MAX_LINES)
    };
    for command in commands.iter().take(shown) {
        page.command(2, command);
    }
    more(page, commands.len() - shown);
    page.line("If not, give one of them another username or address.");
}

fn row(subject: &Subject, why: &str, all: bool, group: Group) -> Vec<Cell> {
    // An entry without a username is only known by its DN, and is its own name.
    let is_name = |dn: &str| subject.name == dn;
    let dn = subject.dn.as_deref().filter(|dn| !is_name(dn));
    let is_named = !subject.dn.as_deref().is_some_and(is_name);
    // An id finds an entry again, whatever its name is.
    let id = subject.account.as_ref().map(|key| key.id.as_str());
    let id = id.filter(|_| group.is_an_error() && (all || !is_named));
    let account: Vec<String> = dn
        .filter(|_| all)
        .into_iter()
        .chain(id)
        .map(str::to_owned)
        .collect();
    vec![
        subject.name.clone().into(),
        subject.full_name.clone().into(),
        subject.email.clone().unwrap_or_default().into(),
        account.into(),
        why.to_owned().into(),
    ]
}

fn lower(heading: &str) -> String {
    let mut chars = heading.chars();
    chars
        .next()
        .map(|first| first.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}

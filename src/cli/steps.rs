//! Steps in tables, by kind.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Action, ActionKind, Hold, HoldCause, ProfileField, Step, TeamRef, Values, shell_word,
};
use crate::observe::Mails;
use crate::observe::{Adoption, PlanFacts, Side};
use crate::plan::{hold_name, if_wrong, people};

use super::new_ids;
use super::print::{Cell, Page, count, cut, more};

/// Longer lists are cut unless everything is wanted: routine ones at the smaller number, those
/// that somebody must look at at the larger one. Whoever is created or taken away is always listed.
const ROUTINE: usize = 10;
const WORTH_A_LOOK: usize = 50;

/// How much of the steps is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Long lists of harmless steps are cut.
    Short,
    /// All steps.
    Whole,
    /// All steps, and DNs and ids too.
    WithIds,
}

impl Extent {
    /// Returns what `--all` asks for, or what is shown without it.
    pub fn of(all: bool) -> Self {
        if all { Self::WithIds } else { Self::Short }
    }
}

/// Whether steps would be carried out or were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tense {
    /// They would be.
    Wanted,
    /// They were.
    Done,
}

/// In the order in which people want to see them: what takes away first.
const KINDS: [ActionKind; 15] = [
    ActionKind::AssignBot,
    ActionKind::Purge,
    ActionKind::Deactivate,
    ActionKind::EndSessions,
    ActionKind::Unlink,
    ActionKind::Adopt,
    ActionKind::ResetAccess,
    ActionKind::Move,
    ActionKind::Rename,
    ActionKind::ChangeEmail,
    ActionKind::Update,
    ActionKind::CreateTeam,
    ActionKind::Create,
    ActionKind::Reactivate,
    ActionKind::JoinTeam,
];

/// Words for a number of steps of one kind: `Create 2 users`.
pub fn heading(kind: ActionKind, number: usize, tense: Tense) -> String {
    let users = count(number, "user", "users");
    let (wanted, done, rest) = match kind {
        ActionKind::Deactivate => ("Deactivate", "Deactivated", users),
        ActionKind::EndSessions => ("End the sessions of", "Ended the sessions of", users),
        ActionKind::ResetAccess => (
            "Give a random password, and end the sessions of,",
            "Gave a random password, and ended the sessions of,",
            users,
        ),
        ActionKind::Unlink => ("Unlink", "Unlinked", users),
        ActionKind::Adopt => ("Adopt", "Adopted", users),
        ActionKind::Move => (
            "Move the link of",
            "Moved the link of",
            count(number, "user", "users"),
        ),
        ActionKind::Rename => ("Rename", "Renamed", users),
        ActionKind::ChangeEmail => ("Change the address of", "Changed the address of", users),
        ActionKind::Update => ("Update", "Updated", users),
        ActionKind::Create => ("Create", "Created", users),
        ActionKind::Purge => (
            "CANNOT BE UNDONE, NOT EVEN BY `mattersync undo`: delete for ever, with all they wrote,",
            "Deleted for ever",
            users,
        ),
        ActionKind::Reactivate => ("Reactivate", "Reactivated", users),
        ActionKind::AssignBot => (
            "Hand over",
            "Handed over",
            "mattersync's own bot".to_owned(),
        ),
        ActionKind::CreateTeam => ("Create", "Created", count(number, "team", "teams")),
        ActionKind::JoinTeam => {
            let members = count(number, "member", "members");
            ("Add to teams:", "Added to teams:", members)
        }
    };
    let verb = if tense == Tense::Done { done } else { wanted };
    format!("{verb} {rest}")
}

/// All kinds that occur, in order, with their steps.
fn by_kind<'a>(steps: &[&'a Step]) -> Vec<(ActionKind, Vec<&'a Step>)> {
    let mut kinds: BTreeMap<ActionKind, Vec<&Step>> = BTreeMap::new();
    for step in steps {
        kinds.entry(step.action.kind()).or_default().push(step);
    }
    let mut ordered: Vec<_> = kinds.into_iter().collect();
    let rank = |kind: &ActionKind| KINDS.iter().position(|k| k == kind).unwrap_or(KINDS.len());
    ordered.sort_by_key(|(kind, _)| rank(kind));
    ordered
}

/// Shows steps, one table for each kind.
pub fn show(page: &mut Page, report: &PlanFacts, steps: &[&Step], extent: Extent, tense: Tense) {
    for (kind, mut steps) in by_kind(steps) {
        steps.sort_by(|a, b| a.subject.name.cmp(&b.subject.name));
        let reasons: BTreeSet<String> = steps.iter().map(|s| s.reason.to_string()).collect();
        let common = match reasons.first() {
            Some(reason) if reasons.len() == 1 && steps.len() > 1 => format!(" ({reason})"),
            _ => String::new(),
        };
        let number = people(steps.iter().copied());
        page.title(format!("{}{common}", heading(kind, number, tense)));
        let shown = match most(kind).filter(|_| extent == Extent::Short) {
            Some(most) => cut(steps.len(), most),
            None => steps.len(),
        };
        let first: Vec<&Step> = steps.iter().take(shown).copied().collect();
        let with_ids = extent == Extent::WithIds;
        if kind == ActionKind::Adopt {
            adoptions(page, report, &first, with_ids);
        } else {
            table(page, kind, &first, common.is_empty(), with_ids, tense);
        }
        more(page, steps.len() - shown);
    }
}

/// Returns how many steps of a kind are listed; `None` for those that are never cut.
fn most(kind: ActionKind) -> Option<usize> {
    match kind {
        ActionKind::Create
        | ActionKind::Adopt
        | ActionKind::Deactivate
        | ActionKind::Purge
        | ActionKind::Reactivate
        | ActionKind::Unlink => None,
        ActionKind::Update | ActionKind::JoinTeam => Some(ROUTINE),
        ActionKind::AssignBot
        | ActionKind::ChangeEmail
        | ActionKind::CreateTeam
        | ActionKind::EndSessions
        | ActionKind::Move
        | ActionKind::Rename
        | ActionKind::ResetAccess => Some(WORTH_A_LOOK),
    }
}

fn table(
    page: &mut Page,
    kind: ActionKind,
    steps: &[&Step],
    with_reason: bool,
    with_ids: bool,
    tense: Tense,
) {
    let middle: [&str; 2] = match kind {
        ActionKind::Rename | ActionKind::ChangeEmail => ["FROM", "TO"],
        ActionKind::Update => ["CHANGES", ""],
        ActionKind::AssignBot => ["BOT", "NEW OWNER"],
        ActionKind::CreateTeam => ["DISPLAY NAME", ""],
        ActionKind::JoinTeam => ["TEAM", ""],
        ActionKind::Create => ["USERNAME IN THE DIRECTORY", ""],
        _ => ["", ""],
    };
    let head = [
        "NAME", "PERSON", "ADDRESS", middle[0], middle[1], "ACCOUNT", "WHY",
    ];
    let rows: Vec<Vec<Cell>> = steps
        .iter()
        .map(|step| {
            let subject = &step.subject;
            let (from, to) = match &step.action {
                Action::UpdateProfile { changes, .. } => (changed(changes), String::new()),
                action => {
                    let [from, to] = values(action, tense);
                    (from.into(), to)
                }
            };
            let quiet = matches!(step.action, Action::UpdateProfile { .. });
            let reason = if with_reason && !quiet {
                step.reason.to_string()
            } else {
                String::new()
            };
            let address = match step.action {
                Action::ChangeEmail { .. } => String::new(),
                _ => subject.email.clone().unwrap_or_default(),
            };
            let dn = subject.dn.clone().filter(|_| with_ids);
            vec![
                subject.name.clone().into(),
                subject.full_name.clone().into(),
                address.into(),
                from,
                to.into(),
                dn.unwrap_or_default().into(),
                reason.into(),
            ]
        })
        .collect();
    page.table(&head, &rows);
}

/// Each field that changes, a line for each.
fn changed(changes: &BTreeMap<ProfileField, Values>) -> Cell {
    let lines = changes.iter();
    let lines = lines.map(|(field, v)| format!("{field} {:?} becomes {:?}", v.from, v.to));
    lines.collect::<Vec<_>>().into()
}

/// What stands in the middle columns.
fn values(action: &Action, tense: Tense) -> [String; 2] {
    match action {
        Action::Rename { username: v, .. } => [v.from.clone(), v.to.clone()],
        Action::ChangeEmail {
            email,
            waits_for_click,
            ..
        } => {
            let waits = if *waits_for_click {
                " (once the person has clicked)"
            } else {
                ""
            };
            [email.from.clone(), format!("{}{waits}", email.to)]
        }
        Action::CreateUser {
            user,
            directory_username,
            ..
        } if user.username != directory_username.to_lowercase() => {
            [directory_username.clone(), String::new()]
        }
        Action::AssignBot {
            bot_name, to_name, ..
        } => [bot_name.clone(), to_name.clone()],
        Action::CreateTeam { display_name, .. } => [display_name.clone(), String::new()],
        Action::JoinTeam {
            team_name, team, ..
        } => {
            let new = if tense == Tense::Wanted && matches!(team, TeamRef::Made(_)) {
                " (once created)"
            } else {
                ""
            };
            [format!("{team_name}{new}"), String::new()]
        }
        _ => [String::new(), String::new()],
    }
}

/// Both parties of each adoption side by side, and in what they differ.
fn adoptions(page: &mut Page, report: &PlanFacts, steps: &[&Step], with_ids: bool) {
    let both: BTreeMap<_, &Adoption> = report.adoptions.iter().map(|a| (a.step, a)).collect();
    let rows: Vec<Vec<Cell>> = steps
        .iter()
        .filter_map(|step| both.get(&step.id))
        .map(|adoption| {
            vec![
                side(&adoption.account, with_ids),
                side(&adoption.user, with_ids),
                difference(&adoption.account, &adoption.user),
            ]
        })
        .collect();
    page.table(&["IN THE DIRECTORY", "ON MATTERMOST", "DIFFERENT"], &rows);
}

fn side(side: &Side, with_id: bool) -> Cell {
    let mut lines = vec![format!("{} <{}>", side.username, side.emails.join(", "))];
    let name = if side.name.is_empty() {
        "no name"
    } else {
        side.name.as_str()
    };
    lines.push(format!("{name}, {}", state(side)));
    if with_id {
        lines.push(side.id.clone());
    }
    if let Some(made) = &side.made {
        let last = match side.last_active {
            Some(at) => format!(", last active {at}"),
            None if side.never_active => ", never active".to_owned(),
            None => String::new(),
        };
        lines.push(format!("made {made}{last}"));
    }
    lines.into()
}

/// Why a lock cannot be seen is told elsewhere, once for all.
const UNKNOWN: &str = "unknown whether locked";

fn state(side: &Side) -> &str {
    match side.active {
        Some(_) => &side.state,
        None => UNKNOWN,
    }
}

fn difference(account: &Side, user: &Side) -> Cell {
    let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
    let mut differ = Vec::new();
    if !same(&account.username, &user.username) {
        differ.push("username");
    }
    let shared = |mail: &String| user.emails.iter().any(|other| same(mail, other));
    if !account.emails.iter().any(shared) {
        differ.push("address");
    }
    if !same(&account.name, &user.name) {
        differ.push("name");
    }
    for (field, value) in &user.fields {
        let other = account.fields.get(field);
        if other.is_some_and(|other| !same(other, value)) {
            differ.push(field);
        }
    }
    if !user.login.is_empty() {
        differ.push("login");
    }
    if account.active.is_some() && account.active != user.active {
        differ.push("state");
    }
    if differ.is_empty() {
        differ.push("nothing");
    }
    let lines = differ.into_iter().map(str::to_owned);
    lines.collect::<Vec<_>>().into()
}

/// Shows what is held: why, which steps, and what to type.
pub fn show_holds(page: &mut Page, report: &PlanFacts, extent: Extent) {
    let plan = &report.plan;
    for hold in &plan.holds {
        let name = hold_name(&hold.key);
        page.gap();
        if let HoldCause::NewIds(new_ids) = &hold.cause {
            new_ids::show(page, &name, new_ids, extent != Extent::Short);
            continue;
        }
        page.alarm(format!(
            "HELD: {name}: {} {}",
            cause(report, hold),
            match hold.steps.len() {
                1 => "This step is not done".to_owned(),
                n => format!("None of these {n} steps is done"),
            } + &match Mails::of(steps_of(report, hold).into_iter()) {
                mails if mails.sum() == 0 => String::new(),
                mails => format!(" (it would send e-mails: {})", mails.words()),
            }
        ));
        page.alarm("until somebody types:");
        page.command(2, format!("mattersync approve {}", shell_word(&name)));
        page.line(if_wrong(hold, &steps_of(report, hold)));
        show(page, report, &steps_of(report, hold), extent, Tense::Wanted);
    }
    let directly: BTreeSet<_> = plan.holds.iter().flat_map(|h| &h.steps).collect();
    let waiting = plan.held().len().saturating_sub(directly.len());
    if waiting > 0 {
        page.gap();
        page.line(format!(
            "{} for what is held.",
            if waiting == 1 {
                "1 more step waits".to_owned()
            } else {
                format!("{waiting} more steps wait")
            }
        ));
    }
}

/// Says how what is held under these names is looked at and released.
pub fn how_to_release(page: &mut Page, names: &[String]) {
    page.line("Next, look at what is held:");
    page.command(2, "mattersync approve");
    page.line("Then, if it is right, release it:");
    for name in names {
        page.command(2, format!("mattersync approve {}", shell_word(name)));
    }
}

/// Why it is held, as a sentence that has its end.
fn cause(report: &PlanFacts, hold: &Hold) -> String {
    let mut cause = hold.cause.to_string();
    if let HoldCause::Limit { wanted, .. }
    | HoldCause::GivenBack { wanted, .. }
    | HoldCause::Day { wanted, .. } = hold.cause
    {
        // The limit is that of the whole plan, also where a part is shown.
        let shown = people(steps_of(report, hold));
        let others = usize::try_from(wanted).unwrap_or(usize::MAX);
        let others = others.saturating_sub(shown);
        if others > 0 {
            cause += &format!(" (of the {wanted}, {others} not shown here)");
        }
    }
    if !cause.ends_with(['?', '.', '!']) {
        cause.push('.');
    }
    cause
}

/// The steps of a hold, in the plan's order.
pub fn steps_of<'a>(report: &'a PlanFacts, hold: &Hold) -> Vec<&'a Step> {
    let held: BTreeSet<_> = hold.steps.iter().collect();
    let steps = report.plan.steps.iter();
    steps.filter(|step| held.contains(&step.id)).collect()
}

//! `mattersync orphans`: lists users without an account.

use std::collections::BTreeMap;

use crate::desk::{self, Orphan, OrphansReport};
use crate::model::{Timestamp, shell_word};

use super::age;
use super::answer::Answer;
use super::args::{Orphans, Show};
use super::context::Context;
use super::exit::{Exit, Failure, Found};
use super::people;
use super::plan;
use super::print::{Cell, Page, Terminal, count};

/// Lists them, or records that one of them is to stay.
///
/// # Errors
/// An error if a side or the state cannot be read, if it is not clear who is meant, or if the user
/// is not an orphan.
pub fn orphans(context: &Context, args: &Orphans, terminal: Terminal) -> Result<Answer, Failure> {
    match (&args.keep, &args.unkeep) {
        (Some(user), _) => keep(context, user, false, args.show, terminal),
        (None, Some(user)) => keep(context, user, true, args.show, terminal),
        (None, None) => list(context, args, terminal),
    }
}

fn list(context: &Context, args: &Orphans, terminal: Terminal) -> Result<Answer, Failure> {
    let show = args.show;
    let mut report = context.ask(desk::Orphans {
        fresh: args.fresh.fresh,
    })?;
    let kept = |o: &&Orphan| o.kept.is_some();
    let hidden = report.orphans.iter().chain(&report.guests);
    let hidden = if show.all {
        0
    } else {
        hidden.filter(kept).count()
    };
    if !show.all {
        report.orphans.retain(|o| o.kept.is_none());
        report.guests.retain(|o| o.kept.is_none());
    }
    let exit = Found::shown(&report.incomplete);
    if show.json.json {
        return Answer::json(&report, exit);
    }
    let mut page = Page::new(terminal);
    age::show(&mut page, context, report.read)?;
    plan::unread(&mut page, &report.incomplete);
    page.gap();
    show_report(&mut page, &report, hidden);
    Ok(Answer::page(&page, exit))
}

fn show_report(page: &mut Page, report: &OrphansReport, hidden: usize) {
    let mut groups: BTreeMap<Group, Vec<&Orphan>> = BTreeMap::new();
    for orphan in &report.orphans {
        groups.entry(Group::of(orphan)).or_default().push(orphan);
    }
    // As many as `plan` and `status` count.
    let number = groups.get(&Group::Unknown).map_or(0, Vec::len);
    match number {
        0 if !report.incomplete.is_empty() => {
            page.line("No orphan was found among those who were read.");
        }
        0 if report.orphans.is_empty() => page.line("Every active human user has an account."),
        0 => page.line("Every other active human user has an account."),
        n => page.line(format!(
            "{} without an account:",
            count(n, "active human user", "active human users")
        )),
    }
    for (group, orphans) in groups {
        if let Some(heading) = group.heading() {
            page.title(format!("{heading}: {}", orphans.len()));
        }
        table(page, orphans);
    }
    let guests = report.guests.iter().collect();
    if !report.guests.is_empty() {
        page.title(format!("Guests: {}", report.guests.len()));
        table(page, guests);
    }
    if hidden > 0 {
        page.gap();
        let kept = count(hidden, "more is kept", "more are kept");
        page.line(format!("{kept} (--all shows who)"));
    }
    if report.orphans.len() + report.guests.len() > 0 {
        page.gap();
        page.line("For each of them one of these. The user is the person of an account:");
        page.command(2, "mattersync link ACCOUNT USER");
        page.line("The user stays, and is no longer listed:");
        page.command(2, "mattersync orphans --keep USER");
        page.line("The user is to go (it shows what is done, and does it with --yes):");
        page.command(2, "mattersync deactivate USER");
    }
}

/// What is known of a user without an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Unknown,
    Adopted,
    Protected,
    Kept,
}

impl Group {
    fn of(orphan: &Orphan) -> Self {
        match orphan {
            Orphan { kept: Some(_), .. } => Self::Kept,
            Orphan { adopted: true, .. } => Self::Adopted,
            orphan if orphan.user.protected => Self::Protected,
            _ => Self::Unknown,
        }
    }

    /// Returns what stands above the group; the first one has the sentence of the list.
    fn heading(self) -> Option<&'static str> {
        match self {
            Self::Unknown => None,
            Self::Adopted => Some("About to be adopted (`mattersync approve adopt`)"),
            Self::Protected => Some("Named in policy.protect"),
            Self::Kept => Some("Kept"),
        }
    }
}

fn table(page: &mut Page, orphans: Vec<&Orphan>) {
    let rows: Vec<Vec<Cell>> = orphans.into_iter().map(row).collect();
    let head = [
        "NAME",
        "PERSON",
        "ADDRESS",
        "CREATED",
        "LAST ACTIVE",
        "REMARK",
    ];
    page.table(&head, &rows);
}

fn row(orphan: &Orphan) -> Vec<Cell> {
    let user = &orphan.user;
    let mut remarks = Vec::new();
    if user.admin {
        remarks.push("SYSTEM ADMINISTRATOR".to_owned());
    }
    if user.protected {
        remarks.push("in policy.protect".to_owned());
    }
    remarks.extend(
        user.login_service
            .iter()
            .map(|s| format!("logs in through {s}")),
    );
    remarks.extend(orphan.perhaps.clone());
    if let Some(word) = &orphan.unlinked {
        remarks.push(format!("unlinked by {} on {}", word.by, word.at.day()));
    }
    if let Some(word) = &orphan.kept {
        remarks.push(format!("kept by {} on {}", word.by, word.at.day()));
    }
    vec![
        user.username.clone().into(),
        user.name.clone().into(),
        user.email.clone().into(),
        user.created_at.day().into(),
        user.last_activity
            .map(Timestamp::day)
            .unwrap_or_default()
            .into(),
        remarks.into(),
    ]
}

/// Records that a user is to stay, or takes that back.
fn keep(
    context: &Context,
    user: &str,
    undo: bool,
    show: Show,
    terminal: Terminal,
) -> Result<Answer, Failure> {
    let orphan = context.ask(desk::Keep {
        user: user.to_owned(),
        undo,
    })?;
    if show.json.json {
        return Answer::json(&orphan, Exit::DONE);
    }
    let mut page = Page::new(terminal);
    people::user(&mut page, "User", &orphan.user);
    page.gap();
    let name = &orphan.user.username;
    match &orphan.kept {
        Some(_) => {
            page.line(format!(
                "{name} is kept, and no longer listed. To take this back:"
            ));
            let back = format!("mattersync orphans --unkeep {}", shell_word(name));
            page.command(2, back);
        }
        None => page.line(format!("{name} is listed again by `mattersync orphans`.")),
    }
    Ok(Answer::page(&page, Exit::DONE))
}

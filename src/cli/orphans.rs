//! `mattersync orphans` and `keep`: users whom no account stands behind.

use crate::desk::{self, Orphan, OrphansReport};

use crate::model::shell_word;

use super::args::{Deactivate, Keep, Show};
use super::context::Context;
use super::exit::{Exit, Failure, Found};
use super::people::{self, day};
use super::print::{Cell, Page, Terminal, count};
use super::{Answer, plan};

/// Lists them.
///
/// # Errors
/// When a side or the state cannot be read.
pub fn orphans(context: &Context, show: Show, terminal: Terminal) -> Result<Answer, Failure> {
    let mut report = context.ask(desk::Orphans {})?;
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
    plan::unread(&mut page, &report.incomplete);
    page.gap();
    tell(&mut page, &report, hidden);
    Ok(Answer::page(&page, exit))
}

fn tell(page: &mut Page, report: &OrphansReport, hidden: usize) {
    let number = report.orphans.len();
    match number {
        0 if !report.incomplete.is_empty() => {
            page.line("No orphan was found among those who were read.")
        }
        0 => page.line("An account stands behind every active human user."),
        n => page.line(format!(
            "{}, whom no account stands behind:",
            count(n, "active human user", "active human users")
        )),
    }
    table(page, &report.orphans);
    if !report.guests.is_empty() {
        let guests = report.guests.len();
        page.title(format!("Guests: {guests}"));
        table(page, &report.guests);
    }
    if hidden > 0 {
        page.gap();
        let kept = count(hidden, "more is kept", "more are kept");
        page.line(format!("{kept} (--all shows who)"));
    }
    if number + report.guests.len() > 0 {
        page.gap();
        page.line("For each of them one of:");
        page.line("  mattersync link ACCOUNT USER           the user is this account's person");
        page.line("  mattersync keep USER                   stays as it is, and is listed no more");
        page.line(
            "  mattersync deactivate --orphan USER    shows what is done, then asks for --yes",
        );
    }
}

fn table(page: &mut Page, orphans: &[Orphan]) {
    let rows: Vec<Vec<Cell>> = orphans.iter().map(row).collect();
    let head = [
        "NAME",
        "ADDRESS",
        "PERSON",
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
        remarks.push(format!("unlinked by {} on {}", word.by, day(word.at)));
    }
    if let Some(word) = &orphan.kept {
        remarks.push(format!("kept by {} on {}", word.by, day(word.at)));
    }
    vec![
        user.username.clone().into(),
        user.email.clone().into(),
        user.name.clone().into(),
        day(user.created_at).into(),
        user.last_activity.map(day).unwrap_or_default().into(),
        remarks.into(),
    ]
}

/// Notes that somebody is to stay, or takes it back.
///
/// # Errors
/// When it is not clear who is meant, the user is no orphan, or Mattermost cannot be read.
pub fn keep(context: &Context, args: &Keep, terminal: Terminal) -> Result<Answer, Failure> {
    let orphan = context.ask(desk::Keep {
        user: args.user.clone(),
        undo: args.undo,
    })?;
    if args.json.json {
        return Answer::json(&orphan, Exit::DONE);
    }
    let mut page = Page::new(terminal);
    people::user(&mut page, "User", &orphan.user);
    page.gap();
    let name = &orphan.user.username;
    page.line(match &orphan.kept {
        Some(_) => format!(
            "{name} is kept, and listed no more. To take this back: mattersync keep --undo {}",
            shell_word(name)
        ),
        None => format!("{name} is listed again by mattersync orphans."),
    });
    Ok(Answer::page(&page, Exit::DONE))
}

/// Shows what it does to deactivate an orphan, or does it.
///
/// # Errors
/// When it is not clear who is meant, the user is out of reach, or Mattermost cannot be read.
pub fn deactivate(
    context: &Context,
    args: &Deactivate,
    terminal: Terminal,
) -> Result<Answer, Failure> {
    let out = context.ask(desk::DeactivateOrphan {
        user: args.person.clone(),
        admin: args.admin,
        yes: args.yes.clone(),
    })?;
    let mut page = Page::new(terminal);
    people::user(&mut page, "User", &out.user);
    page.gap();
    let exit = match &out.done {
        None => {
            page.line("No account of the directory stands behind this user. It would be done:");
            people::outlook(&mut page, &out.then);
            page.gap();
            page.line("Nothing was changed. To do it:");
            page.line(format!("  {}", people::command(&out.type_this)));
            Exit::DONE
        }
        Some(report) if people::told(&mut page, report) => {
            page.line(
                "The user is deactivated; all sessions have ended. It stays so until somebody \
                 activates the user in Mattermost's System Console.",
            );
            Exit::DONE
        }
        Some(_) => Exit::FAILED,
    };
    if args.json.json {
        return Answer::json(&out, exit);
    }
    Ok(Answer::page(&page, exit))
}

//! `mattersync undo`: takes back what a run did, or lets the directory decide again.

use std::collections::BTreeSet;

use crate::desk::{self, LeftStep, Redone, UndoReport};
use crate::model::{Action, ActionKind, RunId, shell_word};

use super::answer::Answer;
use super::args::Undo;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::print::{Page, Terminal};
use super::steps::{self, Extent, Tense};
use super::{aftermath, sync};

/// Shows what it would do to take a run back, or does it; or ends what was taken back of a person.
///
/// # Errors
/// An error if there is no such run, it did nothing that could be taken back, it is not clear who
/// is meant, or Mattermost cannot be read.
pub fn undo(context: &Context, args: &Undo, terminal: Terminal) -> Result<Answer, Failure> {
    match (&args.redo, args.run) {
        (Some(person), _) => redo(context, person, args, terminal),
        (None, Some(run)) => take_back(context, RunId(run), args, terminal),
        // The command line requires one of both.
        (None, None) => Err(Failure::new(Exit::USAGE, "which run is to be taken back?")),
    }
}

fn take_back(
    context: &Context,
    run: RunId,
    args: &Undo,
    terminal: Terminal,
) -> Result<Answer, Failure> {
    let report = context.ask(desk::Undo {
        run,
        person: args.person.clone(),
        yes: args.yes,
    })?;
    let failed = report.sync.as_ref().is_some_and(|sync| !sync.is_clean());
    let exit = if failed {
        Exit::FAILED
    } else if args.yes && !report.plan.plan.holds.is_empty() {
        Exit::HELD
    } else {
        Exit::DONE
    };
    if args.json.json {
        return Answer::json(&report, exit);
    }
    let mut page = Page::new(terminal);
    match &report.sync {
        None => preview(&mut page, &report),
        Some(sync) => {
            sync::done(&mut page, sync, Extent::Whole);
            sync::failures(&mut page, sync);
            aftermath::show(&mut page, &sync.aftermath);
        }
    }
    steps::show_holds(&mut page, &report.plan, Extent::Whole);
    left(&mut page, &report.left);
    afterwards(&mut page, &report);
    if report.sync.is_none() && !report.plan.plan.steps.is_empty() {
        page.gap();
        page.line("Nothing was changed. To do it:");
        page.command(2, command(run, args));
    }
    Ok(Answer::page(&page, exit))
}

fn command(run: RunId, args: &Undo) -> String {
    let person = args.person.as_ref();
    let person = person.map(|person| format!(" --person {}", shell_word(person)));
    format!(
        "mattersync undo {}{} --yes",
        run.0,
        person.unwrap_or_default()
    )
}

fn preview(page: &mut Page, report: &UndoReport) {
    let released: Vec<_> = report.plan.plan.released().collect();
    if report.plan.plan.steps.is_empty() {
        page.line(format!(
            "Nothing of run {} is left to be taken back.",
            report.run.0
        ));
        return;
    }
    page.line(format!("To take back run {}:", report.run.0));
    steps::show(page, &report.plan, &released, Extent::Whole, Tense::Wanted);
    if report.plan.mails > 0 {
        page.gap();
        page.line(format!(
            "Mattermost sends {} because of that.",
            super::print::count(
                usize::try_from(report.plan.mails).unwrap_or(usize::MAX),
                "e-mail",
                "e-mails"
            )
        ));
    }
}

fn left(page: &mut Page, left: &[LeftStep]) {
    if left.is_empty() {
        return;
    }
    page.title(format!("Not taken back: {}", left.len()));
    let rows: Vec<Vec<String>> = left
        .iter()
        .map(|left| {
            vec![
                left.name.clone(),
                left.action.map_or("", ActionKind::name).to_owned(),
                left.why.clone(),
            ]
        })
        .collect();
    page.table(&["NAME", "STEP", "WHY"], &rows);
}

/// Shows what the next cycles do.
fn afterwards(page: &mut Page, report: &UndoReport) {
    let steps = &report.plan.plan.steps;
    let any = |is: fn(&Action) -> bool| steps.iter().any(|step| is(&step.action));
    let mut lines = Vec::new();
    if any(|action| {
        matches!(
            action,
            Action::Rename { .. } | Action::ChangeEmail { .. } | Action::UpdateProfile { .. }
        )
    }) {
        lines.push(
            "Values that are changed back stay while the directory says what it says now; when it \
             says something else, that is done.",
        );
    }
    if any(|action| matches!(action, Action::Reactivate { .. })) {
        lines.push(
            "Users who are active again although the account is locked or missing stay active, as \
             if an administrator had activated them by hand.",
        );
    }
    if any(|action| matches!(action, Action::Deactivate { .. })) {
        lines.push(
            "Users who are deactivated stay so until somebody lets the directory decide again, \
             or activates them in Mattermost's System Console; nobody is deleted.",
        );
    }
    if any(|action| matches!(action, Action::Unlink { .. })) {
        lines.push(
            "An account whose link is removed is not linked again by itself, and gets no \
                   new user.",
        );
    }
    if lines.is_empty() {
        return;
    }
    page.title("The cycles after that");
    for line in lines {
        page.line(format!("  {line}"));
    }
    page.line("  Each cycle lists it as left alone. To let the directory decide again:");
    let names: BTreeSet<&str> = steps
        .iter()
        .map(|step| step.subject.name.as_str())
        .collect();
    let mut names = names.into_iter();
    let person = match (names.next(), names.next()) {
        (Some(one), None) => shell_word(one),
        _ => "PERSON".to_owned(),
    };
    page.command(4, format!("mattersync undo --redo {person}"));
}

/// Ends what was taken back of a person, so that the directory decides again.
fn redo(
    context: &Context,
    person: &str,
    args: &Undo,
    terminal: Terminal,
) -> Result<Answer, Failure> {
    let redone = context.ask(desk::Redo {
        person: person.to_owned(),
    })?;
    if args.json.json {
        return Answer::json(&redone, Exit::DONE);
    }
    let mut page = Page::new(terminal);
    let Redone { name, what } = &redone;
    page.line(format!("For {name} the directory decides again about:"));
    for what in what {
        page.line(format!("  {what}"));
    }
    page.gap();
    if context.is_served() {
        page.line(
            "The service does it in its next cycles: whoever comes back is let in when two readings \
             agree. To see what it will be:",
        );
        page.command(2, "mattersync plan");
    } else {
        page.line(
            "Whoever comes back is let in when two readings agree. Next, see what it will be, and do \
             it:",
        );
        page.command(2, "mattersync plan");
        page.command(2, "mattersync sync");
    }
    Ok(Answer::page(&page, Exit::DONE))
}

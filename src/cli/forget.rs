//! `mattersync forget`: erases everything about one person.

use crate::desk;
use crate::model::shell_word;

use super::answer::Answer;
use super::args::Forget;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::history::steps;
use super::print::{Page, Terminal, count};

/// Shows what is recorded of a person, or erases it.
///
/// # Errors
/// An error if it is not clear who is meant, the person is still in the directory or active, or a
/// side cannot be read.
pub fn forget(context: &Context, args: &Forget, terminal: Terminal) -> Result<Answer, Failure> {
    let report = context.ask(desk::Forget {
        person: args.person.clone(),
        yes: args.yes,
    })?;
    let exit = match report.left {
        Some(_) => Exit::FAILED,
        None => Exit::DONE,
    };
    if args.json.json {
        return Answer::json(&report, exit);
    }
    let mut page = Page::new(terminal);
    let what = format!(
        "{} in {}{}",
        steps(usize::try_from(report.steps).unwrap_or(usize::MAX)),
        count(report.runs, "run", "runs"),
        if report.link { ", and the link" } else { "" }
    );
    if report.done {
        page.line(format!("Forgotten: {what}. Also in the copy of the state."));
        page.line(
            "The journal, copies that you made, Mattermost and the directory are not touched.",
        );
    } else {
        page.line(format!("This would be erased: {what}."));
    }
    for user in &report.still_there {
        page.line(format!(
            "The deactivated user {user} stays on Mattermost, and {} remembered by this id alone, \
             so that nobody else is ever given that user.",
            if report.done { "is" } else { "would be" }
        ));
    }
    if let Some(left) = &report.left {
        page.gap();
        page.alarm(left);
    }
    if !report.done {
        page.gap();
        page.line("Nothing was erased yet, and it cannot be undone. To do it:");
        let do_it = format!("mattersync forget {} --yes", shell_word(&args.person));
        page.command(2, do_it);
    }
    Ok(Answer::page(&page, exit))
}

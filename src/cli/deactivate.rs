//! `mattersync deactivate`: deactivates one person now.

use crate::desk::{self, Deactivation};
use crate::observe::CycleFacts;

use super::answer::Answer;
use super::args::Deactivate;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::print::{Page, Terminal};
use super::{aftermath, people, sync};

/// Deactivates a person, and shows the outcome. A user without an account is only shown at first.
///
/// # Errors
/// An error if it is not clear who is meant, the person is out of reach, or Mattermost cannot be
/// read.
pub fn deactivate(
    context: &Context,
    args: &Deactivate,
    terminal: Terminal,
) -> Result<Answer, Failure> {
    let answer = context.ask(desk::Deactivate {
        person: args.person.clone(),
        admin: args.admin,
        yes: args.yes.yes.clone(),
    })?;
    // A user who is only shown is not deactivated, which a script must notice.
    let exit = match &answer.done {
        Some(report) if report.is_clean() => Exit::DONE,
        _ => Exit::FAILED,
    };
    if args.yes.json.json {
        return Answer::json(&answer, exit);
    }
    let mut page = Page::new(terminal);
    if let Some(user) = &answer.orphan {
        people::user(&mut page, "User", user);
    }
    match &answer.done {
        None => preview(&mut page, &answer),
        Some(report) => show_report(&mut page, report),
    }
    Ok(Answer::page(&page, exit))
}

fn preview(page: &mut Page, answer: &Deactivation) {
    page.gap();
    page.line("This user has no account in the directory. This would be done:");
    people::outlook(page, &answer.then);
    page.gap();
    page.line("Nothing was changed. To do it:");
    page.command(2, people::command(&answer.type_this));
}

fn show_report(page: &mut Page, report: &CycleFacts) {
    sync::done(page, report, true);
    sync::failures(page, report);
    aftermath::show(page, &report.aftermath);
    if !report.is_clean() {
        return;
    }
    page.gap();
    if report.done.is_empty() {
        page.line("The user was deactivated already; now it is recorded as your order.");
    }
    page.line(
        "All sessions have ended. It stays so, whatever the directory says, until somebody \
         activates the user in Mattermost's System Console.",
    );
}

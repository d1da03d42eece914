//! `mattersync deactivate`: deactivates one person now.

use crate::desk::{self, Deactivation, UserSide};
use crate::model::shell_word;
use crate::observe::CycleFacts;

use super::answer::Answer;
use super::args::Deactivate;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::print::{Page, Terminal, write_out};
use super::steps::Extent;
use super::{aftermath, confirm, people, sync};

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
    let asks = args.yes.yes.is_none() && !args.yes.json.json && confirm::can_ask(terminal);
    let ask = |only_show| {
        context.ask(desk::Deactivate {
            person: args.person.clone(),
            admin: args.admin,
            yes: args.yes.yes.clone(),
            only_show,
        })
    };
    let mut answer = ask(asks)?;
    if asks && answer.orphan.is_none() {
        if !is_meant(answer.linked.as_ref(), terminal) {
            let mut page = Page::new(terminal);
            page.line("Nothing was changed.");
            return Ok(Answer::page(&page, Exit::FAILED));
        }
        answer = ask(false)?;
    }
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
        Some(report) => {
            let orphan = answer.orphan.as_ref().map(|user| user.username.as_str());
            show_report(&mut page, report, orphan, &args.person);
        }
    }
    Ok(Answer::page(&page, exit))
}

/// Shows who is meant, and asks whether it is right.
fn is_meant(user: Option<&UserSide>, terminal: Terminal) -> bool {
    // Nobody sees a user whom the server does not show; the order then says why it cannot be done.
    let Some(user) = user else { return true };
    let mut page = Page::new(terminal);
    people::user(&mut page, "User", user);
    write_out(&page.text()).is_ok() && confirm::is_agreed("Deactivate this user now?")
}

fn preview(page: &mut Page, answer: &Deactivation) {
    page.gap();
    page.line("This user has no account in the directory. This would be done:");
    people::outlook(page, &answer.then);
    page.gap();
    page.line("Nothing was changed. To do it:");
    page.command(2, people::command(&answer.type_this));
}

fn show_report(page: &mut Page, report: &CycleFacts, orphan: Option<&str>, person: &str) {
    sync::done(page, report, Extent::Whole);
    sync::failures(page, report);
    aftermath::show(page, &report.aftermath);
    if !report.is_clean() {
        return;
    }
    page.gap();
    if report.done.is_empty() {
        page.line("The user was deactivated already; now it is recorded as your order.");
    }
    page.line("All sessions have ended. It stays so, whatever the directory says.");
    match orphan {
        None => {
            page.line("To take it back, so that the directory decides again:");
            page.command(2, format!("mattersync undo --redo {}", shell_word(person)));
        }
        Some(name) => {
            page.line("To take it back, activate the user in Mattermost's System Console, or:");
            page.command(2, format!("mmctl user activate {}", shell_word(name)));
        }
    }
}

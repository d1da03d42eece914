//! `mattersync deactivate`: one person, now.

use crate::desk;

use super::args::Deactivate;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::print::{Page, Terminal};
use super::{Answer, aftermath, orphans, sync};

/// Deactivates, and shows what came of it.
///
/// # Errors
/// When it is not clear who is meant, the person is out of reach, or a side cannot be read.
pub fn deactivate(
    context: &Context,
    args: &Deactivate,
    terminal: Terminal,
) -> Result<Answer, Failure> {
    if args.orphan {
        return orphans::deactivate(context, args, terminal);
    }
    let report = context.ask(desk::Deactivate {
        person: args.person.clone(),
    })?;
    let exit = if report.is_clean() {
        Exit::DONE
    } else {
        Exit::FAILED
    };
    if args.json.json {
        return Answer::json(&report, exit);
    }
    let mut page = Page::new(terminal);
    sync::done(&mut page, &report, true);
    sync::failures(&mut page, &report);
    aftermath::show(&mut page, &report.aftermath);
    if exit == Exit::DONE {
        page.gap();
        if report.done.is_empty() {
            page.line("The user was deactivated already, and now on your word.");
        }
        page.line(
            "All sessions have ended. It stays so, whatever the directory says, until somebody \
             activates the user in Mattermost's System Console.",
        );
    }
    Ok(Answer::page(&page, exit))
}

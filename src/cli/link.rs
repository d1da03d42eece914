//! `mattersync link` and `unlink`: a person says which user an account is.

use crate::cycle::Engine;
use crate::desk::{self, LinkReport, Listed};

use super::answer::Answer;
use super::args::{Link, Unlink, Yes};
use super::context::Context;
use super::exit::{Exit, Failure};
use super::people;
use super::print::{Page, Terminal};

/// Shows what a link would do, or makes it.
///
/// # Errors
/// An error if it is not clear who is meant, the link may not be made, or a side cannot be read.
pub fn link(context: &Context, args: &Link, terminal: Terminal) -> Result<Answer, Failure> {
    let request = desk::LinkAccount {
        account: args.account.clone(),
        user: args.user.clone(),
        admin: args.admin,
        guest: args.guest,
        yes: args.yes.yes.clone(),
    };
    answer(context, request, &args.yes, terminal)
}

/// Shows what it would do to remove a link, or removes it.
///
/// # Errors
/// An error if it is not clear who is meant, the link may not be removed, or a side cannot be read.
pub fn unlink(context: &Context, args: &Unlink, terminal: Terminal) -> Result<Answer, Failure> {
    let request = desk::Unlink {
        person: args.person.clone(),
        as_new: args.as_new,
        yes: args.yes.yes.clone(),
    };
    answer(context, request, &args.yes, terminal)
}

fn answer<R: Listed<Tool = Engine, Answer = LinkReport>>(
    context: &Context,
    request: R,
    yes: &Yes,
    terminal: Terminal,
) -> Result<Answer, Failure> {
    let deed = context.ask(request)?;
    let mut page = Page::new(terminal);
    let exit = show_report(&mut page, &deed, context.is_served());
    if yes.json.json {
        return Answer::json(&deed, exit);
    }
    Ok(Answer::page(&page, exit))
}

fn show_report(page: &mut Page, deed: &LinkReport, served: bool) -> Exit {
    match &deed.account {
        Some(account) => people::short_account(page, "Account", account),
        None => page.line(format!("{:<12}not read, id {}", "Account", deed.key.id)),
    }
    match &deed.user {
        Some(user) => people::user(page, "User", user),
        None => page.line(format!("{:<12}gone, id {}", "User", deed.user_id)),
    }
    for warning in &deed.warnings {
        page.alarm(format!("Note        {warning}"));
    }
    page.gap();
    let is_link = deed.linked;
    let done = match &deed.done {
        Some(report) => people::show_failures(page, report),
        None => false,
    };
    page.line(match (done, is_link) {
        (true, true) => "They are linked. The next cycle will do with them:",
        (true, false) => "The link is forgotten. The next cycle will do with them:",
        (false, true) => "Linked, the next cycle would do with them:",
        (false, false) => "Unlinked, the next cycle would do with them:",
    });
    people::outlook(page, &deed.then);
    page.gap();
    if deed.done.is_none() {
        page.line("Nothing was changed. To do it:");
        page.command(2, people::command(&deed.type_this));
        return Exit::DONE;
    }
    if !done {
        return Exit::FAILED;
    }
    page.line(if served {
        "The service goes on with its next cycle. To have it now:"
    } else {
        "Next:"
    });
    page.command(2, "mattersync sync");
    Exit::DONE
}

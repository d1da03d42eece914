//! Shows both sides of a person.

use crate::desk::{AccountSide, Outlook, UserSide};
use crate::model::shell_word;
use crate::observe::CycleFacts;
use crate::plan::why_left;

use super::print::Page;
use super::{aftermath, sync};

/// Shows an account in a few lines, the first of them beside a label.
pub fn account(page: &mut Page, label: &str, account: &AccountSide) {
    short_account(page, label, account);
    page.line(format!("            {}", account.dn));
    page.line(format!("            id {}", account.id));
}

/// Shows an account without its DN and its id.
pub fn short_account(page: &mut Page, label: &str, account: &AccountSide) {
    page.line(format!(
        "{label:<12}{}{} <{}>, {}",
        account.username,
        named(&account.name),
        or_none(&account.emails.join(", "), "no address"),
        account.state
    ));
    match &account.becomes {
        Some(name) if *name == account.username => {}
        Some(name) => page.line(format!("            is {name} on Mattermost")),
        None => page.line("            no legal username can be made of it"),
    }
    for (part, attribute) in &account.unreadable {
        page.line(format!("            {part} cannot be read: {attribute}"));
    }
}

/// Shows a user in a few lines, the first of them beside a label.
pub fn user(page: &mut Page, label: &str, user: &UserSide) {
    page.line(format!(
        "{label:<12}{}{} <{}>: {}",
        user.username,
        named(&user.name),
        or_none(&user.email, "no address"),
        user.words()
    ));
    let active = match user.last_activity {
        Some(at) => format!(", last active {}", at.day()),
        None => String::new(),
    };
    page.line(format!(
        "            id {}, created {}{active}",
        user.id,
        user.created_at.day()
    ));
}

fn named(name: &str) -> String {
    match name {
        "" => String::new(),
        name => format!(" ({name})"),
    }
}

fn or_none<'a>(text: &'a str, none: &'a str) -> &'a str {
    if text.is_empty() { none } else { text }
}

/// Shows what a plan does with a person.
pub fn outlook(page: &mut Page, outlook: &Outlook) {
    if outlook.is_empty() {
        page.line("  nothing");
    }
    for wanted in &outlook.steps {
        page.line(format!("  {}", wanted.what));
        for name in &wanted.held_by {
            page.alarm("      HELD until somebody types:");
            page.command(8, format!("mattersync approve {}", shell_word(name)));
        }
        if wanted.waits {
            page.line("      waits for what is held");
        }
    }
    for left in &outlook.left_alone {
        page.line(format!("  left alone: {}", why_left(left)));
    }
}

/// Returns a command with its words quoted for a shell.
pub fn command(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|w| shell_word(w)).collect();
    format!("mattersync {}", words.join(" "))
}

/// Shows what failed of what a person asked for. Returns whether everything was done.
pub fn show_failures(page: &mut Page, report: &CycleFacts) -> bool {
    sync::failures(page, report);
    aftermath::show(page, &report.aftermath);
    report.is_clean()
}

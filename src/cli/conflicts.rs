//! `mattersync conflicts`: lists conflicts, and what to type.

use crate::desk::{self, Conflict, ConflictKind, Party};

use super::age;
use super::answer::Answer;
use super::args::Look;
use super::context::Context;
use super::exit::{Failure, Found};
use super::people;
use super::plan;
use super::print::{Page, Terminal, count};

/// How many users who no longer exist are listed one by one.
const FEW: usize = 3;

/// Lists the conflicts.
///
/// # Errors
/// An error if a side or the state cannot be read.
pub fn conflicts(context: &Context, args: Look, terminal: Terminal) -> Result<Answer, Failure> {
    let report = context.ask(desk::Conflicts {
        fresh: args.fresh.fresh,
    })?;
    let exit = Found::shown(&report.incomplete);
    if args.json.json {
        return Answer::json(&report, exit);
    }
    let mut page = Page::new(terminal);
    age::show(&mut page, context, report.read)?;
    plan::unread(&mut page, &report.incomplete);
    page.gap();
    if report.conflicts.is_empty() && !report.incomplete.is_empty() {
        page.line("No conflict was found among those who were read.");
    } else if report.conflicts.is_empty() {
        page.line("There are no conflicts.");
    } else {
        let number = report.conflicts.len();
        page.line(format!("{}.", count(number, "conflict", "conflicts")));
    }
    let is_gone = |conflict: &&Conflict| conflict.kind == ConflictKind::UserGone;
    let (mut gone, mut each): (Vec<&Conflict>, _) = report.conflicts.iter().partition(is_gone);
    if gone.len() <= FEW {
        each.append(&mut gone);
    }
    for (number, conflict) in (1..).zip(&each) {
        show_conflict(&mut page, number, conflict);
    }
    all_gone(&mut page, each.len() + 1, &gone);
    if report.adoptions > 0 {
        page.gap();
        page.line(format!(
            "{} for a person:",
            match report.adoptions {
                1 => "1 adoption is no conflict, and waits".to_owned(),
                n => format!("{n} adoptions are no conflicts, and wait"),
            }
        ));
        page.command(2, "mattersync approve");
    }
    Ok(Answer::page(&page, exit))
}

/// Shows many users who no longer exist as one conflict, because they have one cause.
fn all_gone(page: &mut Page, number: usize, gone: &[&Conflict]) {
    if gone.is_empty() {
        return;
    }
    let names = gone.iter().flat_map(|conflict| &conflict.parties);
    let names = names.filter_map(|party| match party {
        Party::Account(account) => Some(account.username.as_str()),
        _ => None,
    });
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.truncate(FEW);
    page.title(format!(
        "{number}. {} linked users no longer exist",
        gone.len()
    ));
    page.line(format!(
        "   {} and {} more; `mattersync conflicts --json` lists all",
        names.join(", "),
        gone.len().saturating_sub(names.len())
    ));
    page.gap();
    page.line(
        "  if this is another Mattermost than before, or an older copy of its database was put \
         back: correct the address in [mattermost], or restore the database",
    );
    page.line("  for each whose user was deleted for good, so that a new user is made:");
    page.command(6, "mattersync unlink ACCOUNT");
}

fn heading(kind: ConflictKind) -> &'static str {
    match kind {
        ConflictKind::Stranger => {
            "A user whom mattersync neither created nor adopted is in the way"
        }
        ConflictKind::DeactivatedStranger => {
            "A deactivated user whom mattersync neither created nor adopted is in the way"
        }
        ConflictKind::DuplicateInDirectory => "Twice in the directory",
        ConflictKind::TwoAccountsOneUser => "Two accounts claim one user",
        ConflictKind::Swap => "Two people want each other's address",
        ConflictKind::UserGone => "The linked user no longer exists",
        ConflictKind::Unlinked => "Unlinked by a person, without a further decision",
        ConflictKind::SamePerson => "Looks like the same person",
    }
}

fn show_conflict(page: &mut Page, number: usize, conflict: &Conflict) {
    page.title(format!("{number}. {}", heading(conflict.kind)));
    for what in &conflict.what {
        page.line(format!("   {what}"));
    }
    page.gap();
    for party in &conflict.parties {
        match party {
            // Two entries may differ in nothing but the DN.
            Party::Account(account) if conflict.kind.is_within_directory() => {
                people::account(page, "  Account", account);
            }
            Party::Account(account) => people::short_account(page, "  Account", account),
            Party::User(user, has) => {
                people::user(page, "  User", user);
                if !has.is_empty() {
                    page.line(format!("            has {}", has.join(" and ")));
                }
            }
            Party::Entry(entry) => {
                page.line(format!("{:<12}{}", "  Entry", entry.dn));
                page.line(format!("            {}", entry.why));
            }
            Party::Gone(id) => page.line(format!("{:<12}gone, id {id}", "  User")),
        }
    }
    page.gap();
    for way in &conflict.ways {
        match way.command.as_slice() {
            [] => page.line(format!("  {}", way.when)),
            words => {
                page.line(format!("  {}:", way.when));
                page.command(6, people::command(words));
            }
        }
    }
}

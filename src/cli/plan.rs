//! `mattersync plan`: shows what would be done, and why.

use std::path::Path;

use crate::cycle::{another, unseen};
use crate::daemon::{ConfigReport, FileNow};
use crate::desk::ShowPlan;
use crate::model::{HoldCause, Part, Seats, Step, Unread, Why};
use crate::observe::PlanFacts;
use crate::plan::hold_name;

use super::answer::Answer;
use super::args;
use super::context::{Context, service_of};
use super::exit::{Exit, Failure, Found};
use super::left;
use super::print::{Page, Terminal, count, write_err};
use super::status::configuration;
use super::steps::{self, Extent, Tense};

/// Makes a plan, and shows it. The service plans with the configuration that is in force; the file
/// as it is now is planned with here.
///
/// # Errors
/// An error if a side or the state cannot be read.
pub fn plan(config: &Path, args: &args::Plan, terminal: Terminal) -> Result<Answer, Failure> {
    let context = match args.edited {
        true => Context::here(config)?,
        false => Context::open(config)?,
    };
    let edited = context.edited()?;
    let report = context.ask(ShowPlan {
        read_only: !context.is_served(),
    })?;
    let exit = exit_of(&report);
    let show = args.show;
    if show.json.json {
        say_edited(edited.as_ref());
        return Answer::json(&report, exit);
    }
    let mut page = Page::new(terminal);
    if let Some(edited) = &edited {
        planned_with(&mut page, edited);
    }
    page_of(&mut page, &report, show.all);
    if args.edited && service_of(config, None).is_some() {
        page.gap();
        page.line("This is for the file as it is now. To take it into use:");
        page.command(2, "systemctl reload mattersync");
    } else {
        next(&mut page, &report);
    }
    Ok(Answer::page(&page, exit))
}

/// Says which configuration a plan was made with.
fn planned_with(page: &mut Page, edited: &ConfigReport) {
    configuration(page, edited);
    page.line("            This plan is made with what is in force, not with the file.");
    if matches!(edited.file, FileNow::Changed { .. }) {
        page.line("            What the file would do:");
        page.command(12, "mattersync plan --edited");
    }
    page.gap();
}

/// Says on standard error that the work is done with what is in force, not with the file.
pub fn say_edited(edited: Option<&ConfigReport>) {
    if let Some(ConfigReport { read, file }) = edited
        && let FileNow::Changed { at } = file
    {
        write_err(&format!(
            "the configuration was changed on {at}, not in force: the service works with what it \
             read on {read}. To take the new one into use: `systemctl reload mattersync`"
        ));
    }
}

/// Returns the exit code for this plan. People who are left alone do not count, except for a fault
/// of the configuration because of which nobody can be created.
pub fn exit_of(report: &PlanFacts) -> Exit {
    Exit::from(found(report))
}

/// Returns what the exit code says of a plan.
pub fn found(report: &PlanFacts) -> Found {
    let mut left = report.plan.left_alone.iter();
    Found {
        incomplete: !report.incomplete.is_empty(),
        failed: left.any(|left| matches!(left.why, Why::PasswordRefused(_))),
        held: !report.plan.holds.is_empty() || !report.strangers.is_empty(),
    }
}

/// Shows everything that a plan says.
pub fn page_of(page: &mut Page, report: &PlanFacts, all: bool) {
    head(page, report);
    let released: Vec<&Step> = report.plan.released().collect();
    page.gap();
    page.line(match released.len() {
        0 => "Nothing would be changed.".to_owned(),
        n => {
            format!(
                "{} would be done; {} would be sent because of it",
                count(n, "step", "steps"),
                match report.mails {
                    0 => "no e-mail".to_owned(),
                    1 => "1 e-mail".to_owned(),
                    n => format!("{n} e-mails"),
                }
            ) + &match report.mails {
                0 => ".".to_owned(),
                _ => format!(": {}.", report.mails_about.words()),
            }
        }
    });
    steps::show(page, report, &released, Extent::of(all), Tense::Wanted);
    steps::show_holds(page, report, Extent::of(all));
    left::show(page, &report.plan, all);
}

/// Shows what was read, and what that proves.
pub fn head(page: &mut Page, report: &PlanFacts) {
    for (provider, directory) in &report.directories {
        page.line(format!(
            "Directory   {provider} ({}): {}, {}",
            directory.source,
            count(directory.accounts, "account", "accounts"),
            count(directory.groups, "group", "groups"),
        ));
    }
    let seats = match report.seats {
        Seats::Unlimited => String::new(),
        Seats::Limited { limit, active } => format!("; {active} of {limit} seats taken"),
        Seats::Unknown => "; how many more it takes is not known".to_owned(),
    };
    page.line(format!(
        "Mattermost  {}: {}, {} linked{seats}",
        report.version,
        count(report.users, "user", "users"),
        report.linked,
    ));
    if report.orphans > 0 {
        let users = count(report.orphans, "active user", "active users");
        page.line(format!(
            "            {users} without an account: `mattersync orphans`"
        ));
    }
    let unseen = unseen(&report.strangers);
    if !unseen.is_empty() {
        page.gap();
        for one in unseen {
            page.alarm(one);
        }
        page.line("`mattersync state check` says what to do.");
    }
    if let Some(says) = another(&report.made_elsewhere) {
        page.gap();
        page.alarm(says);
    }
    unread(page, &report.incomplete);
    let unseen = report.directories.values().filter(|d| d.state_unknown > 0);
    for directory in unseen {
        page.gap();
        page.alarm(format!(
            "FOR {} OF {} THE LOCK CANNOT BE SEEN:",
            directory.state_unknown,
            count(directory.accounts, "ACCOUNT", "ACCOUNTS"),
        ));
        let more = directory
            .state_unknown
            .saturating_sub(directory.some_unknown.len());
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        page.line(format!("  {}{more}", directory.some_unknown.join(", ")));
        page.line(
            "they are created and updated, but neither deactivated nor reactivated when somebody \
             locks or unlocks them. `mattersync check` says why.",
        );
    }
}

/// Shows first what could not be read, because everything else may be wrong because of it.
pub fn unread(page: &mut Page, unread: &[Unread]) {
    let mut list = |title: &str, of: fn(&Part) -> bool, then: &str| {
        let parts: Vec<&Unread> = unread.iter().filter(|one| of(&one.part)).collect();
        if parts.is_empty() {
            return;
        }
        page.gap();
        page.alarm(title);
        for one in parts {
            page.alarm(match &one.part {
                Part::Accounts => format!("  {}", one.why),
                _ => format!("  {one}"),
            });
        }
        page.line(then);
    };
    list(
        "THE READING OF THE DIRECTORY IS NOT COMPLETE:",
        Part::is_of_directory,
        "Nobody is deactivated, and nothing is emptied, because of what was not read.",
    );
    list(
        "THE READING OF MATTERMOST IS NOT COMPLETE:",
        |part| !part.is_of_directory(),
        "What was not read is left as it is; everything else goes on.",
    );
    if !unread.is_empty() {
        page.line("To see more:");
        page.command(2, "mattersync check");
    }
}

/// Shows what to type next.
fn next(page: &mut Page, report: &PlanFacts) {
    let plan = &report.plan;
    page.gap();
    let names: Vec<String> = plan
        .holds
        .iter()
        .filter(|h| !matches!(&h.cause, HoldCause::NewIds(new_ids) if !new_ids.is_possible()))
        .map(|h| hold_name(&h.key))
        .collect();
    let releases = plan.released().next().is_some();
    match (names.as_slice(), releases) {
        ([], false) => left::nothing_to_do(page, plan),
        ([], true) => {
            page.line("Next:");
            page.command(2, "mattersync sync");
        }
        (names, releases) => {
            steps::how_to_release(page, names);
            page.line(if releases {
                "Then do it, and the rest:"
            } else {
                "Then do it:"
            });
            page.command(2, "mattersync sync");
        }
    }
}

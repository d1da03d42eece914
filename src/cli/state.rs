//! `mattersync state`: compares the state file with Mattermost, or puts the last copy back.

use std::path::Path;

use crate::desk::{StateCheck, StateReport};
use crate::model::Timestamp;
use crate::state::{CopyFacts, look_at_copy, restore};

use super::answer::Answer;
use super::args::{Json, Restore};
use super::context::Context;
use super::exit::{Exit, Failure};
use super::print::{Page, Terminal, count};

/// Lists what is wrong, each finding with what to type.
///
/// # Errors
/// An error if the configuration cannot be used, or the work may not be done. A state file that
/// cannot be read is a finding.
pub fn check(config: &Path, json: Json, terminal: Terminal) -> Result<Answer, Failure> {
    let context = Context::open(config)?;
    let report = match context.ask(StateCheck {}) {
        Ok(report) => report,
        Err(failure) if failure.exit == Exit::STATE => StateReport::unreadable(failure.message),
        Err(failure) => return Err(failure),
    };
    let exit = if report.findings.is_empty() {
        Exit::DONE
    } else {
        Exit::FAILED
    };
    if json.json {
        return Answer::json(&report, exit);
    }
    let mut page = Page::new(terminal);
    if let Some(line) = what_was_read(&report) {
        page.line(line);
    }
    if report.findings.is_empty() {
        page.line("Nothing is wrong.");
    }
    for finding in &report.findings {
        page.gap();
        let subject = match finding.subject.as_str() {
            "" => String::new(),
            subject => format!("{subject}: "),
        };
        page.alarm(format!("{subject}{}", finding.what));
        page.line(format!("    {}", finding.instead));
    }
    Ok(Answer::page(&page, exit))
}

/// Says what the state file and Mattermost hold, as far as they could be read.
fn what_was_read(report: &StateReport) -> Option<String> {
    let links = report.links.map(|n| count(n, "link", "links"));
    let users = report
        .users
        .map(|n| format!("{} on Mattermost", count(n, "user", "users")));
    let run = report.last_run.map(|run| match run {
        0 => "no run yet".to_owned(),
        run => format!("the last run was number {run}"),
    });
    let counts: Vec<String> = links.into_iter().chain(users).collect();
    let parts: Vec<String> = [counts.join(", ")]
        .into_iter()
        .filter(|counts| !counts.is_empty())
        .chain(run)
        .collect();
    (!parts.is_empty()).then(|| format!("{}.", parts.join("; ")))
}

/// Puts the last copy in the place of the state file, or says what that would mean.
///
/// # Errors
/// An error while the service or another command runs, if there is no usable copy, or if the disk
/// fails.
pub fn put_back(config: &Path, args: Restore, terminal: Terminal) -> Result<Answer, Failure> {
    let context = Context::open(config)?;
    if context.is_served() {
        return Err(Failure::new(
            Exit::BUSY,
            "the service has the state file open: type `systemctl stop mattersync`, and this again",
        ));
    }
    context.own(true)?;
    let directory = &context.settings()?.state_directory;
    let facts = look_at_copy(directory)?;
    let mut page = Page::new(terminal);
    describe(&mut page, &facts);
    page.gap();
    if !args.yes {
        page.line("Nothing was changed. To put the copy in the place of the state file:");
        page.command(2, "mattersync state restore --yes");
        return Ok(Answer::page(&page, Exit::FAILED));
    }
    let aside = restore(directory)?;
    page.line("The copy is the state file now.");
    if let Some(aside) = aside {
        page.line(format!("The old one is kept as {}.", aside.display()));
    }
    page.line(
        "Users who were created since the copy wait as adoptions; creations, and steps that take \
         something away, are held until you approve them.",
    );
    page.line("Next, compare it with Mattermost, and see what would be done:");
    page.command(2, "mattersync state check");
    page.command(2, "mattersync plan");
    page.line("Then, if it is right, let it be done:");
    page.command(2, "mattersync approve restored");
    Ok(Answer::page(&page, Exit::DONE))
}

fn describe(page: &mut Page, facts: &CopyFacts) {
    match &facts.damage {
        None => page.line("The state file: nothing is wrong with it."),
        Some(damage) => page.alarm(format!("The state file: {damage}")),
    }
    let now = Timestamp(jiff::Timestamp::now().as_millisecond());
    let minutes = usize::try_from(now.since(facts.made).as_secs() / 60).unwrap_or(usize::MAX);
    let ago = match minutes {
        0..120 => count(minutes, "minute", "minutes"),
        _ => count(minutes / 60, "hour", "hours"),
    };
    let links = usize::try_from(facts.links).unwrap_or(usize::MAX);
    page.line(format!(
        "The copy: {}, made {} ({ago} ago), sound, {}, last run {}.",
        facts.path,
        facts.made,
        count(links, "link", "links"),
        facts.last_run,
    ));
    match facts.lacks {
        Some(0) => page.line(
            "No run is known to be missing from it. It lacks what people approved or ordered \
             since then, and since when people are missing.",
        ),
        Some(runs) => page.alarm(format!(
            "IT LACKS {}: what they did is not known to it.",
            count(usize::try_from(runs).unwrap_or(usize::MAX), "RUN", "RUNS")
        )),
        None => page.line("How many runs it lacks is not known."),
    }
}

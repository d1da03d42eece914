//! `mattersync sync`: does one cycle now, and shows the outcome.

use std::collections::{BTreeMap, BTreeSet};

use crate::desk::Sync;
use crate::model::{Action, Step, StepId};
use crate::observe::{CycleFacts, FirstPassword};
use crate::plan::{Sentence, hold_name};

use super::answer::Answer;
use super::args::Show;
use super::context::Context;
use super::exit::{Exit, Failure, Found};
use super::print::{Page, Terminal, count};
use super::steps::{self, Extent, Tense};
use super::{aftermath, left, plan};

/// Does one cycle, and shows the outcome.
///
/// # Errors
/// An error if the cycle could not be finished, or another mattersync is at work.
pub fn sync(context: &Context, show: Show, terminal: Terminal) -> Result<Answer, Failure> {
    plan::say_edited(context.edited()?.as_ref());
    let report = context.ask(Sync {})?;
    let exit = exit_of(&report);
    if show.json.json {
        return Answer::json(&report, exit);
    }
    let mut page = Page::new(terminal);
    show_cycle(&mut page, &report, show.all);
    Ok(Answer::page(&page, exit))
}

/// Shows everything about a cycle.
pub fn show_cycle(page: &mut Page, report: &CycleFacts, all: bool) {
    plan::head(page, &report.plan);
    done(page, report, Extent::of(all));
    failures(page, report);
    aftermath::show(page, &report.aftermath);
    if let Some(password) = report.first_password {
        first_password(page, password);
    }
    steps::show_holds(page, &report.plan, Extent::of(all));
    left::show(page, &report.plan.plan, all);
    last_words(page, report);
}

/// Returns the exit code for this cycle.
pub fn exit_of(report: &CycleFacts) -> Exit {
    let planned = plan::found(&report.plan);
    Exit::from(Found {
        failed: planned.failed || !report.is_clean(),
        ..planned
    })
}

/// Shows what was changed.
pub fn done(page: &mut Page, report: &CycleFacts, extent: Extent) {
    let number: usize = report.done.values().sum();
    page.gap();
    if number == 0 {
        page.line("Nothing was changed.");
        return;
    }
    let mails = match report.mails.sum() {
        0 => String::new(),
        1 => format!(
            " 1 e-mail was sent because of it: {}.",
            report.mails.words()
        ),
        n => format!(
            " {n} e-mails were sent because of it: {}.",
            report.mails.words()
        ),
    };
    page.line(format!(
        "{} done.{mails}",
        count(number, "step was", "steps were")
    ));
    if report.stopped.is_some() {
        // The steps that had not been begun are not listed here; the state file has them.
        for (kind, number) in &report.done {
            page.line(format!("  {}", steps::heading(*kind, *number, Tense::Done)));
        }
        return;
    }
    let other = report.not_done.iter().chain(&report.unknown);
    let other = other.map(|(id, _)| id).chain(&report.waiting);
    let other: BTreeSet<StepId> = other.copied().collect();
    let done: Vec<&Step> = report
        .plan
        .plan
        .released()
        .filter(|step| !other.contains(&step.id))
        .collect();
    steps::show(page, &report.plan, &done, extent, Tense::Done);
}

/// Says how those log in who were created.
fn first_password(page: &mut Page, password: FirstPassword) {
    page.gap();
    page.line(match password {
        FirstPassword::Initial => {
            "The new users log in with mattermost.initial-password, which each should change at \
             once: whoever knows it can log in as all who did not."
        }
        FirstPassword::AskedFor => {
            "The new users have a random password that nobody knows, not that of the directory. To \
             log in, each clicks \"Forgot your password?\" on the login page of Mattermost and \
             chooses one by the e-mail that follows. Whether Mattermost can send e-mail:"
        }
    });
    if password == FirstPassword::AskedFor {
        page.command(2, "mattersync check");
    }
}

/// Shows every failure by name, with its reason.
pub fn failures(page: &mut Page, report: &CycleFacts) {
    let steps: BTreeMap<StepId, &Step> = report.plan.plan.steps.iter().map(|s| (s.id, s)).collect();
    let mut list = |title: String, failed: &[(StepId, String)]| {
        if failed.is_empty() {
            return;
        }
        page.gap();
        page.alarm(title);
        for (id, why) in failed {
            match steps.get(id) {
                Some(step) => page.line(format!("  {}", Sentence(step))),
                None => page.line(format!("  step {}", id.0)),
            }
            page.line(format!("      {why}"));
            if let Some(step) = steps.get(id) {
                let dn = step.subject.dn.iter();
                dn.for_each(|dn| page.line(format!("      {dn}")));
                page.line(format!("      {}", step.subject.ids()));
            }
        }
    };
    let number = count(report.not_done.len(), "STEP", "STEPS");
    list(format!("{number} NOT DONE:"), &report.not_done);
    let number = count(report.unknown.len(), "STEP", "STEPS");
    list(
        format!("{number} PERHAPS DONE (the next cycle looks):"),
        &report.unknown,
    );
    waiting(page, report, &steps);
    if let Some(why) = &report.stopped {
        page.gap();
        page.alarm(format!("THE RUN WAS STOPPED: {why}"));
        page.line("What was not begun is planned again by the next cycle.");
    }
}

/// Shows the people for whom the server has no seat.
fn waiting(page: &mut Page, report: &CycleFacts, steps: &BTreeMap<StepId, &Step>) {
    let people = report.waiting.iter().filter_map(|id| steps.get(id));
    let people = people.filter(|step| {
        matches!(
            step.action,
            Action::CreateUser { .. } | Action::Reactivate { .. }
        )
    });
    let people: Vec<String> = people.map(|step| step.subject.to_string()).collect();
    if people.is_empty() {
        return;
    }
    page.gap();
    page.line(format!(
        "{} for a seat: the server takes no more active users.",
        count(people.len(), "person waits", "people wait")
    ));
    for person in people {
        page.line(format!("  {person}"));
    }
}

fn last_words(page: &mut Page, report: &CycleFacts) {
    page.gap();
    let limited = match report.rate_limited {
        0 => String::new(),
        n => format!(", {n} refused for the server's rate limit and sent again"),
    };
    page.line(format!(
        "{} to Mattermost, {} of them changing something{limited}; {:.1} s.",
        count(
            usize::try_from(report.requests).unwrap_or(usize::MAX),
            "request",
            "requests"
        ),
        report.writes,
        report.seconds
    ));
    if !report.is_clean() {
        page.line("Next, to try again what was not done:");
        page.command(2, "mattersync sync");
    }
    let holds = &report.plan.plan.holds;
    if !holds.is_empty() {
        let names: Vec<String> = holds.iter().map(|hold| hold_name(&hold.key)).collect();
        steps::how_to_release(page, &names);
    }
}

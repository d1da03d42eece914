//! `mattersync approve`: lists what is held, or releases it.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::desk::{self, Approved, ShowPlan};
use crate::model::{HoldCause, Step, StepId, shell_word};
use crate::observe::{Adoption, PlanFacts};
use crate::plan::{hold_name, if_wrong};

use super::answer::Answer;
use super::args::Approve;
use super::context::Context;
use super::exit::{Exit, Failure, Found};
use super::new_ids;
use super::plan;
use super::print::{Page, Terminal, count};
use super::steps::{self, Extent, Tense, steps_of};

/// One hold, for programs.
#[derive(Serialize)]
struct Held<'a> {
    name: String,
    cause: &'a HoldCause,
    why: String,
    if_wrong: &'static str,
    steps: Vec<&'a Step>,
    adoptions: Vec<&'a Adoption>,
}

/// Lists what is held, or releases it.
///
/// # Errors
/// An error if nothing with that name is held, a side or the state cannot be read, or another
/// mattersync is at work.
pub fn approve(context: &Context, args: &Approve, terminal: Terminal) -> Result<Answer, Failure> {
    let mut page = Page::new(terminal);
    match &args.what {
        None => {
            let report = context.ask(ShowPlan { read_only: false })?;
            let exit = Found::shown(&report.incomplete);
            if args.json.json {
                return Answer::json(&held(&report), exit);
            }
            list(&mut page, &report);
            Ok(Answer::page(&page, exit))
        }
        Some(what) => {
            let approved = context.ask(desk::Approve {
                what: what.clone(),
                new_password: args.new_password,
            })?;
            let others = still_held(&approved, what);
            let exit = if approved.unseen.is_empty() && others.is_empty() {
                Exit::DONE
            } else {
                Exit::HELD
            };
            if args.json.json {
                return Answer::json(&approved, exit);
            }
            show_report(&mut page, &approved, &others, context.is_served());
            Ok(Answer::page(&page, exit))
        }
    }
}

fn held(report: &PlanFacts) -> Vec<Held<'_>> {
    let holds = report.plan.holds.iter();
    holds
        .map(|hold| Held {
            name: hold_name(&hold.key),
            cause: &hold.cause,
            why: hold.cause.to_string(),
            if_wrong: if_wrong(hold, &steps_of(report, hold)),
            steps: steps_of(report, hold),
            adoptions: report
                .adoptions
                .iter()
                .filter(|a| hold.steps.contains(&a.step))
                .collect(),
        })
        .collect()
}

fn list(page: &mut Page, report: &PlanFacts) {
    plan::unread(page, &report.incomplete);
    if report.plan.holds.is_empty() {
        page.line("Nothing is held.");
        return;
    }
    steps::show_holds(page, report, Extent::Whole);
    page.gap();
    page.line("An approval is for exactly these steps, and ends after 72 hours. To release:");
    for hold in &report.plan.holds {
        page.command(
            2,
            format!("mattersync approve {}", shell_word(&hold_name(&hold.key))),
        );
    }
    if report.plan.holds.iter().any(|hold| !hold.steps.is_empty()) {
        page.line("One person alone:");
        page.command(2, "mattersync approve USERNAME");
    }
    if !report.adoptions.is_empty() {
        page.line(
            "If somebody signed up in another person's name, they know the password and stay \
             logged in after the adoption, and the server does not show whether an address was ever \
             verified. For users whose origin you do not know, for new ones, and for those \
             who were never active, `mattersync approve USERNAME --new-password` also gives them a \
             random password and ends their sessions; the person then asks for another one with \
             \"Forgot your password?\". Access tokens stay.",
        );
    }
}

/// Returns the other holds that keep back what was released under this name.
fn still_held(approved: &Approved, what: &str) -> Vec<String> {
    let holds = &approved.plan.plan.holds;
    let is_named = |name: &str| name.eq_ignore_ascii_case(what);
    if !holds.iter().any(|h| is_named(&hold_name(&h.key))) {
        // A person's steps are released from every hold.
        return Vec::new();
    }
    let released: BTreeSet<&StepId> = approved.released.iter().collect();
    holds
        .iter()
        .filter(|h| h.steps.iter().any(|id| released.contains(id)))
        .map(|h| hold_name(&h.key))
        .filter(|name| !is_named(name))
        .collect()
}

fn show_report(page: &mut Page, approved: &Approved, others: &[String], served: bool) {
    let steps = &approved.plan.plan.steps;
    if let Some(given) = &approved.new_ids {
        new_ids::given(page, given);
        page.gap();
        next(page, served);
        return;
    }
    let of = |ids: &[StepId]| -> Vec<&Step> {
        let ids: BTreeSet<&StepId> = ids.iter().collect();
        steps.iter().filter(|s| ids.contains(&s.id)).collect()
    };
    let nothing = approved.released.is_empty();
    if nothing {
        let these = match approved.unseen.len() {
            1 => "this step",
            _ => "these steps",
        };
        page.alarm(format!(
            "NOTHING IS APPROVED YET: nobody has seen {these} before."
        ));
    } else {
        page.line(format!(
            "Approved until {}: {}.",
            approved.until,
            count(approved.released.len(), "step", "steps")
        ));
        let released = of(&approved.released);
        steps::show(
            page,
            &approved.plan,
            &released,
            Extent::Short,
            Tense::Wanted,
        );
    }
    if !approved.unseen.is_empty() {
        page.gap();
        if !nothing {
            page.alarm(format!(
                "{} SINCE THE LAST LOOK, NOT APPROVED:",
                count(approved.unseen.len(), "STEP CAME", "STEPS CAME")
            ));
        }
        let unseen = of(&approved.unseen);
        steps::show(page, &approved.plan, &unseen, Extent::Whole, Tense::Wanted);
        page.gap();
        page.line("To release these too, type the same command again: now they were shown.");
        page.line(
            "Approved steps do not count towards the limit: if it allows the rest without them, \
             the next cycle does that too.",
        );
    }
    for name in others {
        page.gap();
        page.alarm("These steps are held for another reason too. To release them from that:");
        page.command(2, format!("mattersync approve {}", shell_word(name)));
    }
    if !nothing {
        page.gap();
        next(page, served);
    }
}

fn next(page: &mut Page, served: bool) {
    page.line(match served {
        true => "The service does it in its next cycle. To have it done now:",
        false => "Next:",
    });
    page.command(2, "mattersync sync");
}

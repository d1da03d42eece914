//! `mattersync history`: lists the runs, one a line.

use jiff::Zoned;

use crate::desk::{self, HistoryReport, RunReport, StepReport};
use crate::model::{ActionKind, HeldBack, Noted, OutcomeKind};
use crate::state::RunState;

use super::answer::Answer;
use super::args::History;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::moment::moment;
use super::print::{Cell, Page, Terminal, count, few};
use super::steps::{Tense, heading};

/// How many runs are listed by default.
const LAST: u32 = 20;

/// Lists runs, or shows one.
///
/// # Errors
/// An error if the date cannot be read, the person is not known, or the state cannot be read.
pub fn history(context: &Context, args: &History, terminal: Terminal) -> Result<Answer, Failure> {
    let since = args.since.as_deref();
    let since = since.map(|text| moment(text, &Zoned::now())).transpose()?;
    let whole = args.json.json;
    let some = args.last.is_none() && since.is_none() && args.person.is_none() && !whole;
    let report = context.ask(desk::History {
        last: if some { Some(LAST) } else { args.last },
        since,
        person: args.person.clone(),
        whole,
    })?;
    if whole {
        return Answer::json(&report, Exit::DONE);
    }
    let mut page = Page::new(terminal);
    show_report(&mut page, &report);
    if some && report.runs.len() >= usize::try_from(LAST).unwrap_or(usize::MAX) {
        page.gap();
        page.line("These are the last ones. More:");
        page.command(2, "mattersync history --last 100");
    }
    Ok(Answer::page(&page, Exit::DONE))
}

fn show_report(page: &mut Page, report: &HistoryReport) {
    if report.runs.is_empty() {
        page.line("No run is recorded.");
    } else {
        let rows: Vec<Vec<Cell>> = report.runs.iter().map(row).collect();
        let head = [
            "RUN",
            "BEGAN",
            "KIND",
            "BY",
            "DONE",
            "NOT DONE",
            "APPROVED BY",
        ];
        page.table(&head, &rows);
    }
    if !report.events.is_empty() {
        page.title("Outside of runs");
        let most = usize::try_from(LAST).unwrap_or(usize::MAX);
        let older = report.events.len().saturating_sub(most);
        if older > 0 {
            page.line(format!(
                "  {older} more before these: `mattersync history --json`"
            ));
        }
        for event in report.events.iter().skip(older) {
            let when = event.at;
            page.line(match &event.what {
                Noted::Held(HeldBack { hold, why, steps }) => {
                    let steps = self::steps(usize::try_from(*steps).unwrap_or(usize::MAX));
                    format!("  {when}  held from then on: {hold}: {steps}: {why}")
                }
                Noted::HeldNoMore(HeldBack { hold, .. }) => {
                    format!("  {when}  no longer held: {hold}")
                }
                Noted::NewIds {
                    by,
                    from,
                    to,
                    accounts,
                } => format!(
                    "  {when}  {by} approved new ids: {} known by {to} instead of {from}",
                    count(*accounts, "account is", "accounts are")
                ),
                Noted::Forgotten { by } => {
                    format!("  {when}  one person was forgotten by {by}")
                }
                Noted::Aftermath(after) => {
                    format!("  {when}  {}: {}", after.name, after.numbers())
                }
            });
        }
    }
    if !report.runs.is_empty() {
        page.gap();
        page.line("One of them, step by step:");
        page.command(2, "mattersync history RUN");
    }
}

fn row(run: &RunReport) -> Vec<Cell> {
    let approvals = run.approvals.iter();
    let approvals: Vec<String> = approvals
        .map(|approval| format!("{} ({})", approval.by, approval.hold))
        .collect();
    vec![
        run.run.to_string().into(),
        run.began.to_string().into(),
        kind(run).into(),
        run.by.clone().unwrap_or_default().into(),
        done(run).into(),
        failures(run).into(),
        approvals.into(),
    ]
}

fn kind(run: &RunReport) -> String {
    let kind = run.kind.as_deref().unwrap_or("not recorded");
    let mut words = kind.to_owned();
    if run.readings.iter().any(|reading| !reading.proves_absence) {
        words.push_str(", reading not complete");
    }
    words.push_str(match run.state {
        RunState::Open => ", goes on",
        RunState::Finished => "",
        RunState::Abandoned => ", cut short",
    });
    words
}

/// Says what was done, a line for each kind; few people are named.
pub fn done(run: &RunReport) -> Vec<String> {
    let done = run
        .counts
        .iter()
        .filter(|count| count.outcome == OutcomeKind::Done);
    let mut lines: Vec<String> = done
        .map(|count| {
            let number = usize::try_from(count.number).unwrap_or(usize::MAX);
            let heading = heading(count.action, number, Tense::Done);
            match few(&names(run, count.action)) {
                Some(names) => format!("{heading} ({})", names.join(", ")),
                None => heading,
            }
        })
        .collect();
    if lines.is_empty() {
        lines.push("nothing".to_owned());
    }
    lines
}

/// Returns whom the done steps of a kind were about, as far as that was asked for.
fn names(run: &RunReport, kind: ActionKind) -> Vec<&str> {
    let done = |step: &&StepReport| step.action == kind && step.outcome == OutcomeKind::Done;
    match run.few.get(&kind) {
        Some(names) => names.iter().map(String::as_str).collect(),
        None => run
            .steps
            .iter()
            .filter(done)
            .map(|s| s.name.as_str())
            .collect(),
    }
}

/// Counts what was not done, by outcome; empty when everything was done.
pub fn failures(run: &RunReport) -> String {
    let number = |outcome: OutcomeKind| -> u64 {
        let counts = run.counts.iter().filter(|count| count.outcome == outcome);
        counts.map(|count| count.number).sum()
    };
    let words = [
        (OutcomeKind::NotDone, "failed"),
        (OutcomeKind::Unknown, "unknown"),
        (OutcomeKind::NotBegun, "not begun"),
    ];
    let mut parts: Vec<String> = words
        .iter()
        .map(|(outcome, word)| (number(*outcome), word))
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    // Older runs did not record the number of held steps: the largest hold is a lower limit.
    let most = || run.held.iter().map(|held| held.steps).max().unwrap_or(0);
    let held = run.held_steps.unwrap_or_else(most);
    if held > 0 {
        parts.push(format!("{held} held"));
    }
    parts.join(", ")
}

/// Returns a number of steps as text.
pub fn steps(number: usize) -> String {
    count(number, "step", "steps")
}

#[cfg(test)]
mod tests {
    use crate::model::{About, RunId, Timestamp};
    use crate::state::{RunHead, StepCount};

    use super::*;

    fn run() -> RunReport {
        let held = |hold: &str| HeldBack {
            hold: hold.to_owned(),
            why: String::new(),
            steps: 6,
        };
        let count = |outcome, number| StepCount {
            action: ActionKind::Update,
            outcome,
            number,
        };
        let about = About {
            held: vec![held("missing"), held("configuration:company")],
            held_steps: Some(6),
            ..About::default()
        };
        let head = RunHead {
            id: RunId(1),
            began: Timestamp(0),
            ended: None,
            state: RunState::Abandoned,
            config: String::new(),
            about: Some(about),
            counts: vec![
                count(OutcomeKind::NotBegun, 31),
                count(OutcomeKind::NotDone, 1),
            ],
            mails: 0,
        };
        RunReport::of_head(head)
    }

    #[test]
    fn a_step_that_two_hold_is_one_and_one_whose_turn_never_came_did_not_fail() {
        assert_eq!(failures(&run()), "1 failed, 31 not begun, 6 held");
        let old = RunReport {
            held_steps: None,
            ..run()
        };
        assert_eq!(failures(&old), "1 failed, 31 not begun, 6 held");
    }
}

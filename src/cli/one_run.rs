//! `mattersync history RUN`: shows one run step by step.

use std::collections::BTreeMap;

use crate::desk::{self, Change, NoteReport, RunReport, StepReport};
use crate::model::{Noted, RunId, shell_word};
use crate::state::RunState;

use super::aftermath;
use super::answer::Answer;
use super::args::Json;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::history::{done, failures, steps};
use super::print::{Cell, Page, Terminal, count};

/// Shows a run.
///
/// # Errors
/// An error if there is no run with that number, or the state cannot be read.
pub fn show(
    context: &Context,
    run: RunId,
    json: Json,
    terminal: Terminal,
) -> Result<Answer, Failure> {
    let report = context.ask(desk::ShowRun { run })?;
    if json.json {
        return Answer::json(&report, Exit::DONE);
    }
    let mut page = Page::new(terminal);
    head(&mut page, &report);
    list(&mut page, &report);
    notes(&mut page, &report.notes);
    undo(&mut page, &report);
    Ok(Answer::page(&page, Exit::DONE))
}

fn head(page: &mut Page, run: &RunReport) {
    let kind = run.kind.as_deref().unwrap_or("kind not recorded");
    let by = run.by.as_ref().map(|by| format!(", by {by}"));
    let ended = match (&run.ended, run.state) {
        (Some(ended), _) => format!("ended {ended}"),
        (None, RunState::Open) => "goes on".to_owned(),
        (None, _) => "cut short: its process died".to_owned(),
    };
    page.line(format!(
        "Run {}, {kind}{}: began {}, {ended}",
        run.run,
        by.unwrap_or_default(),
        run.began
    ));
    let program = run.program.as_ref();
    page.line(format!(
        "Configuration   {}{}",
        run.configuration,
        program
            .map(|version| format!(", mattersync {version}"))
            .unwrap_or_default()
    ));
    for reading in &run.readings {
        page.line(format!(
            "Directory       {} at {}: {}, {}; {}{}",
            reading.provider,
            reading.source,
            count(whole(reading.accounts), "account", "accounts"),
            count(whole(reading.groups), "group", "groups"),
            if reading.proves_absence {
                "complete: who is not in it is not there"
            } else {
                "NOT COMPLETE"
            },
            reading
                .server
                .as_ref()
                .map(|server| format!(" ({server})"))
                .unwrap_or_default()
        ));
        for gap in &reading.gaps {
            page.alarm(format!("                {gap}"));
        }
    }
    if let Some(mattermost) = &run.mattermost {
        if run.readings.is_empty() {
            page.line("Directory       not read: the run needed nothing of it");
        }
        page.line(format!(
            "Mattermost      {}: {}, {} linked",
            mattermost.version,
            count(whole(mattermost.users), "user", "users"),
            mattermost.linked
        ));
    }
    for approval in &run.approvals {
        page.line(format!(
            "Approved        {} by {}, {}: {}",
            approval.hold,
            approval.by,
            approval.at,
            steps(approval.steps.len())
        ));
    }
    let mut label = "Done";
    for done in done(run) {
        page.line(format!("{label:<16}{done}"));
        label = "";
    }
    let failures = failures(run);
    if !failures.is_empty() {
        page.line(format!("Not done        {failures}"));
    }
    for held in &run.held {
        let name = &held.hold;
        page.line(format!(
            "Held            {name}: {}: {}",
            steps(whole(held.steps)),
            held.why
        ));
    }
    if !run.left_alone.is_empty() {
        let kinds = run.left_alone.iter();
        let words = |(kind, n): (&String, &u64)| format!("{n} {}", kind.replace('-', " "));
        let kinds: Vec<String> = kinds.map(words).collect();
        page.line(format!("Left alone      {}", kinds.join(", ")));
    }
    if run.mails > 0 {
        page.line(format!(
            "E-mails         {} caused on Mattermost",
            run.mails
        ));
    }
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn list(page: &mut Page, run: &RunReport) {
    if run.steps.is_empty() {
        page.gap();
        page.line("It had no steps, or what they were about was forgotten.");
        return;
    }
    page.title("Step by step");
    let rows: Vec<Vec<Cell>> = run.steps.iter().map(row).collect();
    let head = ["NAME", "STEP", "CHANGED", "OUTCOME", "WHY", "NUMBER"];
    page.table(&head, &rows);
}

fn row(step: &StepReport) -> Vec<Cell> {
    let changes: Vec<String> = step.changes.iter().map(change).collect();
    let mut outcome = vec![step.outcome.name().to_owned()];
    if let Some(settled) = &step.settled {
        outcome.push(settled.to_string());
    }
    let mut why = vec![step.reason.clone()];
    why.extend(step.message.clone());
    vec![
        step.name.clone().into(),
        step.action.name().to_owned().into(),
        changes.into(),
        outcome.into(),
        why.into(),
        step.number.0.to_string().into(),
    ]
}

fn change(change: &Change) -> String {
    let Change {
        what,
        before,
        after,
    } = change;
    match (before.as_str(), after.as_str()) {
        ("", after) => format!("{what}: {after}"),
        (before, "") => format!("{what}: no longer {before}"),
        (before, after) => format!("{what}: {before} → {after}"),
    }
}

fn notes(page: &mut Page, notes: &[NoteReport]) {
    let after = notes.iter().filter_map(|note| match &note.what {
        Noted::Aftermath(after) => Some(after.clone()),
        Noted::Held(_) | Noted::HeldNoMore(_) | Noted::Forgotten { .. } | Noted::NewIds { .. } => {
            None
        }
    });
    page.gap();
    aftermath::show(page, &after.collect::<Vec<_>>());
}

fn undo(page: &mut Page, run: &RunReport) {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for step in &run.steps {
        if let Some(why) = &step.not_undone_because {
            reasons.entry(why).or_default().push(&step.name);
        }
    }
    let able = run.steps.iter().filter(|step| step.can_be_undone).count();
    if able == 0 && reasons.is_empty() {
        return;
    }
    page.title("Can it be taken back?");
    if able > 0 {
        page.line(format!(
            "  {}, where nobody changed anything since. To see what that would do:",
            steps(able)
        ));
        let undo = format!("mattersync undo {}", shell_word(&run.run.to_string()));
        page.command(2, undo);
    }
    for (why, names) in reasons {
        page.line(format!("  not {}: {why}", names.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::Timestamp;

    use super::*;

    #[test]
    fn what_a_leaver_leaves_alive_reads_as_it_did_after_the_run() {
        let after = json!({
            "user": "u", "name": "ada", "account": null, "fate": "left",
            "belongings": [{
                "kind": "token", "id": "t", "owner": "u", "name": "backup", "active": true,
                "state": "refused until its owner returns", "to_type": "mmctl token revoke t",
            }],
        });
        let mut page = Page::new(Terminal::default());
        let note = NoteReport {
            at: Timestamp(0),
            account: None,
            user: Some("u".into()),
            what: Noted::Aftermath(serde_json::from_value(after).unwrap()),
        };
        notes(&mut page, &[note]);
        let text = page.text();
        assert!(
            text.starts_with("What goes on working for those who left:\n  ada\n"),
            "{text}"
        );
        assert!(text.contains("\n        mmctl token revoke t\n"), "{text}");
    }
}

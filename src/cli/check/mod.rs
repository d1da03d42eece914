//! `mattersync check`: checks whether everything is as it should be. Changes nothing.
//!
//! `branch` finds what would end mattersync's own work, `local` checks this machine, `directory`
//! and `server` check the two sides, and `people` checks each account as Mattermost would see it.

mod branch;
mod directory;
mod findings;
mod local;
mod mail;
mod people;
mod server;

use std::path::Path;

use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::cycle::{former_ids, known};
use crate::daemon::StatusReport;
use crate::model::{Directories, Memory};
use crate::provider::Ask;

use super::answer::Answer;
use super::args::Json;
use super::context::{Context, service_of};
use super::exit::{Exit, Failure, Found};
use super::print::{Page, Terminal, count};

use findings::{Attribute, Findings, Mark};

/// Checks everything, and shows the findings.
///
/// # Errors
/// An error if the configuration cannot be used, or this machine does not allow the checks.
pub fn check(config: &Path, json: Json, terminal: Terminal) -> Result<Answer, Failure> {
    let context = match Context::here(config) {
        Ok(context) => context,
        Err(failure) => {
            return Err(match service_of(config, None) {
                Some((_, status)) => failure
                    .and(still_runs(&status))
                    .and("      mattersync check"),
                None => failure,
            });
        }
    };
    let service = service_of(config, None);
    let own = context.own(false)?;
    let mut findings = Findings::default();
    let settings = context.settings()?;
    let status = service.map(|(_, status)| status);
    let memory = local::check(&mut findings, &context, (settings, status), &own, config);
    context.wait(sides(&mut findings, &context, settings, &memory))?;
    let exit = Exit::from(Found {
        incomplete: findings.incomplete,
        failed: findings.problems() > 0,
        held: findings.held,
    });
    if json.json {
        return Answer::json(&findings, exit);
    }
    let mut page = Page::new(terminal);
    show_report(&mut page, &findings);
    Ok(Answer::page(&page, exit))
}

/// Says that the service runs all the same.
fn still_runs(status: &StatusReport) -> String {
    let read = status.config_file.as_ref();
    let read = read.map_or_else(String::new, |config| {
        format!(" that it read on {}", config.read)
    });
    format!(
        "    The service still runs, with the configuration{read}. It will not start again with \
         this file: correct it, then type:"
    )
}

async fn sides(findings: &mut Findings, context: &Context, settings: &Settings, memory: &Memory) {
    let now = SystemClock::new().now();
    context.progress.show(crate::daemon::Phase::Reading, &[]);
    let mut directories = Directories::new();
    for provider in &settings.providers {
        let former_ids = former_ids(memory, provider);
        let known = known(memory, &provider.name, former_ids.is_some());
        let ask = Ask {
            former_ids,
            ..Ask::about(known, now.clone())
        };
        let read = directory::check(findings, provider, &settings.policy, ask).await;
        directories.extend(read.map(|directory| (provider.name.clone(), directory)));
    }
    let known = server::check(findings, settings, &directories, memory).await;
    context.progress.clear();
    let restricted = known.map(|facts| facts.restrict_to_domains);
    for provider in &settings.providers {
        if let Some(directory) = directories.get(&provider.name) {
            people::check(findings, directory, restricted.as_deref());
            let shape = &directory.shape;
            findings.count_attributes(&provider.mapping, &shape.attributes, shape.accounts);
        }
    }
}

fn show_report(page: &mut Page, findings: &Findings) {
    for finding in &findings.findings {
        let mut label = format!("{:<9}{:<15}", finding.mark.word(), finding.about);
        for line in finding.says.lines() {
            let line = format!("{label}{}", line.trim_start());
            if finding.mark == Mark::Problem {
                page.alarm(line);
            } else {
                page.line(line);
            }
            label = " ".repeat(24);
        }
    }
    if !findings.attributes.is_empty() {
        page.title("How many accounts have each attribute of the mapping");
        let row = |a: &Attribute| vec![a.name.clone(), format!("{} of {}", a.have, a.of)];
        let rows: Vec<_> = findings.attributes.iter().map(row).collect();
        page.table(&["ATTRIBUTE", "HAVE IT"], &rows);
    }
    page.gap();
    match findings.problems() {
        0 if findings.held => {
            page.line("No problem was found, but something waits for a person. Next:");
            page.command(2, "mattersync approve");
        }
        0 => {
            page.line("No problem was found. Next:");
            page.command(2, "mattersync plan");
        }
        n => {
            page.alarm(format!(
                "{} found. Mend what is marked PROBLEM, and look again:",
                count(n, "problem was", "problems were")
            ));
            page.command(2, "mattersync check");
        }
    }
}

//! `mattersync check`: is everything as it should be? Changes nothing.
//!
//! `branch` looks for what would end our own work, `local` looks at this machine, `directory` and `server` at the two sides, `people` at what the
//! directory says of each account as Mattermost would see it.

mod branch;
mod directory;
mod local;
mod people;
mod server;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::clock::{Clock, SystemClock};
use crate::config::Mapping;
use crate::cycle::known;
use crate::model::{Memory, printable};
use crate::provider::mapping::person_attributes;

use super::Answer;
use super::args::Json;
use super::context::Context;
use super::exit::{Exit, Failure, Found};
use super::print::{Page, Terminal, count};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Mark {
    /// As it should be.
    Ok,
    /// To be known; nothing needs to be done.
    Note,
    /// To be mended.
    Problem,
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Problem => "PROBLEM",
        }
    }
}

/// One line of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    mark: Mark,
    about: &'static str,
    says: String,
}

/// How many accounts have one attribute of the mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Attribute {
    name: String,
    have: usize,
    of: usize,
}

/// Everything that was found.
#[derive(Clone, Debug, Default, Serialize)]
struct Findings {
    findings: Vec<Finding>,
    attributes: Vec<Attribute>,
    /// Whether a side could be read only in part. Other problems may come from that alone.
    incomplete: bool,
    /// Whether something is held since the last cycle.
    held: bool,
}

impl Findings {
    fn add(&mut self, mark: Mark, about: &'static str, says: impl Into<String>) {
        self.findings.push(Finding {
            mark,
            about,
            says: printable(&says.into()),
        });
    }

    fn ok(&mut self, about: &'static str, says: impl Into<String>) {
        self.add(Mark::Ok, about, says);
    }

    fn note(&mut self, about: &'static str, says: impl Into<String>) {
        self.add(Mark::Note, about, says);
    }

    fn problem(&mut self, about: &'static str, says: impl Into<String>) {
        self.add(Mark::Problem, about, says);
    }

    /// A problem because of which a part of a side is not known.
    fn unread(&mut self, about: &'static str, says: impl Into<String>) {
        self.incomplete = true;
        self.problem(about, says);
    }

    /// A problem, and on a line of its own what to do about it.
    fn problem_and(&mut self, about: &'static str, says: &str, remedy: &str) {
        self.findings.push(Finding {
            mark: Mark::Problem,
            about,
            says: format!("{}\n{}", printable(says), printable(remedy)),
        });
    }

    fn problems(&self) -> usize {
        let problems = self.findings.iter();
        problems.filter(|f| f.mark == Mark::Problem).count()
    }

    fn count_attributes(&mut self, mapping: &Mapping, have: &BTreeMap<String, usize>, of: usize) {
        let of_each = person_attributes(mapping)
            .into_iter()
            .map(|name| Attribute {
                have: have.get(&name).copied().unwrap_or(0),
                name,
                of,
            });
        self.attributes.extend(of_each);
    }
}

/// Looks at everything, and tells.
///
/// # Errors
/// When the configuration cannot be used, or this machine does not let us look.
pub fn check(config: &Path, json: Json, terminal: Terminal) -> Result<Answer, Failure> {
    let context = Context::here(config)?;
    let own = context.own(false)?;
    let mut findings = Findings::default();
    let memory = local::check(&mut findings, &context, &own, config);
    context.wait(sides(&mut findings, &context, &memory))?;
    let exit = Exit::from(Found {
        incomplete: findings.incomplete,
        failed: findings.problems() > 0,
        held: findings.held,
    });
    if json.json {
        return Answer::json(&findings, exit);
    }
    let mut page = Page::new(terminal);
    tell(&mut page, &findings);
    Ok(Answer::page(&page, exit))
}

async fn sides(findings: &mut Findings, context: &Context, memory: &Memory) {
    let settings = &context.settings;
    let now = SystemClock::new().now();
    context.progress.show(crate::daemon::Phase::Reading, &[]);
    let linked = known(memory, &settings.provider.name);
    let directory =
        directory::check(findings, &settings.provider, &settings.policy, now, linked).await;
    let known = server::check(findings, settings, directory.as_ref(), memory).await;
    context.progress.clear();
    if let Some(directory) = &directory {
        let restricted = known.map(|facts| facts.restrict_to_domains);
        people::check(findings, directory, restricted.as_deref());
        let shape = &directory.shape;
        findings.count_attributes(
            &settings.provider.mapping,
            &shape.attributes,
            shape.accounts,
        );
    }
}

fn tell(page: &mut Page, findings: &Findings) {
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
        0 => page.line("No problem was found. Next: mattersync plan"),
        n => page.alarm(format!(
            "{} found.",
            count(n, "problem was", "problems were")
        )),
    }
}

/// Some names, and how many more there are.
fn some(names: &[String]) -> String {
    const FEW: usize = 5;
    let mut told = names
        .iter()
        .take(FEW)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > FEW {
        told.push_str(&format!(" and {} more", names.len() - FEW));
    }
    told
}

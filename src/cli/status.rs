//! `mattersync status`: how the service is.

use std::collections::BTreeMap;

use crate::cycle::{same_people, strangers, unseen};
use crate::daemon::{
    ConfigReport, FileNow, Health, LastCycle, LastRun, Listed, Phase, StatusReport,
};
use crate::desk::ShowPlan;
use crate::model::Timestamp;
use crate::plan::hold_name;
use crate::state::{Outcome, RunRecord};

use super::age::ago;
use super::answer::Answer;
use super::args::{Cli, Look};
use super::context::Context;
use super::exit::{Exit, Failure, Found};
use super::local::LocalWorker;
use super::print::{Page, Terminal, count};

/// What is counted, for people; the rest is for programs.
const COUNTS: [(&str, &str, &str); 8] = [
    ("links", "link", "links"),
    (
        "deactivated",
        "deactivated by mattersync",
        "deactivated by mattersync",
    ),
    ("absences", "missing", "missing"),
    ("waiting", "waiting for a seat", "waiting for a seat"),
    (
        "addresses-waiting",
        "address waiting for the person's click",
        "addresses waiting for their people's clicks",
    ),
    ("approvals", "approval", "approvals"),
    ("unsettled", "outcome unknown", "outcomes unknown"),
    ("runs", "run", "runs"),
];

/// Asks the service or, where none runs, the state file.
///
/// # Errors
/// When the service does not answer, or the state cannot be read.
pub fn status(
    context: &Context,
    args: Look,
    cli: &Cli,
    terminal: Terminal,
) -> Result<Answer, Failure> {
    let mut report = match &context.service {
        Some(service) => context.wait(service.status())??,
        None => {
            let own = context.own(false)?;
            context.wait(without_service(&own, cli))??
        }
    };
    if args.fresh.fresh {
        read_anew(context, &mut report)?;
    }
    let exit = exit_of(&report);
    if args.json.json {
        return Answer::json(&report, exit);
    }
    let mut page = Page::new(terminal);
    tell(&mut page, &report);
    Ok(Answer::page(&page, exit))
}

/// Puts what is read now in the place of what the last cycle read.
fn read_anew(context: &Context, report: &mut StatusReport) -> Result<(), Failure> {
    let began = std::time::Instant::now();
    let facts = context.ask(ShowPlan { read_only: true })?;
    let last = LastCycle {
        at: Timestamp(jiff::Timestamp::now().as_millisecond()),
        seconds: began.elapsed().as_secs_f64(),
        ..LastCycle::read(&facts)
    };
    if report.pid.is_some() && report.failures == 0 {
        report.health = last.health();
    }
    report.last = Some(last);
    report.read_anew = true;
    Ok(())
}

/// Returns the exit code for a status: by the last cycle, if cycles can be finished.
fn exit_of(report: &StatusReport) -> Exit {
    let read = report.last.as_ref().filter(|_| report.failures == 0);
    Exit::from(Found {
        incomplete: read.is_some_and(|last| !last.incomplete.is_empty()),
        failed: matches!(report.health, Health::Degraded(_)) || cannot_start_again(report),
        held: matches!(report.health, Health::Held(_)),
    })
}

/// Returns whether the service could not start again with the configuration file as it is.
fn cannot_start_again(report: &StatusReport) -> bool {
    let file = report.config_file.as_ref().map(|config| &config.file);
    matches!(file, Some(FileNow::Unusable { .. }))
}

/// Makes a status of the state file, where no service runs.
async fn without_service(own: &LocalWorker, cli: &Cli) -> Result<StatusReport, Failure> {
    let mut reasons = vec!["no service runs".to_owned()];
    let mut report = StatusReport {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        config: cli.config.display().to_string(),
        ..StatusReport::default()
    };
    match own.state()? {
        None => reasons.push("nothing was ever done with this state directory".to_owned()),
        Some(store) => {
            report.counts = store.counts().await?;
            report.last_run = store.runs(1).await?.first().map(summed_up);
            let memory = store.load().await?;
            match same_people(&memory, own.settings()) {
                Err(error) => reasons.push(error.to_string()),
                Ok(()) => {
                    let others = strangers(&memory, own.settings().provider_names());
                    reasons.extend(unseen(&others));
                }
            }
            for (key, hold) in memory.holds {
                let Some(steps) = hold.shown else { continue };
                report.shown.insert(hold_name(&key), steps.len());
            }
        }
    }
    report.health = Health::Degraded(reasons);
    Ok(report)
}

fn tell(page: &mut Page, report: &StatusReport) {
    page.line(match (report.pid, report.since) {
        (Some(pid), Some(since)) => format!(
            "mattersync {} runs since {since}, process {pid}, with {}",
            report.version, report.config
        ),
        (Some(pid), None) => format!(
            "mattersync {} runs, process {pid}, with {}",
            report.version, report.config
        ),
        (None, _) => format!("No service runs with {}", report.config),
    });
    if report.pid.is_some() {
        page.line(format!("Now         {}", phase(report)));
    }
    if let Some(config) = &report.config_file {
        configuration(page, config);
    }
    health(page, &report.health);
    if report.failures > 0 {
        page.alarm(format!(
            "            {} could not be finished",
            count(
                usize::try_from(report.failures).unwrap_or(usize::MAX),
                "cycle",
                "cycles in a row"
            )
        ));
    }
    held(page, &report.shown);
    if let Some(last) = &report.last {
        last_cycle(page, report, last);
    }
    if let Some(run) = &report.last_run {
        last_run(page, run);
    }
    let known = counts(&report.counts);
    if !known.is_empty() {
        page.line(format!("Remembered  {known}"));
    }
    next(page, report);
}

/// Shows that the service works with another configuration than the file has.
pub fn configuration(page: &mut Page, config: &ConfigReport) {
    let read = config.read;
    match &config.file {
        FileNow::InForce => {}
        FileNow::Changed { at } => {
            page.alarm(format!("Configuration changed on {at}, NOT IN FORCE."));
            page.line(format!(
                "            The service works with what it read on {read}. To take it into use:"
            ));
            page.command(12, "systemctl reload mattersync");
        }
        FileNow::Unusable { at, why } => {
            page.alarm(match at {
                Some(at) => format!("Configuration changed on {at}, and IT CANNOT BE USED:"),
                None => "Configuration IS GONE:".to_owned(),
            });
            for line in why.lines() {
                page.line(format!("            {line}"));
            }
            page.line(format!(
                "            The service still works with what it read on {read}, and will not start \
                 again."
            ));
            page.line("            Correct the file, then:");
            page.command(12, "mattersync check");
        }
    }
}

fn phase(report: &StatusReport) -> String {
    let doing = match (report.phase, report.next) {
        (Phase::Idle, Some(next)) => format!("idle, next cycle {next}"),
        (Phase::Idle, None) => "idle".to_owned(),
        (Phase::Reading, _) => "reading both sides".to_owned(),
        (Phase::Planning, _) => "planning".to_owned(),
        (Phase::Applying { settled, total }, _) => format!("applying: {settled} of {total} steps"),
        (Phase::Stopping, _) => "stopping".to_owned(),
    };
    if report.waits.is_empty() {
        return doing;
    }
    let waits: Vec<String> = report.waits.iter().map(ToString::to_string).collect();
    format!("{doing}: waiting for {}", waits.join(" and "))
}

fn health(page: &mut Page, health: &Health) {
    let (word, reasons) = match health {
        Health::Well => {
            page.line("Health      well");
            return;
        }
        Health::Held(what) => ("HELD", what),
        Health::Degraded(why) => ("DEGRADED", why),
    };
    let mut label = "Health      ";
    for reason in reasons {
        page.alarm(format!("{label}{word}: {reason}"));
        label = "            ";
    }
}

fn last_cycle(page: &mut Page, report: &StatusReport, last: &LastCycle) {
    let health = &report.health;
    let read = format!(
        "{}, {}",
        count(last.accounts, "account", "accounts"),
        count(last.users, "user", "users"),
    );
    page.line(match report.read_anew {
        true => format!(
            "Read now    in {:.1} s: {read}; {} left alone",
            last.seconds, last.left_alone
        ),
        false => format!(
            "Last cycle  {} ({}), in {:.1} s: {read}; {} changed, {} failed, {} left alone",
            last.at,
            ago(last.at),
            last.seconds,
            last.done,
            last.failed,
            last.left_alone
        ),
    });
    if last.orphans > 0 {
        let users = count(last.orphans, "active user", "active users");
        page.line(format!(
            "            {users} without an account: `mattersync orphans`"
        ));
    }
    // What the health says already is not said again.
    let said = match health {
        Health::Well => &[][..],
        Health::Held(words) | Health::Degraded(words) => words,
    };
    if !matches!(health, Health::Held(_)) {
        held(page, &last.held);
    }
    let unread = last.incomplete.iter().map(ToString::to_string);
    for unread in unread.filter(|unread| !said.contains(unread)) {
        page.alarm(format!("            {unread}"));
    }
    let heading = "reactivated by hand, though the account is locked or missing";
    listed(page, heading, &last.reactivated_by_hand);
    listed(page, "expiring within seven days", &last.expiring);
    if last.state_unknown > 0 {
        page.alarm(format!(
            "            for {} the lock cannot be seen",
            count(last.state_unknown, "account", "accounts")
        ));
    }
}

fn held(page: &mut Page, holds: &BTreeMap<String, usize>) {
    for (name, steps) in holds {
        let steps = count(*steps, "step", "steps");
        page.alarm(format!("            held: {name}: {steps}"));
    }
}

/// The most people of a kind who are named; `plan` names all.
const NAMED: usize = 10;

fn listed(page: &mut Page, heading: &str, listed: &[Listed]) {
    if listed.is_empty() {
        return;
    }
    page.line(format!("            {heading}:"));
    for Listed { who, what } in listed.iter().take(NAMED) {
        page.line(format!("              {who}: {what}"));
    }
    if listed.len() > NAMED {
        let rest = listed.len() - NAMED;
        page.line(format!("              and {rest} more: `mattersync plan`"));
    }
}

fn summed_up(run: &RunRecord) -> LastRun {
    let number = |wanted: fn(&Option<Outcome>) -> bool| {
        run.steps
            .iter()
            .filter(|step| wanted(&step.outcome))
            .count()
    };
    let done = number(|o| matches!(o, Some(Outcome::Done)));
    let failed = number(|o| match o {
        Some(Outcome::NotDone(_) | Outcome::Unknown(_)) => true,
        Some(Outcome::Done | Outcome::NotBegun | Outcome::NeverArrived(_)) | None => false,
    });
    LastRun {
        run: run.id.0,
        began: run.began,
        ended: run.ended,
        done,
        failed,
    }
}

fn last_run(page: &mut Page, run: &LastRun) {
    let ended = match run.ended {
        Some(ended) => format!("ended {ended}"),
        None => "never ended".to_owned(),
    };
    page.line(format!(
        "Last run    number {}, began {}, {ended}: {} done, {} failed or unknown",
        run.run,
        run.began,
        count(run.done, "step", "steps"),
        run.failed
    ));
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    let known: Vec<String> = COUNTS
        .iter()
        .filter_map(|(key, one, many)| {
            let number = usize::try_from(*counts.get(*key)?).unwrap_or(usize::MAX);
            (number > 0 || *key == "links").then(|| count(number, one, many))
        })
        .collect();
    known.join(", ")
}

fn next(page: &mut Page, report: &StatusReport) {
    let last = report.last.as_ref();
    let held = !report.shown.is_empty() || last.is_some_and(|last| !last.held.is_empty());
    page.gap();
    if held {
        page.line("Next, look at what is held:");
        page.command(2, "mattersync approve");
    }
    if report.pid.is_none() {
        page.line("To start the service, or to do one cycle by hand:");
        page.command(2, "systemctl start mattersync");
        page.command(2, "mattersync sync");
    } else if matches!(report.health, Health::Degraded(_)) {
        page.line("To look for the reason, and at what happened:");
        page.command(2, "mattersync check");
        page.command(2, "journalctl -u mattersync");
    }
}

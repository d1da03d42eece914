//! Checks this machine: configuration, secrets, state and service.

use std::collections::BTreeSet;
use std::path::Path;

use secrecy::ExposeSecret;

use crate::cli::context::Context;
use crate::cli::exit::Failure;
use crate::cli::local::LocalWorker;
use crate::cli::print::count;
use crate::cli::remote::Remote;
use crate::config::{MattermostAccess, SecretSource, Settings, Trust};
use crate::cycle::{same_people, still_held, strangers, unseen};
use crate::daemon::{ConfigReport, FileNow, StatusReport};
use crate::mattermost::is_usual_token;
use crate::model::{Memory, shell_word};
use crate::plan::Limit;

use super::findings::Findings;

/// Checks this machine. Returns what is remembered; `None` where that cannot be read.
pub(super) fn check(
    findings: &mut Findings,
    context: &Context,
    (settings, status): (&Settings, Option<StatusReport>),
    own: &LocalWorker,
    config: &Path,
) -> Memory {
    findings.ok("configuration", format!("{} can be used", config.display()));
    for warning in &context.warnings {
        findings.note("configuration", warning.to_string());
    }
    dangers(findings, settings);
    for (key, secret) in settings.secrets() {
        check_secret(findings, key, secret);
    }
    let memory = state(findings, context, settings, own);
    match Remote::find(&settings.control_socket, None) {
        Ok(_) if status.is_some() => {
            findings.ok("service", "it runs and listens");
            edited(findings, status);
        }
        Ok(Some(_)) => findings.ok("service", "it runs and listens"),
        Ok(None) => findings.note(
            "service",
            format!(
                "none listens at {}; once all is well: `systemctl enable --now mattersync`",
                settings.control_socket.display()
            ),
        ),
        Err(failure) => findings.note("service", failure.message),
    }
    memory.unwrap_or_default()
}

/// Says that the service works with an earlier content of the file.
fn edited(findings: &mut Findings, status: Option<StatusReport>) {
    let Some(ConfigReport { read, file }) = status.and_then(|status| status.config_file) else {
        return;
    };
    match file {
        FileNow::InForce => {}
        FileNow::Changed { at } => findings.note(
            "configuration",
            format!(
                "changed on {at}, not in force: the service works with what it read on {read}, and \
                 what stands here is about the file as it is now: `systemctl reload mattersync`"
            ),
        ),
        FileNow::Unusable { why, .. } => findings.problem(
            "configuration",
            format!(
                "the service cannot use the file as it is, and works with what it read on {read}: \
                 {why}"
            ),
        ),
    }
}

fn dangers(findings: &mut Findings, settings: &Settings) {
    if let MattermostAccess::Http { url, trust, .. } = &settings.mattermost.access
        && url.starts_with("https:")
        && *trust == Trust::DangerAny
    {
        findings.problem(
            "configuration",
            "mattermost: any certificate is accepted, so anybody in between can read the token: \
             set ca-file or certificate-sha256",
        );
    }
    let off: Vec<String> = settings
        .policy
        .guard
        .iter()
        .filter(|(_, limit)| **limit == Limit::Off)
        .map(|(class, _)| class.to_string())
        .collect();
    if !off.is_empty() {
        findings.note(
            "guard",
            format!(
                "there is no limit for {}: a mistake goes through",
                off.join(", ")
            ),
        );
    }
}

fn check_secret(findings: &mut Findings, key: &str, secret: &SecretSource) {
    match secret.load() {
        Ok((text, warnings)) => {
            if key == "mattermost.token" && !is_usual_token(text.expose_secret()) {
                findings.note(
                    "secrets",
                    format!(
                        "{key} does not look like a token: Mattermost's have 26 lower-case letters \
                         and digits, and nothing else"
                    ),
                );
            }
            for warning in &warnings {
                findings.note("secrets", format!("{key}: {warning}"));
            }
            if warnings.is_empty() {
                findings.ok(
                    "secrets",
                    format!("{key} can be read, and not by everybody"),
                );
            }
        }
        Err(error) => {
            findings.problem_and("secrets", &format!("{key}: {error}"), &error.remedy());
        }
    }
}

/// Reports what has waited for a person since the last cycle.
fn held(findings: &mut Findings, names: &BTreeSet<String>) {
    for name in names {
        findings.held = true;
        let typed = shell_word(name);
        findings.note(
            "holds",
            format!(
                "{name} is held since the last cycle: `mattersync approve` shows it, then \
                 `mattersync approve {typed}` releases it"
            ),
        );
    }
}

fn state(
    findings: &mut Findings,
    context: &Context,
    settings: &Settings,
    own: &LocalWorker,
) -> Option<Memory> {
    let directory = settings.state_directory.display();
    match own.state() {
        Ok(None) => findings.note(
            "state",
            format!("{directory}: nothing yet; the first sync makes it"),
        ),
        Ok(Some(store)) => {
            let load = context.wait(store.load());
            match load.and_then(|memory| memory.map_err(Failure::from)) {
                Ok(memory) => {
                    let links = count(memory.links().count(), "link", "links");
                    findings.ok("state", format!("{directory}: {links}"));
                    if let Err(error) = same_people(&memory, settings) {
                        findings.problem("state", error.to_string());
                    } else {
                        let others = strangers(&memory, settings.provider_names());
                        for other in unseen(&others) {
                            findings.problem("state", other);
                        }
                    }
                    let held_names = context.wait(still_held(&store));
                    match held_names.and_then(|names| names.map_err(Failure::from)) {
                        Ok(names) => held(findings, &names),
                        Err(failure) => findings.problem("state", failure.message),
                    }
                    return Some(memory);
                }
                Err(failure) => findings.problem("state", failure.message),
            }
        }
        Err(failure) => findings.problem("state", failure.message),
    }
    None
}

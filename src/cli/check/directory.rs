//! Checks the directory: who answers, what the filters find, whether locks can be seen.

use std::collections::BTreeMap;

use crate::cli::print::count;
use crate::config::{LdapUrl, ProviderKind, ProviderSettings};
use crate::model::{AccountState, Directory, Gap, Reading};
use crate::plan::Policy;
use crate::provider::ldap::{Inspection, LdapProvider, LdapServerFacts};
use crate::provider::{Ask, ProviderError, open};

use super::branch;
use super::findings::{Findings, Mark, some};

/// Reads the directory; `None` if it cannot be read.
pub(super) async fn check(
    findings: &mut Findings,
    settings: &ProviderSettings,
    policy: &Policy,
    ask: Ask,
) -> Option<Directory> {
    let directory = match &settings.kind {
        ProviderKind::Ldap(ldap) => {
            let mapping = settings.mapping.clone();
            let provider = LdapProvider::new(ldap.clone(), mapping, settings.sentinels.clone());
            match provider.inspect(ask).await {
                Ok(inspection) => servers(findings, inspection),
                Err(error) => {
                    findings.problem("directory", error.to_string());
                    None
                }
            }
        }
        ProviderKind::Ldif { .. } => {
            let mut provider = open(settings);
            let read = provider.read(&ask).await;
            let directory = read.map(|Reading::Full(directory)| directory);
            let directory = readable(findings, directory)?;
            for gap in directory.accounts.gaps() {
                findings.unread(
                    "directory",
                    format!("the reading is not complete, so nobody is deactivated: {gap}"),
                );
            }
            for gap in unread_groups(&directory) {
                findings.unread("directory", group_gap(gap));
            }
            Some(directory)
        }
    }?;
    what_was_found(findings, &directory);
    locks(findings, settings, &directory);
    seat_order(findings, policy, &directory);
    branch::bind(findings, settings, &directory);
    Some(directory)
}

/// Reports on each server and what to do about it. Returns the reading of the first one.
fn servers(findings: &mut Findings, inspection: Inspection) -> Option<Directory> {
    for (url, facts) in &inspection.servers {
        match facts {
            Ok(facts) => findings.ok("directory", server(url, facts)),
            Err(error) => findings.problem("directory", error.to_string()),
        }
    }
    let servers = inspection.servers.iter();
    let has_wrong_base = servers
        .filter_map(|(_, facts)| facts.as_ref().ok())
        .any(|facts| !facts.base_exists);
    let directory = match inspection.reading? {
        // What is wrong with the base is among the advice.
        Err(ProviderError::Search { .. }) if has_wrong_base => None,
        reading => readable(findings, reading),
    };
    // A directory without groups is usual.
    let harmless = group_gap(&Gap::Empty);
    for advice in inspection.advice {
        let mark = if advice == harmless {
            Mark::Note
        } else {
            Mark::Problem
        };
        findings.add(mark, "directory", advice);
    }
    findings.incomplete |= directory.as_ref().is_some_and(is_incomplete);
    directory
}

fn readable(findings: &mut Findings, read: Result<Directory, ProviderError>) -> Option<Directory> {
    read.map_err(|error| findings.problem("directory", error.to_string()))
        .ok()
}

fn server(url: &LdapUrl, facts: &LdapServerFacts) -> String {
    let mut parts = vec![match &facts.tls {
        Some(tls) => format!(
            "{}, certificate trusted (certificate-sha256 = \"{}\")",
            tls.version, tls.pin
        ),
        None => "without TLS".to_owned(),
    }];
    parts.push(match facts.bound_as.as_deref() {
        Some("") => "bound as nobody (anonymous)".to_owned(),
        Some(who) => format!("bound as {who}"),
        None => "bound".to_owned(),
    });
    if let (Some(last), Some(peer)) = (parts.last_mut(), &facts.peer) {
        last.push_str(&format!(" (the Unix user {peer})"));
    }
    parts.extend(facts.vendor.clone());
    format!("{url}: {}", parts.join("; "))
}

fn group_gap(gap: &Gap) -> String {
    format!("the groups are not complete: {gap}")
}

fn unread_groups(directory: &Directory) -> impl Iterator<Item = &Gap> {
    let gaps = directory.groups.gaps().iter();
    gaps.filter(|gap| !matches!(gap, Gap::NotRead | Gap::Empty))
}

fn is_incomplete(directory: &Directory) -> bool {
    !directory.accounts.gaps().is_empty() || unread_groups(directory).next().is_some()
}

fn what_was_found(findings: &mut Findings, directory: &Directory) {
    let accounts = directory.accounts.len();
    let says = format!(
        "{}: the filters find {} and {}",
        directory.accounts.source().name,
        count(accounts, "account", "accounts"),
        count(directory.groups.len(), "group", "groups"),
    );
    if accounts == 0 {
        findings.problem(
            "directory",
            format!(
                "{says}; look at provider.base and accounts.filter, and whether the account that \
                 binds may read"
            ),
        );
    } else {
        findings.ok("directory", says);
    }
    let rejected: Vec<String> = directory
        .accounts
        .rejected()
        .iter()
        .map(|bad| format!("{} ({})", bad.name, bad.why))
        .collect();
    if !rejected.is_empty() {
        findings.note(
            "directory",
            format!(
                "{} cannot be used: {}",
                count(rejected.len(), "entry", "entries"),
                some(&rejected)
            ),
        );
    }
}

/// Checks whether the groups of `policy.seat-order` exist and show their members.
fn seat_order(findings: &mut Findings, policy: &Policy, directory: &Directory) {
    for name in &policy.seat_order {
        let groups = directory.groups.iter().map(|(_, group)| group);
        let groups: Vec<_> = groups.filter(|group| group.is_called(name)).collect();
        for why in groups.iter().filter_map(|group| group.why_unseen()) {
            findings.problem(
                "seats",
                format!(
                    "policy.seat-order names the group {name:?}, and nobody can say who is in it: \
                     {why}"
                ),
            );
        }
        if groups.is_empty() {
            findings.problem(
                "seats",
                format!(
                    "policy.seat-order names the group {name:?}, which was not found: look at its \
                     spelling, and at provider.group-base and accounts.group-filter"
                ),
            );
        }
    }
}

/// Checks whether locked accounts can be recognised. Where nothing shows a lock, a person who left
/// stays active until the account is deleted.
fn locks(findings: &mut Findings, settings: &ProviderSettings, directory: &Directory) {
    if settings.mapping.locks.is_empty() {
        findings.note(
            "locks",
            "accounts.lock is empty: a user is deactivated only when the account is deleted from \
             the directory",
        );
        return;
    }
    let (mut active, mut locked) = (0, 0);
    let mut unknown: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (_, account) in directory.accounts.iter() {
        match &account.state {
            // No user is made for it, so that nobody has to know whether it is locked.
            AccountState::NotAPerson { .. } => {}
            AccountState::Active => active += 1,
            AccountState::Locked { .. } => locked += 1,
            AccountState::Unknown { why } => {
                unknown
                    .entry(why)
                    .or_default()
                    .push(account.username.clone());
            }
        }
    }
    for (why, people) in &unknown {
        findings.problem(
            "locks",
            format!(
                "for {} it cannot be seen whether they are locked ({}): {why}. They are neither \
                 deactivated nor reactivated",
                count(people.len(), "account", "accounts"),
                some(people)
            ),
        );
    }
    if unknown.is_empty() && !directory.accounts.is_empty() {
        findings.ok(
            "locks",
            format!("can be seen for every person's account: {locked} locked, {active} active"),
        );
    }
}

//! Checks accounts as Mattermost would see them, with usernames and addresses made legal.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::print::count;
use crate::model::{Account, AccountState, Directory};
use crate::plan::{legal_email, legal_username};

use super::findings::{Findings, some};

/// Checks every account. `domains` are those that the server accepts, if they are known.
pub(super) fn check(findings: &mut Findings, directory: &Directory, domains: Option<&[String]>) {
    let accounts = directory.accounts.iter().map(|(_, a)| a);
    let is_person = |a: &&Account| !matches!(a.state, AccountState::NotAPerson { .. });
    let accounts: Vec<&Account> = accounts.filter(is_person).collect();
    usernames(findings, &accounts);
    addresses(findings, &accounts);
    if let Some(domains) = domains {
        restricted(findings, &accounts, domains);
    }
}

fn usernames(findings: &mut Findings, accounts: &[&Account]) {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut changed = Vec::new();
    let mut hopeless = Vec::new();
    for account in accounts {
        match legal_username(&account.username) {
            None => hopeless.push(account.label()),
            Some(name) => {
                if name != account.username.to_lowercase() {
                    changed.push(format!("{} becomes {name}", account.username));
                }
                names.entry(name).or_default().push(account.dn.clone());
            }
        }
    }
    names.retain(|_, who| who.len() > 1);
    if !hopeless.is_empty() {
        findings.note(
            "usernames",
            format!(
                "{} no legal username, and so no user: {}",
                count(hopeless.len(), "account has", "accounts have"),
                some(&hopeless)
            ),
        );
    }
    if !changed.is_empty() {
        findings.note(
            "usernames",
            format!(
                "{} made legal for Mattermost: {}",
                count(changed.len(), "username is", "usernames are"),
                some(&changed)
            ),
        );
    }
    let double: Vec<String> = names
        .into_iter()
        .map(|(name, who)| format!("{name} ({})", who.join("; ")))
        .collect();
    if double.is_empty() {
        findings.ok("usernames", "no two accounts get the same username");
    } else {
        findings.note(
            "usernames",
            format!(
                "{} wanted by several accounts; the first keeps it, the others get a number: {}",
                count(double.len(), "username is", "usernames are"),
                some(&double)
            ),
        );
    }
}

/// Returns the legal addresses of the best source that has any.
fn best(account: &Account) -> BTreeSet<String> {
    account
        .emails
        .iter()
        .map(|source| source.values.iter().flat_map(|v| legal_email(v)).collect())
        .find(|legal: &BTreeSet<String>| !legal.is_empty())
        .unwrap_or_default()
}

fn is_locked(account: &Account) -> bool {
    matches!(account.state, AccountState::Locked { .. })
}

fn addresses(findings: &mut Findings, accounts: &[&Account]) {
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut without = Vec::new();
    for account in accounts {
        let addresses = best(account);
        // A locked account needs no address.
        if addresses.is_empty() && !is_locked(account) {
            without.push(account.label());
        }
        for address in addresses {
            owners.entry(address).or_default().push(account.dn.clone());
        }
    }
    owners.retain(|_, who| who.len() > 1);
    let active = accounts.iter().filter(|a| !is_locked(a)).count();
    if !without.is_empty() {
        let says = format!(
            "{} no usable address, and so no user; set one in the directory, or extend \
             accounts.email by a template such as \"{{uid}}@example.org\": {}",
            count(without.len(), "account has", "accounts have"),
            some(&without)
        );
        // An address that one person lacks is a fault in the directory; one that most lack is a
        // fault in the configuration.
        if without.len() * 2 > active {
            findings.problem("addresses", says);
        } else {
            findings.note("addresses", says);
        }
    } else if active > 0 {
        findings.ok("addresses", "every account in use has a usable address");
    }
    let double: Vec<String> = owners
        .into_iter()
        .map(|(address, who)| format!("{address} ({})", who.join("; ")))
        .collect();
    if !double.is_empty() {
        findings.note(
            "addresses",
            format!(
                "{} shared, but on Mattermost each belongs to one user; give each account its \
                 own: {}",
                count(double.len(), "address is", "addresses are"),
                some(&double)
            ),
        );
    }
}

fn restricted(findings: &mut Findings, accounts: &[&Account], domains: &[String]) {
    if domains.is_empty() {
        return;
    }
    let allowed = |address: &String| {
        let domain = address.rsplit_once('@').map(|(_, domain)| domain);
        domain.is_some_and(|domain| domains.iter().any(|d| d == domain))
    };
    let outside: Vec<String> = accounts
        .iter()
        .filter(|account| !is_locked(account))
        .filter(|account| {
            let addresses = best(account);
            !addresses.is_empty() && !addresses.iter().any(allowed)
        })
        .map(|account| account.label())
        .collect();
    let setting = "TeamSettings.RestrictCreationToDomains";
    if outside.is_empty() {
        findings.ok(
            "addresses",
            format!(
                "all are in the domains that the server accepts ({})",
                domains.join(", ")
            ),
        );
    } else {
        findings.problem(
            "addresses",
            format!(
                "the server accepts only {} ({setting}); {} left alone: {}",
                domains.join(", "),
                count(outside.len(), "account is", "accounts are"),
                some(&outside)
            ),
        );
    }
}

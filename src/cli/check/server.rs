//! Checks Mattermost: version, rights, seats, teams and settings.

use std::collections::BTreeSet;

use secrecy::ExposeSecret;

use crate::cli::print::count;
use crate::config::{MattermostAccess, Settings};
use crate::cycle::{places, unread_accounts, unread_locks, unread_teams, unread_users};
use crate::mattermost::{CallError, Client, Reader};
use crate::model::{
    Account, AccountState, Directories, Directory, Memory, Roster, Seats, ServerFacts, User,
    UserId, Version,
};
use crate::plan::{own_name, team_moved};

use super::branch::{self, Accounts};
use super::findings::{Findings, some};
use super::mail;

/// The oldest version that was ever tested.
const OLDEST: Version = Version {
    major: 5,
    minor: 38,
    patch: 0,
};

/// Checks the server; `None` if it cannot be read. `directories` are the directories, as far as
/// they could be read.
pub(super) async fn check(
    findings: &mut Findings,
    settings: &Settings,
    directories: &Directories,
    memory: &Memory,
) -> Option<ServerFacts> {
    let client = match Client::connect(&settings.mattermost) {
        Ok(client) => client,
        Err(error) => {
            findings.problem("Mattermost", error.to_string());
            return None;
        }
    };
    let reader = client.reader();
    let facts = report_error(findings, reader.facts().await)?;
    let label = client.label();
    if facts.version < OLDEST {
        findings.problem(
            "Mattermost",
            format!(
                "{label}: version {}, older than {OLDEST}: update it",
                facts.version
            ),
        );
    } else {
        findings.ok("Mattermost", format!("{label}: version {}", facts.version));
    }
    let mut users = report_error(findings, reader.users_of(&facts).await)?;
    unread_people(findings, &reader, (&mut users, directories, memory)).await;
    for gap in users.gaps() {
        findings.unread(
            "Mattermost",
            format!("the list of users was not read completely: {gap}"),
        );
    }
    for unread in &facts.unread {
        findings.unread("Mattermost", unread.to_string());
    }
    let accounts = Accounts::of(directories);
    let may_all = rights(findings, settings, &facts, &users, &accounts);
    if may_all {
        let bot = branch::bot(findings, &reader, &facts, &users, &accounts).await;
        report_error(findings, bot);
    }
    administrators(findings, settings, directories, &users);
    seats(findings, &facts, directories, &users);
    protected(findings, settings, &users);
    teams(findings, settings, &reader, &users, memory).await;
    room_in_teams(findings, settings, &facts, directories);
    deletions(findings, settings, &facts);
    initial_password(findings, settings, &facts);
    let random = settings.mattermost.initial_password.is_none();
    mail::check(findings, facts.mail.as_ref(), random);
    if may_all {
        verification(findings, &facts);
    }
    Some(facts)
}

/// Reports linked people who could not be read, and other users who cannot be read.
async fn unread_people(
    findings: &mut Findings,
    reader: &Reader,
    (users, directories, memory): (&mut Roster<UserId, User>, &Directories, &Memory),
) {
    let linked: BTreeSet<UserId> = memory
        .links()
        .map(|(_, link)| link)
        .map(|l| l.user.clone())
        .collect();
    // If it fails, those concerned stay unknown, and are reported below.
    let _failed = reader.fill_in(users, &linked).await;
    for one in unread_users(memory, users) {
        findings.unread("Mattermost", one.to_string());
    }
    for (provider, directory) in directories {
        let locks = unread_locks(memory, provider, directory);
        let accounts = unread_accounts(memory, provider, &directory.accounts, users);
        for one in locks.into_iter().chain(accounts) {
            findings.unread("directory", one.to_string());
        }
    }
    let nobodys = |id: &UserId| !linked.contains(id);
    let bad = users.rejected().iter();
    let bad = bad.filter(|bad| bad.key.as_ref().is_none_or(nobodys));
    let bad: Vec<String> = bad
        .map(|bad| {
            let id = bad.key.as_ref().map(|id| format!("{id}: "));
            format!("{} ({}{})", bad.name, id.unwrap_or_default(), bad.why)
        })
        .collect();
    if !bad.is_empty() {
        findings.note(
            "Mattermost",
            format!(
                "{} cannot be read, and nobody gets their username: {}",
                count(bad.len(), "user", "users"),
                some(&bad)
            ),
        );
    }
}

fn report_error<T>(findings: &mut Findings, result: Result<T, CallError>) -> Option<T> {
    result
        .map_err(|error| findings.problem("Mattermost", error.to_string()))
        .ok()
}

/// Checks whether we are a system administrator there.
fn rights(
    findings: &mut Findings,
    settings: &Settings,
    facts: &ServerFacts,
    users: &Roster<UserId, User>,
    accounts: &Accounts<'_>,
) -> bool {
    if let MattermostAccess::Socket { .. } = settings.mattermost.access {
        findings.ok("rights", "over the socket: all");
        return true;
    }
    let us = facts.own_user.as_ref().and_then(|id| users.get(id));
    match us {
        None => {
            findings.problem("rights", "the token's owner is not among the users");
            false
        }
        Some(us) if !us.is_admin() => {
            findings.problem(
                "rights",
                format!(
                    "the token belongs to {}, who is no system administrator: make {0} one in \
                     the System Console, or use the token of one who is",
                    us.username
                ),
            );
            false
        }
        Some(us) if us.is_bot => {
            findings.ok(
                "rights",
                format!("the bot {} is system administrator", us.username),
            );
            true
        }
        Some(us) => {
            if let Some(why) = accounts.leaves(us) {
                findings.problem(
                    "rights",
                    format!(
                        "the token belongs to {}, whose account is {why}: they cannot be \
                         deactivated as long as mattersync works with their token. Make a bot, and \
                         put its token where mattermost.token says",
                        us.username
                    ),
                );
                return true;
            }
            findings.note(
                "rights",
                format!(
                    "{} is system administrator, but a person: a bot's token does not end with \
                     somebody's job",
                    us.username
                ),
            );
            true
        }
    }
}

/// Checks whether users can be deleted for ever, where that is wanted.
fn deletions(findings: &mut Findings, settings: &Settings, facts: &ServerFacts) {
    if settings.policy.lifecycle.purge_after.is_none() {
        return;
    }
    match facts.may_delete_users {
        Some(true) => findings.ok(
            "deletions",
            "the server lets users be deleted for ever (policy.purge-after)",
        ),
        Some(false) => findings.problem(
            "deletions",
            "policy.purge-after is set, but the server deletes nobody: switch \
             ServiceSettings.EnableAPIUserDeletion on, or take policy.purge-after out",
        ),
        None => findings.note(
            "deletions",
            "policy.purge-after is set, but whether the server deletes anybody \
             (ServiceSettings.EnableAPIUserDeletion) could not be asked",
        ),
    }
}

/// Checks whether the server would accept the initial password, where one is configured.
fn initial_password(findings: &mut Findings, settings: &Settings, facts: &ServerFacts) {
    let Some(source) = &settings.mattermost.initial_password else {
        return;
    };
    // A password that cannot be read is reported with this machine.
    let Ok((password, _)) = source.load() else {
        return;
    };
    let about = "passwords";
    match facts
        .password_policy
        .map(|p| p.fault(password.expose_secret()))
    {
        Some(None) => findings.ok(
            about,
            "mattermost.initial-password meets the server's password policy",
        ),
        Some(Some(fault)) => findings.problem(
            about,
            format!(
                "the server would refuse mattermost.initial-password: {fault}. Nobody can be \
                 created; correct it, or leave the key out: then each user gets a random password"
            ),
        ),
        None => findings.note(
            about,
            "what the server asks of mattermost.initial-password could not be asked",
        ),
    }
}

/// Checks whether the server has an administrator: otherwise its first user becomes one.
fn administrators(
    findings: &mut Findings,
    settings: &Settings,
    directories: &Directories,
    users: &Roster<UserId, User>,
) {
    let human = |user: &User| user.is_admin() && user.is_active() && user.is_human();
    if users.iter().any(|(_, user)| human(user)) {
        return;
    }
    if let Some(gap) = users.gaps().first() {
        let what = "whether the server has an active human administrator is not known";
        findings.problem("rights", format!("{what}: not all users were read: {gap}"));
        return;
    }
    let first = settings.policy.first_admin.as_deref();
    let Some(first) = first else {
        findings.problem(
            "rights",
            "the server has no active human administrator, and its first user would become one: \
             name the account in policy.first-admin",
        );
        return;
    };
    let mut accounts = directories.values().flat_map(|d| d.accounts.iter());
    let is_person = |a: &Account| !matches!(a.state, AccountState::NotAPerson { .. });
    let known =
        accounts.any(|(_, a)| own_name(&a.username).as_deref() == Some(first) && is_person(a));
    if known || directories.len() < settings.providers.len() {
        findings.note(
            "rights",
            format!("{first} becomes the server's administrator"),
        );
    } else {
        findings.problem(
            "rights",
            format!(
                "policy.first-admin names {first}, who is not in the directory, or not a person's \
                 account there (accounts.not-a-person)"
            ),
        );
    }
}

/// Returns how many accounts need a seat.
fn people(directory: &Directory) -> usize {
    let locked = |state: &AccountState| {
        matches!(
            state,
            AccountState::Locked { .. } | AccountState::NotAPerson { .. }
        )
    };
    let accounts = directory.accounts.iter();
    accounts.filter(|(_, a)| !locked(&a.state)).count()
}

fn seats(
    findings: &mut Findings,
    facts: &ServerFacts,
    directories: &Directories,
    users: &Roster<UserId, User>,
) {
    match facts.seats {
        Seats::Unlimited => findings.ok("seats", "without limit"),
        Seats::Unknown => findings.note(
            "seats",
            "the server does not tell its limit of active users this way; if it refuses a user, \
             that person waits",
        ),
        Seats::Limited { limit, active } => {
            let known = |name: &str| {
                let mut users = users.iter();
                users.any(|(_, u)| u.is_active() && u.username.eq_ignore_ascii_case(name))
            };
            let new = directories.values().map(|d| {
                let accounts = d.accounts.iter();
                let seated = accounts.filter(|(_, a)| known(&a.username)).count();
                people(d).saturating_sub(seated)
            });
            let new: usize = new.sum();
            let new = u64::try_from(new).unwrap_or(u64::MAX);
            let says = format!("{active} of {limit} taken, about {new} more wanted");
            if active.saturating_add(new) > limit {
                findings.problem(
                    "seats",
                    format!(
                        "{says}: those who find no seat wait. Deactivate users who no longer need \
                         one, or narrow accounts.filter"
                    ),
                );
            } else {
                findings.ok("seats", says);
            }
        }
    }
}

fn protected(findings: &mut Findings, settings: &Settings, users: &Roster<UserId, User>) {
    let is_there = |name: &&String| !users.iter().any(|(_, u)| &u.username == *name);
    let strangers: Vec<String> = settings
        .policy
        .protect
        .iter()
        .filter(is_there)
        .cloned()
        .collect();
    if !strangers.is_empty() {
        findings.note(
            "protect",
            format!(
                "policy.protect names {}, whom the server does not know: is it a typing error?",
                some(&strangers)
            ),
        );
    }
}

async fn teams(
    findings: &mut Findings,
    settings: &Settings,
    reader: &Reader,
    users: &Roster<UserId, User>,
    memory: &Memory,
) {
    let policy = &settings.policy;
    if policy.teams.is_empty() {
        findings.note(
            "teams",
            "none is configured: new users see no channel at first",
        );
    }
    let linked = memory
        .links()
        .map(|(_, link)| link)
        .map(|l| l.user.clone())
        .collect();
    let places = places(reader, policy, memory, users, &linked).await;
    for one in unread_teams(&places) {
        findings.unread("teams", one.to_string());
    }
    let known = policy.teams.iter().map(|team| &team.name);
    for name in known.filter(|name| !places.unread.contains_key(*name)) {
        if let Some(moved) = team_moved(&places, name) {
            findings.held = true;
            findings.note("teams", moved.to_string());
            continue;
        }
        match places.teams.get(name) {
            None => findings.ok("teams", format!("{name} will be made")),
            Some(found) if found.archived_at.is_some() => findings.problem(
                "teams",
                format!("{name} is archived: restore it, or take it out of the configuration"),
            ),
            Some(found) if found.group_constrained => findings.problem(
                "teams",
                format!(
                    "{}",
                    crate::model::Why::TeamConstrained { team: name.clone() }
                ),
            ),
            Some(found) if !found.allowed_domains.is_empty() => findings.note(
                "teams",
                format!(
                    "{name} accepts only addresses at {}",
                    found.allowed_domains.join(", ")
                ),
            ),
            Some(found) => {
                findings.ok("teams", format!("{name} is there ({})", found.display_name));
            }
        }
    }
}

fn room_in_teams(
    findings: &mut Findings,
    settings: &Settings,
    facts: &ServerFacts,
    directories: &Directories,
) {
    let Some(most) = facts.max_users_per_team else {
        return;
    };
    if settings.policy.teams.is_empty() {
        return;
    }
    let people: usize = directories.values().map(people).sum();
    let setting = "TeamSettings.MaxUsersPerTeam";
    if u64::try_from(people).unwrap_or(u64::MAX) > most {
        findings.problem(
            "teams",
            format!(
                "{setting} is {most}, but {}: set it to at least {people} in the System Console",
                count(
                    people,
                    "account becomes a member",
                    "accounts become members"
                )
            ),
        );
    } else {
        findings.ok("teams", format!("{setting} is {most}, for {people}"));
    }
}

fn verification(findings: &mut Findings, facts: &ServerFacts) {
    match facts.require_email_verification {
        Some(true) => findings.note(
            "addresses",
            "the server verifies addresses: new users come with a verified one, later changes may \
             wait for the person's click",
        ),
        Some(false) => findings.ok("addresses", "the server does not verify addresses"),
        None => findings.note(
            "addresses",
            "whether the server verifies addresses is not told",
        ),
    }
}

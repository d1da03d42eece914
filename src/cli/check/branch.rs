//! Finds what would end mattersync's own work: the owner of the token, the owner of the bot, or the
//! account that reads the directory is a person who leaves one day.

use std::collections::BTreeMap;

use crate::config::{Bind, ProviderKind, ProviderSettings};
use crate::mattermost::{CallError, Reader};
use crate::model::{
    Account, AccountState, Directories, Directory, Dn, Roster, ServerFacts, User, UserId,
};

use super::findings::Findings;

/// Checks who owns the bot whose token we have, and whether they leave.
///
/// # Errors
/// An error if the server could not be asked.
pub(super) async fn bot(
    findings: &mut Findings,
    reader: &Reader,
    facts: &ServerFacts,
    users: &Roster<UserId, User>,
    accounts: &Accounts<'_>,
) -> Result<(), CallError> {
    let (Some(id), Some(bot)) = (&facts.own_user, &facts.own_bot) else {
        return Ok(());
    };
    let name = &bot.name;
    let owners = reader.bot_owners(id, users).await?;
    let Some(person) = owners.last() else {
        findings.ok("bot", format!("{name} belongs to nobody who could leave"));
        return Ok(());
    };
    let give = format!("`mmctl bot assign {name} USERNAME`");
    let Some(owner) = users.get(person) else {
        findings.note(
            "bot",
            format!("{name} belongs to {person}, who is not among the users: give it to an administrator ({give})"),
        );
        return Ok(());
    };
    let owner_name = &owner.username;
    if !owner.is_active() {
        findings.note(
            "bot",
            format!(
                "{name} belongs to {owner_name}, who is deactivated: if they are reactivated and \
                 deactivated again, the server disables the bot with them. Give it to an \
                 administrator who stays: {give}"
            ),
        );
        return Ok(());
    }
    let others = users.iter().filter(|(other, user)| {
        *other != person && user.is_active() && user.is_admin() && !user.is_bot
    });
    let has_heir = others.count() > 0;
    match accounts.leaves(owner) {
        Some(why) if has_heir => findings.note(
            "bot",
            format!(
                "{name} belongs to {owner_name}, whose account is {why}: before they are \
                 deactivated, mattersync hands the bot over to another administrator"
            ),
        ),
        Some(why) => findings.problem(
            "bot",
            format!(
                "{name} belongs to {owner_name}, whose account is {why}; they are not deactivated, \
                 because the server would disable the bot with them, and there is no other active \
                 human system administrator to hand it over to: make somebody one"
            ),
        ),
        None if has_heir => findings.ok(
            "bot",
            format!(
                "{name} belongs to {owner_name}; if they leave, mattersync hands it over to \
                 another administrator first"
            ),
        ),
        None => findings.note(
            "bot",
            format!(
                "{name} belongs to {owner_name}, and there is no other active human system \
                 administrator who could get it when they leave: make somebody one"
            ),
        ),
    }
    Ok(())
}

/// Checks whether the directory is read with a person's account, which ends when the person leaves.
pub(super) fn bind(findings: &mut Findings, settings: &ProviderSettings, directory: &Directory) {
    let ProviderKind::Ldap(ldap) = &settings.kind else {
        return;
    };
    let Bind::Simple { dn, .. } = &ldap.bind else {
        return;
    };
    let ours = directory.accounts.iter().find(|(_, a)| is_bound_as(a, dn));
    let Some((_, account)) = ours else {
        return;
    };
    let label = account.label();
    let advice = "give mattersync a directory account of its own (provider.bind-dn)";
    match state(account) {
        Some(why) => findings.problem(
            "directory",
            format!("mattersync reads as {label}, whose account is {why}: {advice}"),
        ),
        None if matches!(account.state, AccountState::NotAPerson { .. }) => {}
        None => findings.note(
            "directory",
            format!(
                "mattersync reads as {label}, an account like a person's: it gets a user on \
                 Mattermost, and when that person leaves nothing can be read any more. Is it a \
                 person's, {advice}; else name it in accounts.not-a-person"
            ),
        ),
    }
}

/// Returns whether a directory accepts this name for this account: its DN or, on an Active
/// Directory, `name@domain` and `DOMAIN\\name`.
fn is_bound_as(account: &Account, bound: &str) -> bool {
    let short = match (bound.split_once('\\'), bound.rsplit_once('@')) {
        (Some((_, name)), _) | (None, Some((name, _))) => Some(name),
        (None, None) => None,
    };
    Dn::of(&account.dn) == Dn::of(bound)
        || (!bound.contains('=')
            && short.is_some_and(|name| account.username.eq_ignore_ascii_case(name)))
}

/// Returns why an account's user is deactivated, if so.
fn state(account: &Account) -> Option<String> {
    match account.state.by_locks() {
        AccountState::Locked {
            attribute, value, ..
        } => Some(format!("locked ({attribute} is {value})")),
        _ => None,
    }
}

/// The accounts of the directories by username and address, as far as they could be read.
pub(super) struct Accounts<'d> {
    by_text: BTreeMap<String, &'d Account>,
}

impl<'d> Accounts<'d> {
    pub(super) fn of(directories: &'d Directories) -> Self {
        let accounts = directories.values().flat_map(|d| d.accounts.iter());
        let mut by_text = BTreeMap::new();
        for (_, account) in accounts {
            by_text.insert(account.username.to_lowercase(), account);
            let addresses = account.emails.iter().flat_map(|c| &c.values);
            by_text.extend(addresses.map(|email| (email.to_lowercase(), account)));
        }
        Self { by_text }
    }

    /// Returns why a user leaves, by the state of the account with the same username or address.
    pub(super) fn leaves(&self, user: &User) -> Option<String> {
        let account = self.by_text.get(&user.username);
        let account = account.or_else(|| self.by_text.get(&user.email));
        account.and_then(|account| state(account))
    }
}

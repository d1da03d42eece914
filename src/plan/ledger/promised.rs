//! The usernames and addresses that this plan gives away.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::model::{AccountKey, Claimed, Evidence, NamedUser, NotAdopted, StepId, Why};
use crate::plan::facts::address;
use crate::plan::ledger::draft::Draft;

/// The usernames of new users, and the steps that free them.
#[derive(Debug, Default)]
pub struct Naming {
    /// The name of each account for which a user can be created.
    pub names: BTreeMap<AccountKey, String>,
    /// The step that frees a name, by name.
    pub freed_by: BTreeMap<String, StepId>,
}

/// The addresses that this plan gives away, and those that it frees.
#[derive(Debug, Default)]
pub struct Addresses {
    pub promised: BTreeMap<String, AccountKey>,
    pub freed_by: BTreeMap<String, StepId>,
}

impl Addresses {
    /// Returns whether nobody has the address, or its user gives it up in this plan.
    pub fn is_free(&self, draft: &Draft<'_>, email: &str) -> bool {
        if draft.given_back.contains(email)
            || draft.unread_holder(Claimed::EmailAddress, email).is_some()
        {
            return false;
        }
        let held = draft.addressed(email).is_some();
        !self.promised.contains_key(email) && (!held || self.freed_by.contains_key(email))
    }

    /// Gives a free address to an account. Returns the step that must have been carried out before.
    pub fn take(&mut self, email: &str, key: &AccountKey) -> Option<StepId> {
        self.promised.insert(email.to_owned(), key.clone());
        self.freed_by.get(email).copied()
    }

    /// Returns why an address is not free.
    pub fn taken(&self, draft: &Draft<'_>, email: &str) -> Why {
        if let Some(why) = draft.unread_holder(Claimed::EmailAddress, email) {
            return why;
        }
        let user = draft.addressed(email);
        let owner = user.and_then(|u| draft.owner(&u.id));
        let Some(key) = self.promised.get(email).or(owner) else {
            return Why::Conflict {
                what: Claimed::EmailAddress,
                value: email.to_owned(),
                holder: user.map_or_else(NamedUser::default, NamedUser::of),
                because: NotAdopted::NotLinked,
            };
        };
        let directory = draft.world.directories.get(&key.provider);
        let link = draft.world.memory.link(key);
        let (dn, label) = match directory.map(|d| d.accounts.look(&key.id)) {
            Some(Evidence::Present(account)) => (Some(account.dn.clone()), Some(account.label())),
            _ => (
                link.map(|link| link.last_dn.clone()),
                link.map(|link| link.last_username.clone()),
            ),
        };
        Why::Duplicate {
            email: email.to_owned(),
            other: key.clone(),
            dn: dn.unwrap_or_else(|| key.to_string()),
            label: label.unwrap_or_else(|| key.to_string()),
        }
    }
}

/// Returns those of the addresses that the server accepts, or else why it accepts none.
pub fn allowed<'e>(draft: &Draft<'_>, emails: Vec<Cow<'e, str>>) -> Result<Vec<Cow<'e, str>>, Why> {
    let domains = &draft.world.server.restrict_to_domains;
    let accepts = |email: &Cow<'_, str>| address::domain_allowed(email, domains);
    if !emails.iter().any(accepts) {
        return Err(Why::DomainRefused {
            email: emails.first().map(|e| e.to_string()).unwrap_or_default(),
            allowed: domains.join(", "),
        });
    }
    Ok(emails.into_iter().filter(accepts).collect())
}

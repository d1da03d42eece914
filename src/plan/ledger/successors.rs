//! Accounts without a link that may belong to known people: certainly by the second anchor, perhaps
//! by name or address.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{
    Account, AccountKey, AlikeNames, Claimed, Evidence, NamedUser, ProfileField, ProviderName,
    Subject, User, Why, full_name,
};
use crate::plan::facts::linked_accounts::LinkedAccount;
use crate::plan::facts::{address, fields, names};
use crate::plan::ledger::draft::Draft;

/// An account that took a person's name within this time after the user was deactivated may be the
/// same person's. Later it is somebody new, unless the address is equal too.
const RECENT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The known person whom an account without a link belongs to, as far as the links tell.
pub enum Succession {
    /// It belongs to nobody who is known.
    None,
    /// The account of the link with this index in `LinkedAccounts::all` is gone, and this is its
    /// successor.
    Successor(usize),
    /// It may succeed the account of the link at this index; a person must decide.
    Perhaps(usize, Why),
}

/// The links whose account was not read, by what a successor would have.
#[derive(Default)]
pub struct Successors<'a> {
    /// All accounts by second anchor.
    bearers: BTreeMap<&'a str, Vec<(&'a ProviderName, &'a Account)>>,
    by_anchor: BTreeMap<&'a str, Vec<usize>>,
    by_name: BTreeMap<String, usize>,
    by_mail: BTreeMap<&'a str, usize>,
}

impl<'a> Successors<'a> {
    /// Collects the links whose account was not read, and whose user exists.
    pub fn of(draft: &Draft<'a>) -> Self {
        let mut successors = Self::default();
        for (provider, directory) in draft.world.directories {
            for (_, account) in directory.accounts.iter() {
                if let Some(anchor) = &account.anchor {
                    let bearers = successors.bearers.entry(anchor).or_default();
                    bearers.push((provider, account));
                }
            }
        }
        if draft.linked_accounts.newcomers.is_empty() {
            return successors;
        }
        for (at, linked_account) in draft.linked_accounts.all.iter().enumerate() {
            let Some(user) = linked_account.user.filter(|_| is_unread(linked_account)) else {
                continue;
            };
            if let Some(anchor) = &linked_account.link.anchor {
                successors.by_anchor.entry(anchor).or_default().push(at);
            }
            successors.by_mail.entry(&user.email).or_insert(at);
            if is_recent(draft, user) {
                successors
                    .by_name
                    .entry(user.username.clone())
                    .or_insert(at);
                let name = names::legal_username(&linked_account.link.last_username);
                successors.by_name.extend(name.map(|name| (name, at)));
            }
        }
        successors
    }

    /// Returns another account that has the same second anchor.
    pub fn sharer(&self, account: &Account) -> Option<(AccountKey, &'a Account)> {
        let bearers = self.bearers.get(account.anchor.as_deref()?)?;
        let mut others = bearers.iter().filter(|(_, other)| other.dn != account.dn);
        others
            .next()
            .map(|(provider, other)| (key_of(provider, other), *other))
    }

    /// Lists each account whose second anchor another one has too.
    pub fn list_shared_anchors(&self, draft: &mut Draft<'_>) {
        for (anchor, bearers) in &self.bearers {
            for (provider, account) in bearers.iter().filter(|_| bearers.len() > 1) {
                let Some((key, other)) = self.sharer(account) else {
                    continue;
                };
                let subject = Subject {
                    account: Some(key_of(provider, account)),
                    dn: Some(account.dn.clone()),
                    name: account.username.clone(),
                    full_name: full_name(&account.profile),
                    ..Subject::default()
                };
                let why = Why::SharedAnchor {
                    anchor: (*anchor).to_owned(),
                    other: key,
                    dn: other.dn.clone(),
                };
                draft.leave(subject, why);
            }
        }
    }

    /// Returns the known person whom an account without a link belongs to.
    pub fn find(&self, draft: &Draft<'a>, key: &AccountKey, account: &Account) -> Succession {
        if let Some(anchor) = &account.anchor
            && let Some([at, rest @ ..]) = self.by_anchor.get(anchor.as_str()).map(Vec::as_slice)
        {
            let linked_account = &draft.linked_accounts.all[*at];
            let one = rest.is_empty() && self.sharer(account).is_none();
            // Only a complete reading shows that no other account has it.
            let proven =
                one && draft.gap(&key.provider).is_none() && is_gone(draft, linked_account);
            let alone = !agrees(linked_account, account);
            if proven && !alone {
                return Succession::Successor(*at);
            }
            let why = perhaps(
                linked_account,
                (key, account),
                (Claimed::SecondAnchor, anchor),
                alone,
            );
            return Succession::Perhaps(*at, why);
        }
        let mails: Vec<_> = address::all(account).collect();
        let by_mail = mails.iter().find_map(|mail| {
            let at = self.by_mail.get(mail.as_ref())?;
            Some((*at, Claimed::EmailAddress, mail.as_ref()))
        });
        let name = names::legal(&account.username);
        let by_name = name.as_deref().and_then(|name| {
            let at = self.by_name.get(name)?;
            Some((*at, Claimed::Username, name))
        });
        match by_name.or(by_mail) {
            Some((at, what, value)) => {
                let why = perhaps(
                    &draft.linked_accounts.all[at],
                    (key, account),
                    (what, value),
                    false,
                );
                Succession::Perhaps(at, why)
            }
            None => Succession::None,
        }
    }
}

/// Returns whether anything besides the second anchor shows that an account belongs to the person
/// of a link: numbers are reused and mistyped.
fn agrees(linked_account: &LinkedAccount<'_>, account: &Account) -> bool {
    let Some(user) = linked_account.user else {
        return false;
    };
    let name = names::legal(&account.username);
    let last = names::legal(&linked_account.link.last_username);
    let by_name = name.is_some_and(|name| {
        name == user.username.as_str() || last.is_some_and(|last| last == name)
    });
    let by_mail = || address::all(account).any(|address| address == user.email);
    let called = |field| {
        let wanted = fields::wanted(account, field);
        !wanted.is_empty() && wanted == user.field(field)
    };
    by_name || by_mail() || called(ProfileField::FirstName) && called(ProfileField::LastName)
}

fn perhaps(
    linked_account: &LinkedAccount<'_>,
    (key, account): (&AccountKey, &Account),
    (what, value): (Claimed, &str),
    alone: bool,
) -> Why {
    Why::LooksLike {
        what,
        value: value.to_owned(),
        holder: NamedUser::known(&linked_account.link.user, linked_account.user),
        was: format!(
            "{}, id {}",
            linked_account.link.last_dn, linked_account.key.id
        ),
        id: key.id.clone(),
        names: Box::new(AlikeNames {
            account: account.username.clone(),
            user: linked_account
                .user
                .map(|user| full_name(&user.profile))
                .unwrap_or_default(),
        }),
        alone,
    }
}

/// Returns whether the account of a link, the older one of two to a user, was not read.
fn is_unread(linked_account: &LinkedAccount<'_>) -> bool {
    linked_account.account.is_none() && linked_account.other.is_none()
}

fn key_of(provider: &ProviderName, account: &Account) -> AccountKey {
    AccountKey {
        provider: provider.clone(),
        id: account.id.clone(),
    }
}

fn is_recent(draft: &Draft<'_>, user: &User) -> bool {
    let since = |at| draft.now.wall.since(at);
    user.deactivated_at.is_none_or(|at| since(at) < RECENT)
}

/// Returns whether the account of a link is proven to be gone from the directory, or its directory
/// is no longer read. Accounts of users whom we deactivated are not looked up by id in each
/// reading.
fn is_gone(draft: &Draft<'_>, linked_account: &LinkedAccount<'_>) -> bool {
    let Some(directory) = draft.world.directories.get(&linked_account.key.provider) else {
        return true;
    };
    let out = linked_account.link.deactivated.is_some() && !linked_account.link.is_in_doubt();
    match draft.look(directory, linked_account.key, linked_account.link) {
        Evidence::Absent(proof) => proof.lookup.is_some() || out,
        Evidence::Present(_) | Evidence::Unknown(_) => false,
    }
}

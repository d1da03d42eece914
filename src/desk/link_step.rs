//! Who may be linked with whom by a person's word, and as what step.

use serde::{Deserialize, Serialize};

use crate::cycle::View;
use crate::model::{
    Account, AccountKey, Action, Evidence, Precondition, Reason, Step, StepId, Subject, User,
    UserId, full_name, shell_word,
};
use crate::plan::{LinkObstacle, Policy, UserIndex};

use super::error::DeskError;
use super::person::{find_account, find_link, find_user};

/// Link an account with a user, because a person says that they are one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinkAccount {
    /// The account: username, address, DN or id.
    pub account: String,
    /// The user: username, address or id. Without one, the user who holds the account's username or
    /// one of its addresses.
    #[serde(default)]
    pub user: Option<String>,
    /// The user may be a system administrator.
    #[serde(default)]
    pub admin: bool,
    /// The user may be a guest.
    #[serde(default)]
    pub guest: bool,
    /// Do it; what was shown, or empty for whatever is found now.
    #[serde(default)]
    pub yes: Option<String>,
}

/// Forget that an account is a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unlink {
    /// The account or the user.
    pub person: String,
    /// Treat the account as one that was never seen.
    #[serde(default)]
    pub as_new: bool,
    /// Do it; what was shown, or empty for whatever is found now.
    #[serde(default)]
    pub yes: Option<String>,
}

/// A link that is made or taken apart by one step.
pub(super) struct LinkStep {
    pub(super) linked: bool,
    pub(super) key: AccountKey,
    pub(super) user: UserId,
    pub(super) action: Action,
    pub(super) expects: Precondition,
    pub(super) warnings: Vec<String>,
    pub(super) words: Vec<String>,
}

/// Returns the step that `link` asks for, if it may be done.
pub(super) fn linking(
    policy: &Policy,
    view: &View,
    ask: &LinkAccount,
) -> Result<LinkStep, DeskError> {
    let (key, account) = find_account(view, &ask.account)?;
    not_linked(view, &key, account)?;
    let user = match &ask.user {
        Some(user) => find_user(view, user)?,
        None => user_in_the_way(policy, view, &key, account)?,
    };
    let mut words = vec!["link".to_owned(), key.id.to_string(), user.id.to_string()];
    for (given, word) in [(ask.admin, "--admin"), (ask.guest, "--guest")] {
        words.extend(given.then(|| word.to_owned()));
    }
    let from = may_link(policy, view, &key, user, (ask.admin, ask.guest))?;
    let step = LinkStep::link(key, account, user, words);
    Ok(match from {
        None => step,
        Some(from) => step.moved(view, account, from),
    })
}

/// Returns the one user who is linked to nobody and has the account's username or one of its
/// addresses.
fn user_in_the_way<'v>(
    policy: &Policy,
    view: &'v View,
    key: &AccountKey,
    account: &Account,
) -> Result<&'v User, DeskError> {
    let world = view.world();
    let user_index = UserIndex::of(&world, policy);
    let claims = user_index.claims(key, account);
    let users = claims.iter().map(|claim| &claim.user.id);
    let free = users.filter(|id| user_index.owner(id).is_none());
    let free: Vec<&User> = free.filter_map(|id| view.users.get(id)).collect();
    let name = |user: &&User| format!("{} ({}, id {})", user.username, user.email, user.id);
    match free.as_slice() {
        [user] => Ok(user),
        [] => Err(DeskError::Refused(format!(
            "nobody on Mattermost who is linked to nobody has the username or an address of {}: \
             name the user, with `mattersync link {} USER`",
            account.label(),
            shell_word(key.id.as_str())
        ))),
        several => Err(DeskError::Refused(format!(
            "several users have the username or an address of {}: {}. Name one of them, with \
             `mattersync link {} USER`",
            account.label(),
            several.iter().map(name).collect::<Vec<_>>().join("; "),
            shell_word(key.id.as_str())
        ))),
    }
}

fn not_linked(view: &View, key: &AccountKey, account: &Account) -> Result<(), DeskError> {
    let Some(link) = view.memory.link(key) else {
        return Ok(());
    };
    let user = view.users.get(&link.user);
    let name = user.map_or_else(|| link.user.to_string(), |u| u.username.clone());
    Err(DeskError::Refused(format!(
        "{} is linked to the user {name} already: take that apart first, with `mattersync unlink \
         {}`",
        account.label(),
        key.id
    )))
}

/// Checks that this account may be linked with this user. `explicit` says whether administrators,
/// and whether guests, are allowed. Returns the account that the link is moved from, where the user
/// is linked to one that is not there.
fn may_link(
    policy: &Policy,
    view: &View,
    key: &AccountKey,
    user: &User,
    explicit: (bool, bool),
) -> Result<Option<AccountKey>, DeskError> {
    let world = view.world();
    let user_index = UserIndex::of(&world, policy);
    let name = &user.username;
    let what = match user_index.obstacle(user) {
        // Protected by the name that the directory gave: nothing is taken from the user by this.
        Some(LinkObstacle::Linked(other)) if view.account(&other).is_none() => {
            return Ok(Some(other));
        }
        Some(LinkObstacle::Linked(other)) => {
            let dn = view.memory.link(&other).map(|link| link.last_dn.clone());
            format!(
                "the user {name} is linked to another account ({}): take that apart first, with \
                 `mattersync unlink {}`",
                dn.unwrap_or_default(),
                shell_word(other.id.as_str())
            )
        }
        Some(LinkObstacle::Admin) if explicit.0 => return Ok(None),
        Some(LinkObstacle::Guest) if explicit.1 => return Ok(None),
        Some(LinkObstacle::Admin) => format!(
            "{name} is a system administrator, who would then follow the directory: if that is \
             meant, type `mattersync link {} {} --admin`",
            shell_word(key.id.as_str()),
            user.id
        ),
        Some(LinkObstacle::Guest) => format!(
            "{name} is a guest, whom no account is expected to stand behind: if that is meant, \
             type `mattersync link {} {} --guest`",
            shell_word(key.id.as_str()),
            user.id
        ),
        Some(obstacle) => format!("{name} is never linked: {obstacle}"),
        None => return Ok(None),
    };
    Err(DeskError::Refused(what))
}

/// What `unlink` asks for, if there is a link.
pub(super) fn unlinking(view: &View, ask: &Unlink) -> Result<LinkStep, DeskError> {
    let key = find_link(view, &ask.person)?;
    let memory = &view.memory;
    let mut warnings = Vec::new();
    let (user, as_new) = match (memory.link(&key), memory.account(&key).unlinked.as_ref()) {
        (Some(link), _) => {
            let gone = matches!(view.users.look(&link.user), Evidence::Absent(_));
            if gone {
                warnings.push(
                    "the user no longer exists on Mattermost, so the account is as new".to_owned(),
                );
            }
            (link.user.clone(), ask.as_new || gone)
        }
        (None, Some(mark)) if ask.as_new => (mark.user.clone(), true),
        (None, Some(mark)) => {
            return Err(DeskError::Refused(format!(
                "{} took this link apart on {}: `mattersync link {id} USER` says who it is, \
                 `mattersync unlink --as-new {id}` that it is nobody who was here before",
                mark.by,
                mark.at,
                id = shell_word(key.id.as_str())
            )));
        }
        (None, None) => return Err(DeskError::Refused("nobody is linked".to_owned())),
    };
    if let Some(found) = view.users.get(&user) {
        warnings.push(match found.deactivated_at {
            None => format!(
                "{} stays active and is touched no more: `mattersync orphans` lists the user",
                found.username
            ),
            Some(_) => format!(
                "{} stays deactivated, and is touched no more",
                found.username
            ),
        });
    }
    let mut words = vec!["unlink".to_owned(), key.id.to_string()];
    words.extend(ask.as_new.then(|| "--as-new".to_owned()));
    Ok(LinkStep {
        linked: false,
        action: Action::Unlink {
            account: key.clone(),
            user: user.clone(),
            as_new,
        },
        key,
        user,
        // The user may be gone.
        expects: Precondition::Nothing,
        warnings,
        words,
    })
}

impl LinkStep {
    fn link(key: AccountKey, account: &Account, user: &User, words: Vec<String>) -> Self {
        let mut warnings = Vec::new();
        if user.is_admin() {
            warnings.push(format!(
                "{} is a SYSTEM ADMINISTRATOR: locked or missing in the directory, {} is \
                 deactivated, unless it is the last one",
                user.username, user.username
            ));
        }
        if !user.is_active() {
            warnings.push(format!("{} is deactivated", user.username));
        }
        Self {
            linked: true,
            action: Action::Adopt {
                account: key.clone(),
                user: user.id.clone(),
                directory_username: account.username.clone(),
            },
            key,
            user: user.id.clone(),
            expects: Precondition::Username(user.username.clone()),
            warnings,
            words,
        }
    }

    /// The link that the user has moves to another account, with all that is remembered of it.
    fn moved(mut self, view: &View, account: &Account, from: AccountKey) -> Self {
        let link = view.memory.link(&from);
        let dn = link.map(|link| link.last_dn.clone()).unwrap_or_default();
        let directory = view.directories.get(&from.provider);
        let gone = match directory.map(|d| d.accounts.look(&from.id)) {
            Some(Evidence::Unknown(gap)) => {
                format!("which was not found, though that is not proven ({gap})")
            }
            _ => "which is no longer there".to_owned(),
        };
        self.warnings
            .push(format!("the user was linked to {dn} until now, {gone}"));
        self.action = Action::MoveLink {
            account: self.key.clone(),
            from,
            user: self.user.clone(),
            directory_username: account.username.clone(),
            anchor: None,
        };
        self
    }

    /// The one step of its run.
    pub(super) fn step(&self, view: &View, by: &str) -> Step {
        let account = view.account(&self.key);
        let user = view.users.get(&self.user);
        let link = view.memory.link(&self.key);
        let name = user.map(|u| u.username.clone());
        let name = name.or_else(|| link.map(|l| l.last_username.clone()));
        let dn = account.map(|a| a.dn.clone());
        let subject = Subject {
            account: Some(self.key.clone()),
            dn: dn.or_else(|| link.map(|l| l.last_dn.clone())),
            user: Some(self.user.clone()),
            name: name.unwrap_or_else(|| self.user.to_string()),
            email: user.map(|u| u.email.clone()),
            full_name: account
                .map(|account| &account.profile)
                .or_else(|| user.map(|user| &user.profile))
                .map(full_name)
                .unwrap_or_default(),
        };
        Step {
            id: StepId(1),
            subject,
            action: self.action.clone(),
            expects: self.expects.clone(),
            reason: Reason::ByHand {
                by: by.to_owned(),
                linked: self.linked,
            },
            mails: 0,
            after: Vec::new(),
            privileged: user.is_some_and(User::is_privileged),
        }
    }
}

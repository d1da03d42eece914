//! Who may be linked with whom by a person's word, and as what step.

use crate::model::{
    Account, AccountKey, Action, Evidence, Precondition, Reason, Step, StepId, Subject, User,
    UserId, shell_word,
};
use crate::plan::{Bar, Crowd};

use super::super::{Engine, View, WordError};
use super::hand::{Adopt, LinkThem, Unlink};

/// Who, and what.
pub(super) struct Deed {
    pub(super) command: &'static str,
    pub(super) key: AccountKey,
    pub(super) user: UserId,
    pub(super) action: Action,
    pub(super) expects: Precondition,
    pub(super) warnings: Vec<String>,
    pub(super) words: Vec<String>,
}

/// What `link` asks for, if it may be.
pub(super) fn linking(engine: &Engine, view: &View, wish: &LinkThem) -> Result<Deed, WordError> {
    let (key, account) = view.find_account(&wish.account)?;
    let user = view.find_user(&wish.user)?;
    let mut words = vec!["link".to_owned(), key.id.to_string(), user.id.to_string()];
    for (given, word) in [(wish.admin, "--admin"), (wish.guest, "--guest")] {
        words.extend(given.then(|| word.to_owned()));
    }
    let from = may_link(engine, view, &key, account, user, (wish.admin, wish.guest))?;
    let deed = Deed::link("link", key, account, user, words);
    Ok(match from {
        None => deed,
        Some(from) => deed.moved(view, account, from),
    })
}

/// What `adopt` asks for, if it may be.
pub(super) fn adopting(engine: &Engine, view: &View, wish: &Adopt) -> Result<Deed, WordError> {
    let (key, account) = view.find_account(&wish.account)?;
    not_linked(view, &key, account)?;
    let world = view.world();
    let crowd = Crowd::of(&world, &engine.settings().policy);
    let claims = crowd.claims(&key, account);
    let free: Vec<&User> = claims
        .iter()
        .map(|claim| claim.user)
        .filter(|user| crowd.owner(&user.id).is_none())
        .collect();
    let names = |users: &[&User]| -> String {
        let names = users
            .iter()
            .map(|u| format!("{} ({}, id {})", u.username, u.email, u.id));
        names.collect::<Vec<_>>().join("; ")
    };
    let user = match (&wish.user, free.as_slice()) {
        (Some(word), _) => {
            let user = view.find_user(word)?;
            if !claims.iter().any(|claim| claim.user.id == user.id) {
                return Err(WordError::Refused(format!(
                    "{} has neither the username nor an address of {}: if they are one person \
                     nevertheless, type `mattersync link {} {}`",
                    user.username,
                    account.label(),
                    shell_word(key.id.as_str()),
                    user.id
                )));
            }
            user
        }
        (None, [user]) => user,
        (None, []) => {
            return Err(WordError::Refused(format!(
                "nobody on Mattermost who is linked to nobody has the username or an address of \
                 {}: name the user with `mattersync link`",
                account.label()
            )));
        }
        (None, several) => {
            return Err(WordError::Refused(format!(
                "several users have the username or an address of {}: {}. Name one of them",
                account.label(),
                names(several)
            )));
        }
    };
    let from = may_link(engine, view, &key, account, user, (false, false))?;
    let words = ["adopt", key.id.as_str(), user.id.as_str()];
    let words = words.map(str::to_owned).to_vec();
    let deed = Deed::link("adopt", key, account, user, words);
    Ok(match from {
        None => deed,
        Some(from) => deed.moved(view, account, from),
    })
}

fn not_linked(view: &View, key: &AccountKey, account: &Account) -> Result<(), WordError> {
    let Some(link) = view.memory.link(key) else {
        return Ok(());
    };
    let user = view.users.get(&link.user);
    let name = user.map_or_else(|| link.user.to_string(), |u| u.username.clone());
    Err(WordError::Refused(format!(
        "{} is linked to the user {name} already: take that apart first, with `mattersync unlink \
         {}`",
        account.label(),
        key.id
    )))
}

/// Whether a person may say that this account is this user. `explicit` says whether the word was
/// given for an administrator, and for a guest. Of a user whose account is not there the one that
/// the link is to be moved from.
fn may_link(
    engine: &Engine,
    view: &View,
    key: &AccountKey,
    account: &Account,
    user: &User,
    explicit: (bool, bool),
) -> Result<Option<AccountKey>, WordError> {
    not_linked(view, key, account)?;
    let world = view.world();
    let crowd = Crowd::of(&world, &engine.settings().policy);
    let name = &user.username;
    let what = match crowd.bar(user) {
        // Protected by the name that the directory gave: nothing is taken from the user by this.
        Some(Bar::Linked(other)) if view.account(&other).is_none() => return Ok(Some(other)),
        Some(Bar::Linked(other)) => {
            let dn = view.memory.link(&other).map(|link| link.last_dn.clone());
            format!(
                "the user {name} is linked to another account ({}): take that apart first, with \
                 `mattersync unlink {}`",
                dn.unwrap_or_default(),
                shell_word(other.id.as_str())
            )
        }
        Some(Bar::Admin) if explicit.0 => return Ok(None),
        Some(Bar::Guest) if explicit.1 => return Ok(None),
        Some(Bar::Admin) => format!(
            "{name} is a system administrator, who would then follow the directory: if that is \
             meant, type `mattersync link {} {} --admin`",
            shell_word(key.id.as_str()),
            user.id
        ),
        Some(Bar::Guest) => format!(
            "{name} is a guest, whom no account is expected to stand behind: if that is meant, \
             type `mattersync link {} {} --guest`",
            shell_word(key.id.as_str()),
            user.id
        ),
        Some(bar) => format!("{name} is never linked: {bar}"),
        None => return Ok(None),
    };
    Err(WordError::Refused(what))
}

/// What `unlink` asks for, if there is a link.
pub(super) fn unlinking(view: &View, wish: &Unlink) -> Result<Deed, WordError> {
    let key = view.find_link(&wish.person)?;
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
            (link.user.clone(), wish.as_new || gone)
        }
        (None, Some(mark)) if wish.as_new => (mark.user.clone(), true),
        (None, Some(mark)) => {
            return Err(WordError::Refused(format!(
                "{} took this link apart on {}: `mattersync link {id} USER` says who it is, \
                 `mattersync unlink --as-new {id}` that it is nobody who was here before",
                mark.by,
                mark.at,
                id = shell_word(key.id.as_str())
            )));
        }
        (None, None) => return Err(WordError::Refused("nobody is linked".to_owned())),
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
    words.extend(wish.as_new.then(|| "--as-new".to_owned()));
    Ok(Deed {
        command: "unlink",
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

impl Deed {
    fn link(
        command: &'static str,
        key: AccountKey,
        account: &Account,
        user: &User,
        words: Vec<String>,
    ) -> Self {
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
            command,
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
        };
        Step {
            id: StepId(1),
            subject,
            action: self.action.clone(),
            expects: self.expects.clone(),
            reason: Reason::ByHand {
                by: by.to_owned(),
                command: self.command.to_owned(),
            },
            mails: 0,
            after: Vec::new(),
            privileged: user.is_some_and(User::is_privileged),
        }
    }
}

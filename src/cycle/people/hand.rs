//! Who is who, said by a person: `link`, `adopt`, `unlink`. Shown first, done on `--yes`.

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::model::{
    Account, AccountKey, Action, Evidence, Memory, Origin, Plan, Precondition, Reason, RunKind,
    Step, StepId, Subject, User, UserId,
};
use crate::plan::{Bar, Crowd, Effect, remember};

use super::super::errand::{Asker, Errand};
use super::super::{Begun, CycleError, Engine, Summary, SyncReport, View, WordError};
use super::outlook::Outlook;
use super::sides::{AccountSide, UserSide};

/// Link an account with a user, because a person says that they are one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinkThem {
    /// The account: username, address, DN or id.
    pub account: String,
    /// The user: username, address or id.
    pub user: String,
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

/// Link an account with a user who holds its username or one of its addresses.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Adopt {
    /// The account: username, address, DN or id.
    pub account: String,
    /// Which user, where several do.
    #[serde(default)]
    pub user: Option<String>,
    /// As in [`LinkThem::yes`].
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
    /// As in [`LinkThem::yes`].
    #[serde(default)]
    pub yes: Option<String>,
}

/// What a person's word about who is who does, or did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ByHand {
    /// `link`, `adopt` or `unlink`.
    pub command: String,
    /// The account, if it was read.
    pub account: Option<AccountSide>,
    /// Its key.
    pub key: AccountKey,
    /// The user, if it was read.
    pub user: Option<UserSide>,
    /// Its id.
    pub user_id: UserId,
    /// Whether the account is then as one that was never seen.
    pub as_new: bool,
    /// Why it is to be thought over, if it is.
    pub warnings: Vec<String>,
    /// What the next plan does with both after it.
    pub then: Outlook,
    /// What to type to do exactly this.
    pub type_this: Vec<String>,
    /// What was done; none when it was only shown.
    pub done: Option<SyncReport>,
}

/// Who, and what.
struct Deed {
    command: &'static str,
    key: AccountKey,
    user: UserId,
    action: Action,
    expects: Precondition,
    warnings: Vec<String>,
    words: Vec<String>,
}

impl Errand for LinkThem {
    const NAME: &'static str = "link";
    const WRITES: bool = true;
    type Answer = ByHand;

    fn writes(&self) -> bool {
        self.yes.is_some()
    }

    fn run<'a>(
        self,
        engine: &'a mut Engine,
        asker: &'a Asker<'a>,
    ) -> BoxFuture<'a, Result<ByHand, WordError>> {
        Box::pin(async move {
            let view = engine.look(asker.stages).await?;
            let deed = linking(engine, &view, &self)?;
            engine.by_hand(view, deed, self.yes.as_deref(), asker).await
        })
    }
}

impl Errand for Adopt {
    const NAME: &'static str = "adopt";
    const WRITES: bool = true;
    type Answer = ByHand;

    fn writes(&self) -> bool {
        self.yes.is_some()
    }

    fn run<'a>(
        self,
        engine: &'a mut Engine,
        asker: &'a Asker<'a>,
    ) -> BoxFuture<'a, Result<ByHand, WordError>> {
        Box::pin(async move {
            let view = engine.look(asker.stages).await?;
            let deed = adopting(engine, &view, &self)?;
            engine.by_hand(view, deed, self.yes.as_deref(), asker).await
        })
    }
}

impl Errand for Unlink {
    const NAME: &'static str = "unlink";
    const WRITES: bool = true;
    type Answer = ByHand;

    fn writes(&self) -> bool {
        self.yes.is_some()
    }

    fn run<'a>(
        self,
        engine: &'a mut Engine,
        asker: &'a Asker<'a>,
    ) -> BoxFuture<'a, Result<ByHand, WordError>> {
        Box::pin(async move {
            let view = engine.look(asker.stages).await?;
            let deed = unlinking(&view, &self)?;
            engine.by_hand(view, deed, self.yes.as_deref(), asker).await
        })
    }
}

fn linking(engine: &Engine, view: &View, wish: &LinkThem) -> Result<Deed, WordError> {
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

fn adopting(engine: &Engine, view: &View, wish: &Adopt) -> Result<Deed, WordError> {
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
                    key.id,
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
    let Some(link) = view.memory.links.get(key) else {
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
            let dn = view
                .memory
                .links
                .get(&other)
                .map(|link| link.last_dn.clone());
            format!(
                "the user {name} is linked to another account ({}): take that apart first, with \
                 `mattersync unlink {}`",
                dn.unwrap_or_default(),
                other.id
            )
        }
        Some(Bar::Admin) if explicit.0 => return Ok(None),
        Some(Bar::Guest) if explicit.1 => return Ok(None),
        Some(Bar::Admin) => format!(
            "{name} is a system administrator, who would then follow the directory: if that is \
             meant, type `mattersync link {} {} --admin`",
            key.id, user.id
        ),
        Some(Bar::Guest) => format!(
            "{name} is a guest, whom no account is expected to stand behind: if that is meant, \
             type `mattersync link {} {} --guest`",
            key.id, user.id
        ),
        Some(bar) => format!("{name} is never linked: {bar}"),
        None => return Ok(None),
    };
    Err(WordError::Refused(what))
}

fn unlinking(view: &View, wish: &Unlink) -> Result<Deed, WordError> {
    let key = view.find_link(&wish.person)?;
    let memory = &view.memory;
    let mut warnings = Vec::new();
    let (user, as_new) = match (memory.links.get(&key), memory.unlinked.get(&key)) {
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
                "{} took this link apart on {}: `mattersync link {} USER` says who it is, \
                 `mattersync unlink --as-new {}` that it is nobody who was here before",
                mark.by, mark.at, key.id, key.id
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
        let link = view.memory.links.get(&from);
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

    fn step(&self, view: &View, by: &str) -> Step {
        let account = view.account(&self.key);
        let user = view.users.get(&self.user);
        let link = view.memory.links.get(&self.key);
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
        }
    }
}

/// Both parties as they are shown, in a few letters: what is done on `--yes` is what was seen.
fn seen(account: Option<&AccountSide>, user: Option<&UserSide>) -> String {
    let user = user.map(|user| UserSide {
        last_activity: None,
        ..user.clone()
    });
    let both = serde_json::to_vec(&(account, user)).unwrap_or_default();
    let hash = Sha256::digest(&both);
    hash.iter().take(4).map(|b| format!("{b:02x}")).collect()
}

impl Engine {
    /// Shows what a person's word does, or does it.
    async fn by_hand(
        &mut self,
        mut view: View,
        deed: Deed,
        yes: Option<&str>,
        asker: &Asker<'_>,
    ) -> Result<ByHand, WordError> {
        let now = self.clock().now();
        let step = deed.step(&view, asker.by);
        let (account, user) = {
            let world = view.world();
            let crowd = Crowd::of(&world, &self.settings().policy);
            let account = view.account(&deed.key);
            let user = view.users.get(&deed.user);
            (
                account.map(|a| AccountSide::of(&view, &deed.key, a)),
                user.map(|u| UserSide::of(&view, &crowd, u)),
            )
        };
        let seen = seen(account.as_ref(), user.as_ref());
        let mut type_this = deed.words.clone();
        type_this.push(format!("--yes={seen}"));
        if yes.is_some_and(|yes| !yes.is_empty() && yes != seen) {
            return Err(WordError::Refused(format!(
                "somebody changed one of them since it was shown: look again, with `mattersync {}`",
                deed.words.join(" ")
            )));
        }
        let before = view.memory.clone();
        let effect = match deed.action {
            Action::Unlink { .. } => Effect::Unlinked,
            Action::MoveLink { .. } => Effect::Moved,
            _ => Effect::Adopted,
        };
        for change in remember(&step, &effect, &before, &now) {
            view.memory.remember(&change);
        }
        let plan = self.plan(&view, &now);
        let then = Outlook::of(&plan, Some(&deed.key), Some(&deed.user));
        let as_new = matches!(step.action, Action::Unlink { as_new: true, .. });
        let done = match yes {
            None => None,
            Some(_) => Some(self.say(view, before, step, asker).await?.report()),
        };
        Ok(ByHand {
            command: deed.command.to_owned(),
            account,
            key: deed.key,
            user,
            user_id: deed.user,
            as_new,
            warnings: deed.warnings,
            then,
            type_this,
            done,
        })
    }

    /// A run of one step that a person asked for.
    async fn say(
        &mut self,
        mut view: View,
        memory: Memory,
        step: Step,
        asker: &Asker<'_>,
    ) -> Result<Summary, CycleError> {
        let counts = self.counts();
        let now = self.clock().now();
        view.memory = memory;
        view.plan = Plan {
            steps: vec![step],
            ..Plan::default()
        };
        let never = watch::channel(false).1;
        let origin = Origin::asked(RunKind::Command, asker.by);
        let begun = Begun {
            origin,
            now,
            before: counts,
            alone: true,
        };
        let carried = self.carry(view, begun, never, asker.stages, asker.listener);
        carried.await
    }
}

//! Who is who, said by a person: `link`, `adopt`, `unlink`. Shown first, done on `--yes`.

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::model::{AccountKey, Action, Memory, Origin, Plan, RunKind, Step, UserId};
use crate::plan::{Crowd, Effect, remember};

use super::super::carry::Begun;
use super::super::errand::{Asker, Errand};
use super::super::{CycleError, Engine, Summary, SyncReport, View, WordError};
use super::deed::{Deed, adopting, linking, unlinking};
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

/// A person's word about who is who.
trait Word: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// [`Errand::NAME`].
    const NAME: &'static str;

    /// What was shown, if it is to be done.
    fn yes(&self) -> Option<&str>;

    /// What it means, now that both sides were read.
    ///
    /// # Errors
    /// When it means nobody, or may not be done.
    fn deed(&self, engine: &Engine, view: &View) -> Result<Deed, WordError>;
}

impl Word for LinkThem {
    const NAME: &'static str = "link";

    fn yes(&self) -> Option<&str> {
        self.yes.as_deref()
    }

    fn deed(&self, engine: &Engine, view: &View) -> Result<Deed, WordError> {
        linking(engine, view, self)
    }
}

impl Word for Adopt {
    const NAME: &'static str = "adopt";

    fn yes(&self) -> Option<&str> {
        self.yes.as_deref()
    }

    fn deed(&self, engine: &Engine, view: &View) -> Result<Deed, WordError> {
        adopting(engine, view, self)
    }
}

impl Word for Unlink {
    const NAME: &'static str = "unlink";

    fn yes(&self) -> Option<&str> {
        self.yes.as_deref()
    }

    fn deed(&self, _engine: &Engine, view: &View) -> Result<Deed, WordError> {
        unlinking(view, self)
    }
}

impl<W: Word> Errand for W {
    const NAME: &'static str = W::NAME;
    const WRITES: bool = true;
    type Answer = ByHand;

    fn writes(&self) -> bool {
        self.yes().is_some()
    }

    fn run<'a>(
        self,
        engine: &'a mut Engine,
        asker: &'a Asker<'a>,
    ) -> BoxFuture<'a, Result<ByHand, WordError>> {
        Box::pin(async move {
            let view = engine.look(asker.stages).await?;
            let deed = self.deed(engine, &view)?;
            engine.by_hand(view, deed, self.yes(), asker).await
        })
    }
}

/// Both parties as they are shown, in a few letters: what is done on `--yes` is what was seen.
fn seen(account: Option<&AccountSide>, user: Option<&UserSide>) -> String {
    let user = user.map(|user| UserSide {
        last_activity: None,
        ..user.clone()
    });
    in_letters(&(account, user))
}

/// A few letters that change with what was shown.
pub(super) fn in_letters(shown: &impl Serialize) -> String {
    let hash = Sha256::digest(serde_json::to_vec(shown).unwrap_or_default());
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

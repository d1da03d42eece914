//! Who is who, said by a person. Shown first, done on `--yes`.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cycle::{Engine, Planned, Scope, View};
use crate::model::{AccountKey, Action, Now, Plan, RunKind, Step, UserId};
use crate::observe::CycleFacts;
use crate::plan::{Effect, Policy, UserIndex, plan, remember};

use super::error::DeskError;
use super::link_step::{LinkAccount, LinkStep, Unlink, linking, unlinking};
use super::outlook::Outlook;
use super::parties::{AccountSide, UserSide};
use super::request::{Asker, Request};

/// What `link` or `unlink` would do, or did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinkReport {
    /// Whether it is `link`; else it is `unlink`.
    pub linked: bool,
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
    /// What the person should consider first.
    pub warnings: Vec<String>,
    /// What the next plan does with both after it.
    pub then: Outlook,
    /// What to type to do exactly this.
    pub type_this: Vec<String>,
    /// What was done; none when it was only shown.
    pub done: Option<CycleFacts>,
}

impl Request for LinkAccount {
    const NAME: &'static str = "link";
    type Tool = Engine;
    type Answer = LinkReport;

    fn writes(&self) -> bool {
        self.yes.is_some()
    }

    async fn run(self, engine: &mut Engine, asker: &Asker<'_>) -> Result<LinkReport, DeskError> {
        let yes = self.yes.as_deref();
        by_hand(engine, asker, yes, |policy, view| {
            linking(policy, view, &self)
        })
        .await
    }
}

impl Request for Unlink {
    const NAME: &'static str = "unlink";
    type Tool = Engine;
    type Answer = LinkReport;

    fn writes(&self) -> bool {
        self.yes.is_some()
    }

    async fn run(self, engine: &mut Engine, asker: &Asker<'_>) -> Result<LinkReport, DeskError> {
        let yes = self.yes.as_deref();
        by_hand(engine, asker, yes, |_, view| unlinking(view, &self)).await
    }
}

/// Digests both parties as they are shown, so that `--yes` does what was seen.
fn seen(account: Option<&AccountSide>, user: Option<&UserSide>) -> String {
    let user = user.map(|user| UserSide {
        last_activity: None,
        ..user.clone()
    });
    short_digest(&(account, user))
}

/// Digests what is shown to a few letters.
pub fn short_digest(shown: &impl Serialize) -> String {
    let hash = Sha256::digest(serde_json::to_vec(shown).unwrap_or_default());
    hash.iter().take(4).map(|b| format!("{b:02x}")).collect()
}

/// Shows what linking or unlinking does, or does it.
async fn by_hand(
    engine: &mut Engine,
    asker: &Asker<'_>,
    yes: Option<&str>,
    step: impl Fn(&Policy, &View) -> Result<LinkStep, DeskError> + Send + std::marker::Sync,
) -> Result<LinkReport, DeskError> {
    let Some(yes) = yes else {
        let mut view = engine.look(asker.stages).await?;
        let policy = &engine.settings().policy;
        let step = step(policy, &view)?;
        return Ok(preview(&mut view, policy, &engine.clock().now(), step, asker.by).0);
    };
    let course = asker.course(
        RunKind::Command,
        Scope::Named {
            with_directory: true,
        },
    );
    let run = engine.run_chosen(course, |planned: Planned<'_>| {
        let Planned { view, settings, now } = planned;
        let step = step(&settings.policy, view)?;
        let again = step.words.join(" ");
        let (report, step) = preview(view, &settings.policy, now, step, asker.by);
        let is_as_shown = yes.is_empty() || report.type_this.last() == Some(&typed_yes(yes));
        if !is_as_shown {
            return Err(DeskError::Refused(format!(
                "somebody changed one of them since it was shown: look again, with `mattersync {again}`"
            )));
        }
        view.plan = Plan {
            steps: vec![step],
            ..Plan::default()
        };
        Ok(report)
    });
    let (summary, report) = run.await?;
    Ok(LinkReport {
        done: Some(summary.facts),
        ..report
    })
}

fn typed_yes(seen: &str) -> String {
    format!("--yes={seen}")
}

/// Makes the step, and shows what it does to both parties and to the next plan.
fn preview(
    view: &mut View,
    policy: &Policy,
    now: &Now,
    link: LinkStep,
    by: &str,
) -> (LinkReport, Step) {
    let step = link.step(view, by);
    let (account, user) = {
        let world = view.world();
        let user_index = UserIndex::of(&world, policy);
        let account = view.account(&link.key);
        let user = view.users.get(&link.user);
        (
            account.map(|a| AccountSide::of(view, &link.key, a)),
            user.map(|u| UserSide::of(view, &user_index, u)),
        )
    };
    let mut type_this = link.words;
    type_this.push(typed_yes(&seen(account.as_ref(), user.as_ref())));
    let before = view.memory.clone();
    let effect = match link.action {
        Action::Unlink { .. } => Effect::Unlinked,
        Action::MoveLink { .. } => Effect::Moved,
        _ => Effect::Adopted,
    };
    for change in remember(&step, &effect, &before, now) {
        view.memory.remember(&change);
    }
    let plan = plan(&view.world(), policy, now);
    view.memory = before;
    let report = LinkReport {
        linked: link.linked,
        account,
        user,
        as_new: matches!(step.action, Action::Unlink { as_new: true, .. }),
        warnings: link.warnings,
        then: Outlook::of(&plan, Some(&link.key), Some(&link.user)),
        key: link.key,
        user_id: link.user,
        type_this,
        done: None,
    };
    (report, step)
}

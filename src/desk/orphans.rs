//! Active human users whom no account stands behind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cycle::{Engine, Sides, View};
use crate::model::{Action, Remember, Timestamp, Unread, UserChange, UserId, Why};
use crate::plan::{LinkObstacle, UserIndex};

use super::error::DeskError;
use super::parties::UserSide;
use super::past_steps::add_activity;
use super::person::find_user;
use super::request::{Asker, Question, Request};

/// List the orphans.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Orphans {
    /// Read both sides anew.
    #[serde(default)]
    pub fresh: bool,
}

/// Note that a person has looked at a user whom no account stands behind, or take the note back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Keep {
    /// Username, address or id.
    pub user: String,
    /// Take the note back.
    #[serde(default)]
    pub undo: bool,
}

/// All orphans.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrphansReport {
    /// Each of them, oldest first.
    pub orphans: Vec<Orphan>,
    /// Guests, behind whom no account is expected.
    pub guests: Vec<Orphan>,
    /// What could not be read: who stands behind a user may be among it.
    #[serde(default)]
    pub incomplete: Vec<Unread>,
    /// When that was read from which this is answered; `None` if it was read for this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Timestamp>,
}

/// One user whom no account stands behind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Orphan {
    /// The user.
    pub user: UserSide,
    /// Who looked at it and when, if somebody did.
    pub kept: Option<SaidBy>,
    /// An account that the user is, or may be: an adoption that waits, a conflict.
    pub perhaps: Option<String>,
    /// Whether the plan adopts the user, so that they soon have an account.
    #[serde(default)]
    pub adopted: bool,
    /// Who took it apart from an account, when.
    pub unlinked: Option<SaidBy>,
}

/// A person's word, with when it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidBy {
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Request for Orphans {
    const NAME: &'static str = "orphans";
    type Tool = Engine;
    type Answer = OrphansReport;

    fn writes(&self) -> bool {
        false
    }

    async fn run(self, engine: &mut Engine, asker: &Asker<'_>) -> Result<OrphansReport, DeskError> {
        let sides = engine.read_sides(asker.stages).await?;
        self.answer(&sides).await
    }
}

impl Question for Orphans {
    fn is_fresh(&self) -> bool {
        self.fresh
    }

    async fn answer(self, sides: &Sides) -> Result<OrphansReport, DeskError> {
        let mut report = orphans(sides);
        let both = report.orphans.iter_mut().chain(&mut report.guests);
        add_activity(sides, both.map(|o| &mut o.user).collect()).await;
        Ok(report)
    }
}

fn orphans(sides: &Sides) -> OrphansReport {
    let view = &sides.view;
    let world = view.world();
    let user_index = UserIndex::of(&world, &sides.settings().policy);
    let perhaps = perhaps(view, &user_index);
    let adopted = view.adopted();
    let apart = view
        .memory
        .accounts_with(|account| account.unlinked.as_ref());
    let apart: BTreeMap<&UserId, _> = apart.map(|(_, mark)| (&mark.user, mark)).collect();
    let mut all: Vec<Orphan> = user_index
        .orphans()
        .map(|user| Orphan {
            user: UserSide::of(view, &user_index, user),
            kept: view.memory.kept(&user.id).map(|kept| SaidBy {
                by: kept.by.clone(),
                at: kept.at,
            }),
            perhaps: perhaps.get(&user.id).cloned(),
            adopted: adopted.contains(&user.id),
            unlinked: apart.get(&user.id).map(|mark| SaidBy {
                by: mark.by.clone(),
                at: mark.at,
            }),
        })
        .collect();
    all.sort_by(|a, b| {
        let key = |o: &Orphan| (o.user.created_at, o.user.username.clone());
        key(a).cmp(&key(b))
    });
    let (guests, orphans) = all.into_iter().partition(|o| o.user.guest);
    OrphansReport {
        orphans,
        guests,
        incomplete: view.unread(),
        read: sides.read,
    }
}

/// The accounts that the plan brings together with users without one.
fn perhaps(view: &View, user_index: &UserIndex<'_>) -> BTreeMap<UserId, String> {
    let mut perhaps = BTreeMap::new();
    let conflicts = view.plan.left_alone.iter();
    for left in conflicts.filter(|l| matches!(l.why, Why::Conflict { .. })) {
        let Some(key) = &left.subject.account else {
            continue;
        };
        let claims = view
            .account(key)
            .map(|account| user_index.claims(key, account));
        for claim in claims.into_iter().flatten() {
            let account = format!("in conflict with the account {}", left.subject);
            perhaps.insert(claim.user.id.clone(), account);
        }
    }
    for step in &view.plan.steps {
        if let Action::Adopt { user, .. } = &step.action {
            let account = format!("to be adopted by the account {}", step.subject);
            perhaps.insert(user.clone(), account);
        }
    }
    perhaps
}

impl Request for Keep {
    const NAME: &'static str = "keep";
    type Tool = Engine;
    type Answer = Orphan;

    fn writes(&self) -> bool {
        true
    }

    async fn run(self, engine: &mut Engine, asker: &Asker<'_>) -> Result<Orphan, DeskError> {
        let view = engine.look_at_mattermost(asker.stages).await?;
        let user = find_user(&view, &self.user)?;
        let world = view.world();
        let user_index = UserIndex::of(&world, &engine.settings().policy);
        let old = view.memory.kept(&user.id);
        if !self.undo
            && let Some(
                obstacle @ (LinkObstacle::Linked(_)
                | LinkObstacle::Bot
                | LinkObstacle::Remote
                | LinkObstacle::Own),
            ) = user_index.obstacle(user)
        {
            return Err(DeskError::Refused(format!(
                "{} is no orphan and needs no word: {obstacle}",
                user.username
            )));
        }
        if self.undo && old.is_none() {
            return Err(DeskError::Refused(format!(
                "nobody said that {} is kept",
                user.username
            )));
        }
        let kept = (!self.undo).then(|| crate::model::Kept {
            by: asker.by.to_owned(),
            at: engine.clock().now().wall,
            witness: false,
        });
        let note = vec![Remember::User(
            user.id.clone(),
            UserChange::Kept(kept.clone()),
        )];
        engine.store().observe(note).await?;
        let words = if self.undo {
            "takes back: keep"
        } else {
            "keeps"
        };
        tracing::info!(
            sync_action = "keep",
            mm_user_id = user.id.as_str(),
            mm_username = user.username.as_str(),
            "{} {words} {}, whom no account stands behind",
            asker.by,
            user.username
        );
        Ok(Orphan {
            user: UserSide::of(&view, &user_index, user),
            kept: kept.map(|kept| SaidBy {
                by: kept.by,
                at: kept.at,
            }),
            perhaps: None,
            adopted: false,
            unlinked: None,
        })
    }
}

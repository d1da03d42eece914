//! Active human users whom no account stands behind.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::model::{
    Action, Order, Plan, Remember, Timestamp, Unread, User, UserChange, UserId, Why,
};
use crate::plan::{Bar, Crowd, Policy};

use super::super::errand::{Asker, Errand};
use super::super::{CycleError, Engine, SyncReport, View, WordError};
use super::hand::in_letters;
use super::outlook::Outlook;
use super::sides::UserSide;

/// List the orphans.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Orphans {}

/// Note that a person has looked at a user whom no account stands behind, or take the note back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Keep {
    /// Username, address or id.
    pub user: String,
    /// Take the note back.
    #[serde(default)]
    pub undo: bool,
}

/// Deactivate a user whom no account stands behind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeactivateOrphan {
    /// Username, address or id.
    pub user: String,
    /// The user may be a system administrator.
    #[serde(default)]
    pub admin: bool,
    /// Do it; what was shown, or empty for whatever is found now.
    #[serde(default)]
    pub yes: Option<String>,
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
}

/// One user whom no account stands behind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Orphan {
    /// The user.
    pub user: UserSide,
    /// Who looked at it and when, if somebody did.
    pub kept: Option<Kept>,
    /// An account that the user is, or may be: an adoption that waits, a conflict.
    pub perhaps: Option<String>,
    /// Who took it apart from an account, when.
    pub unlinked: Option<Kept>,
}

/// A person's word, with when it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What deactivating an orphan does, or did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrphanOut {
    /// Who.
    pub user: UserSide,
    /// What is planned.
    pub then: Outlook,
    /// What to type to do exactly this.
    pub type_this: Vec<String>,
    /// What was done; none when it was only shown.
    pub done: Option<SyncReport>,
}

impl Errand for Orphans {
    const NAME: &'static str = "orphans";
    const WRITES: bool = false;
    type Answer = OrphansReport;

    fn run<'a>(
        self,
        engine: &'a mut Engine,
        asker: &'a Asker<'a>,
    ) -> BoxFuture<'a, Result<OrphansReport, WordError>> {
        Box::pin(async move {
            let view = engine.look(asker.stages).await?;
            let mut report = orphans(engine, &view);
            let both = report.orphans.iter_mut().chain(&mut report.guests);
            engine
                .tell_activity(both.map(|o| &mut o.user).collect())
                .await;
            Ok(report)
        })
    }
}

fn orphans(engine: &Engine, view: &View) -> OrphansReport {
    let world = view.world();
    let crowd = Crowd::of(&world, &engine.settings().policy);
    let perhaps = perhaps(view, &crowd);
    let apart = view
        .memory
        .accounts_with(|account| account.unlinked.as_ref());
    let apart: BTreeMap<&UserId, _> = apart.map(|(_, mark)| (&mark.user, mark)).collect();
    let mut all: Vec<Orphan> = crowd
        .orphans()
        .map(|user| Orphan {
            user: UserSide::of(view, &crowd, user),
            kept: view.memory.kept(&user.id).map(|kept| Kept {
                by: kept.by.clone(),
                at: kept.at,
            }),
            perhaps: perhaps.get(&user.id).cloned(),
            unlinked: apart.get(&user.id).map(|mark| Kept {
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
    }
}

/// The accounts that the plan brings together with users without one.
fn perhaps(view: &View, crowd: &Crowd<'_>) -> BTreeMap<UserId, String> {
    let mut perhaps = BTreeMap::new();
    let conflicts = view.plan.left_alone.iter();
    for left in conflicts.filter(|l| matches!(l.why, Why::Conflict { .. })) {
        let Some(key) = &left.subject.account else {
            continue;
        };
        let claims = view.account(key).map(|account| crowd.claims(key, account));
        for claim in claims.into_iter().flatten() {
            let dn = left.subject.dn.clone().unwrap_or_default();
            perhaps.insert(claim.user.id.clone(), format!("in conflict with {dn}"));
        }
    }
    for step in &view.plan.steps {
        if let Action::Adopt { user, .. } = &step.action {
            let dn = step.subject.dn.clone().unwrap_or_default();
            perhaps.insert(user.clone(), format!("to be adopted by {dn}"));
        }
    }
    perhaps
}

impl View {
    /// How many active human users no account stands behind, and nobody has looked at. Guests, and
    /// who is named in `policy.protect` or about to be adopted, are not counted.
    pub(in super::super) fn count_orphans(&self, policy: &Policy) -> usize {
        let world = self.world();
        let crowd = Crowd::of(&world, policy);
        let adopted: BTreeSet<&UserId> = adopted(&self.plan).collect();
        let is_news = |user: &&User| {
            !user.is_guest()
                && !crowd.is_protected(user)
                && self.memory.kept(&user.id).is_none()
                && !adopted.contains(&user.id)
        };
        crowd.orphans().filter(is_news).count()
    }
}

fn adopted(plan: &Plan) -> impl Iterator<Item = &UserId> {
    plan.steps.iter().filter_map(|step| match &step.action {
        Action::Adopt { user, .. } => Some(user),
        _ => None,
    })
}

impl Errand for Keep {
    const NAME: &'static str = "keep";
    const WRITES: bool = true;
    type Answer = Orphan;

    fn run<'a>(
        self,
        engine: &'a mut Engine,
        asker: &'a Asker<'a>,
    ) -> BoxFuture<'a, Result<Orphan, WordError>> {
        Box::pin(async move {
            let view = engine.look_at_mattermost(asker.stages).await?;
            let user = view.find_user(&self.user)?;
            let world = view.world();
            let crowd = Crowd::of(&world, &engine.settings().policy);
            let old = view.memory.kept(&user.id);
            if !self.undo
                && let Some(bar @ (Bar::Linked(_) | Bar::Bot | Bar::Remote | Bar::Own)) =
                    crowd.bar(user)
            {
                return Err(WordError::Refused(format!(
                    "{} is no orphan and needs no word: {bar}",
                    user.username
                )));
            }
            if self.undo && old.is_none() {
                return Err(WordError::Refused(format!(
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
            engine
                .store()
                .observe(note)
                .await
                .map_err(CycleError::from)?;
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
                user: UserSide::of(&view, &crowd, user),
                kept: kept.map(|kept| Kept {
                    by: kept.by,
                    at: kept.at,
                }),
                perhaps: None,
                unlinked: None,
            })
        })
    }
}

impl Errand for DeactivateOrphan {
    const NAME: &'static str = "deactivate-orphan";
    const WRITES: bool = true;
    type Answer = OrphanOut;

    fn writes(&self) -> bool {
        self.yes.is_some()
    }

    fn run<'a>(
        self,
        engine: &'a mut Engine,
        asker: &'a Asker<'a>,
    ) -> BoxFuture<'a, Result<OrphanOut, WordError>> {
        Box::pin(async move {
            let mut view = engine.look_at_mattermost(asker.stages).await?;
            let user = view.find_user(&self.user)?.clone();
            let side = may_go(engine, &view, &user, self.admin)?;
            let seen = in_letters(&side);
            let mut words = vec!["deactivate".to_owned(), "--orphan".to_owned()];
            words.extend(self.admin.then(|| "--admin".to_owned()));
            words.push(user.id.to_string());
            if self
                .yes
                .as_ref()
                .is_some_and(|yes| !yes.is_empty() && *yes != seen)
            {
                return Err(WordError::Refused(format!(
                    "{} was changed since it was shown: look again, with `mattersync {}`",
                    user.username,
                    words.join(" ")
                )));
            }
            words.push(format!("--yes={seen}"));
            let now = engine.clock().now();
            let order = Order {
                by: asker.by.to_owned(),
                at: now.wall,
            };
            let order = UserChange::Order(Some(order));
            view.memory
                .remember(&Remember::User(user.id.clone(), order));
            let then = Outlook::of(&engine.plan(&view, &now), None, Some(&user.id));
            if let (true, Some(left)) = (then.steps.is_empty(), then.left_alone.last()) {
                let why = format!("{} is not deactivated: {}", left.subject, left.why);
                return Err(WordError::Refused(why));
            }
            let done = match &self.yes {
                None => None,
                Some(_) => {
                    let gone = engine.carry_order(&user.id, false, asker);
                    Some(gone.await?.report())
                }
            };
            Ok(OrphanOut {
                user: side,
                then,
                type_this: words,
                done,
            })
        })
    }
}

/// Who may be deactivated by a person's word although no account stands behind.
fn may_go(engine: &Engine, view: &View, user: &User, admin: bool) -> Result<UserSide, WordError> {
    let world = view.world();
    let crowd = Crowd::of(&world, &engine.settings().policy);
    let name = &user.username;
    let why = match crowd.bar(user) {
        Some(Bar::Linked(key)) => Some(format!(
            "{name} is linked to the account {}: type `mattersync deactivate {}`",
            key.id, user.id
        )),
        Some(Bar::Admin) if !admin => Some(format!(
            "{name} is a system administrator: if that is meant, type `mattersync deactivate \
             --orphan --admin {}`",
            user.id
        )),
        Some(Bar::Admin | Bar::Guest) | None => None,
        Some(bar) => Some(format!("{name} is never deactivated from here: {bar}")),
    };
    let kept = view.memory.kept(&user.id).map(|kept| {
        format!(
            "{} said on {} that {name} is kept: if that is over, type `mattersync keep --undo {}`",
            kept.by, kept.at, user.id
        )
    });
    let out = user.deactivated_at;
    let out = out.map(|at| format!("{name} is deactivated already, since {at}"));
    match why.or(kept).or(out) {
        Some(why) => Err(WordError::Refused(why)),
        None => Ok(UserSide::of(view, &crowd, user)),
    }
}

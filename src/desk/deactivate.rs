//! The deactivation of one person, by another person's word.

use serde::{Deserialize, Serialize};

use crate::cycle::{Engine, Scope, Summary, View};
use crate::model::{Action, LeftAlone, Order, Remember, RunKind, User, UserChange, UserId};
use crate::observe::CycleFacts;
use crate::plan::{LinkObstacle, UserIndex, why_left};

use super::error::DeskError;
use super::link::short_digest;
use super::outlook::Outlook;
use super::parties::UserSide;
use super::person::{ToDeactivate, find_to_deactivate};
use super::request::{Asker, Request, Turn};

/// Deactivate one user now, and nothing else. Works without the directory.
///
/// A linked user is deactivated at once. One whom no account stands behind is shown first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deactivate {
    /// Username, address, DN or id.
    pub person: String,
    /// A user whom no account stands behind may be a system administrator.
    #[serde(default)]
    pub admin: bool,
    /// Do it, also to a user whom no account stands behind; what was shown, or empty for whatever
    /// is found now.
    #[serde(default)]
    pub yes: Option<String>,
    /// Only show who is meant.
    #[serde(default)]
    pub only_show: bool,
}

/// What deactivating somebody does, or did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deactivation {
    /// The user, if no account stands behind.
    pub orphan: Option<UserSide>,
    /// The user of an account, where the user was only shown.
    #[serde(default)]
    pub linked: Option<UserSide>,
    /// What is planned for that user.
    pub then: Outlook,
    /// What to type to do exactly this to that user.
    pub type_this: Vec<String>,
    /// What was done; none when it was only shown.
    pub done: Option<CycleFacts>,
}

impl Request for Deactivate {
    const NAME: &'static str = "deactivate";
    type Tool = Engine;
    type Answer = Deactivation;

    fn writes(&self) -> bool {
        !self.only_show
    }

    fn turn(&self) -> Turn {
        Turn::First
    }

    async fn run(self, engine: &mut Engine, asker: &Asker<'_>) -> Result<Deactivation, DeskError> {
        let view = engine.look_at_mattermost(asker.stages).await?;
        match find_to_deactivate(&view, &self.person)? {
            ToDeactivate::Linked(user) if self.only_show => {
                let world = view.world();
                let user_index = UserIndex::of(&world, &engine.settings().policy);
                let user = view.users.get(&user);
                Ok(Deactivation {
                    orphan: None,
                    linked: user.map(|user| UserSide::of(&view, &user_index, user)),
                    then: Outlook::default(),
                    type_this: Vec::new(),
                    done: None,
                })
            }
            ToDeactivate::Linked(user) => {
                let is_out = view.users.get(&user).is_some_and(|u| !u.is_active());
                let done = carry_order(engine, &user, is_out, asker).await?;
                Ok(Deactivation {
                    orphan: None,
                    linked: None,
                    then: Outlook::default(),
                    type_this: Vec::new(),
                    done: Some(done.facts),
                })
            }
            ToDeactivate::Orphan(user) => {
                let user = user.clone();
                deactivate_orphan(engine, view, user, self, asker).await
            }
        }
    }
}

async fn deactivate_orphan(
    engine: &mut Engine,
    mut view: View,
    user: User,
    ask: Deactivate,
    asker: &Asker<'_>,
) -> Result<Deactivation, DeskError> {
    let side = check_may_be_deactivated(engine, &view, &user, ask.admin)?;
    let seen = short_digest(&side);
    let mut words = vec!["deactivate".to_owned()];
    words.extend(ask.admin.then(|| "--admin".to_owned()));
    words.push(user.id.to_string());
    let is_other = |yes: &String| !yes.is_empty() && *yes != seen;
    if ask.yes.as_ref().is_some_and(is_other) {
        return Err(DeskError::Refused(format!(
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
        let why = format!("{} is not deactivated: {}", left.subject, why_left(left));
        return Err(DeskError::Refused(why));
    }
    let done = match ask.yes {
        None => None,
        Some(_) => {
            let gone = carry_order(engine, &user.id, false, asker);
            Some(gone.await?.facts)
        }
    };
    Ok(Deactivation {
        orphan: Some(side),
        linked: None,
        then,
        type_this: words,
        done,
    })
}

/// Checks that a user whom no account stands behind may be deactivated by a person's word.
fn check_may_be_deactivated(
    engine: &Engine,
    view: &View,
    user: &User,
    admin: bool,
) -> Result<UserSide, DeskError> {
    let world = view.world();
    let user_index = UserIndex::of(&world, &engine.settings().policy);
    let name = &user.username;
    let why = match user_index.obstacle(user) {
        Some(LinkObstacle::Admin) if !admin => Some(format!(
            "{name} is a system administrator: if that is meant, type `mattersync deactivate --admin \
             {}`",
            user.id
        )),
        Some(LinkObstacle::Admin | LinkObstacle::Guest) | None => None,
        Some(obstacle) => Some(format!("{name} is never deactivated from here: {obstacle}")),
    };
    let kept = view.memory.kept(&user.id).map(|kept| {
        format!(
            "{} said on {} that {name} is kept: if that is over, type `mattersync orphans --unkeep {}`",
            kept.by, kept.at, user.id
        )
    });
    let out = user.deactivated_at;
    let out = out.map(|at| format!("{name} is deactivated already, since {at}"));
    match why.or(kept).or(out) {
        Some(why) => Err(DeskError::Refused(why)),
        None => Ok(UserSide::of(view, &user_index, user)),
    }
}

/// Writes an order to deactivate this user down, and carries it out. `is_out`: the user is
/// deactivated already.
async fn carry_order(
    engine: &mut Engine,
    user: &UserId,
    is_out: bool,
    asker: &Asker<'_>,
) -> Result<Summary, DeskError> {
    let order = Order {
        by: asker.by.to_owned(),
        at: engine.clock().now().wall,
    };
    let note = vec![Remember::User(user.clone(), UserChange::Order(Some(order)))];
    engine.store().observe(note).await?;
    let of_user = |a: &Action| matches!(a, Action::Deactivate { user: u, .. } if u == user);
    let forget = vec![Remember::User(user.clone(), UserChange::Order(None))];
    let course = asker.course(
        RunKind::Deactivate,
        Scope::Named {
            with_directory: false,
        },
    );
    let run = engine.run_chosen(course, |mut planned| {
        planned.keep_steps(|step| step.action.user() == Some(user));
        Ok(())
    });
    let summary = match run.await {
        Ok((summary, ())) => summary,
        Err(error) => {
            let error: DeskError = error;
            // After a failure nobody expects the deactivation days later. If it was sent already,
            // the order stays until its outcome is known.
            let unsettled = engine.store().unsettled().await?;
            if !unsettled.iter().any(|u| of_user(&u.step.action)) {
                engine.store().observe(forget).await?;
            }
            return Err(error);
        }
    };
    if is_out || summary.view.plan.steps.iter().any(|s| of_user(&s.action)) {
        return Ok(summary);
    }
    // The user is out of reach: the order must not wait for the day on which that changes.
    engine.store().observe(forget).await?;
    Err(DeskError::Refused(why_not(&summary.view, user)))
}

fn why_not(view: &View, user: &UserId) -> String {
    let about = |s: &&LeftAlone| s.subject.user.as_ref() == Some(user);
    // Orders are judged first; what follows is about a directory that was not read.
    match view.plan.left_alone.iter().find(about) {
        Some(left) => format!("{} was not deactivated: {}", left.subject, why_left(left)),
        None => "the user was not deactivated".to_owned(),
    }
}

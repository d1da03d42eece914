//! Compares what is remembered with what Mattermost has. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cycle::{Engine, View};
use crate::model::{
    AccountKey, Action, Evidence, Link, LinkOrigin, Memory, Outcome, Reason, User, UserId,
    shell_word,
};
use crate::plan::{LinkObstacle, Sentence, unknown_marks};
use crate::state::{PastStep, Unsettled};

use super::error::DeskError;
use super::request::{Asker, Request};

/// The most steps of earlier runs in which a person's word is looked for.
const PAST: u32 = 500;

/// Compare the state with Mattermost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StateCheck {}

/// What a comparison found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StateReport {
    /// How many links there are; `None` if the state file could not be read.
    pub links: Option<usize>,
    /// How many users Mattermost has, bots and deactivated ones included; `None` if they could not
    /// be read.
    pub users: Option<usize>,
    /// The number of the last run, 0 for none; `None` if the state file could not be read.
    pub last_run: Option<i64>,
    /// What is wrong, each with what to do. Empty when all is well.
    pub findings: Vec<Finding>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whom or what it is about; empty for the file as a whole.
    pub subject: String,
    /// What is wrong.
    pub what: String,
    /// What to type, or where to look.
    pub instead: String,
}

/// What to type about a file that is damaged.
const RESTORE: &str = "`systemctl stop mattersync; mattersync state restore`";

impl StateReport {
    fn find(&mut self, subject: &str, what: impl Into<String>, instead: impl Into<String>) {
        self.findings.push(Finding {
            subject: subject.to_owned(),
            what: what.into(),
            instead: instead.into(),
        });
    }

    /// A file that cannot even be read. The reason says what to do: a newer file, or one on a full
    /// disk, is not to be replaced by its copy.
    pub fn unreadable(what: String) -> Self {
        let mut report = Self::default();
        report.find("", what, "do that, then `mattersync state check`");
        report
    }
}

impl Request for StateCheck {
    const NAME: &'static str = "state-check";
    type Tool = Engine;
    type Answer = StateReport;

    fn writes(&self) -> bool {
        false
    }

    async fn run(self, engine: &mut Engine, asker: &Asker<'_>) -> Result<StateReport, DeskError> {
        let mut report = StateReport::default();
        match engine.store().verify().await {
            Ok(faults) => {
                for fault in faults {
                    report.find("", format!("the state file is damaged: {fault}"), RESTORE);
                }
            }
            Err(error) => return Ok(StateReport::unreadable(error.to_string())),
        }
        let unsettled = match engine.store().load().await {
            Ok(memory) => {
                report.links = Some(memory.links().count());
                engine.store().unsettled().await
            }
            Err(error) => Err(error),
        };
        let unsettled = match unsettled {
            Ok(unsettled) => unsettled,
            Err(error) => return Ok(StateReport::unreadable(error.to_string())),
        };
        report.last_run = engine.store().last_run().await.ok().map(|run| run.0);
        match engine.look_at_mattermost(asker.stages).await {
            Ok(view) => {
                let by_hand = linked_by_hand(engine, &view).await?;
                compare(&mut report, &view, &by_hand);
            }
            Err(error) => report.find(
                "",
                format!("what Mattermost has could not be compared: {error}"),
                "`mattersync check`",
            ),
        }
        tell_unsettled(&mut report, &unsettled);
        Ok(report)
    }
}

/// Returns the adopted administrators whom a person linked: only `link --admin` does that, and it
/// is what the person wanted.
async fn linked_by_hand(engine: &Engine, view: &View) -> Result<BTreeSet<UserId>, DeskError> {
    let mut by_hand = BTreeSet::new();
    for (key, link) in view.memory.links() {
        let is_admin = view.users.get(&link.user).is_some_and(User::is_admin);
        if link.origin != LinkOrigin::Adopted || !is_admin {
            continue;
        }
        let past = engine.store();
        let past = past.steps_about(Some(key), Some(&link.user), PAST).await?;
        let is_link = |past: &PastStep| {
            matches!(past.record.step.action, Action::Adopt { .. })
                && matches!(past.record.step.reason, Reason::ByHand { .. })
                && past.record.outcome == Some(Outcome::Done)
        };
        if past.iter().any(is_link) {
            by_hand.insert(link.user.clone());
        }
    }
    Ok(by_hand)
}

fn compare(report: &mut StateReport, view: &View, by_hand: &BTreeSet<UserId>) {
    let memory = &view.memory;
    report.users = Some(view.users.len());
    if let Some(restored) = &memory.server.restored {
        report.find(
            "",
            format!("{} (noticed {})", restored.how, restored.at),
            "`mattersync plan` and, if it is right, `mattersync approve restored`",
        );
    }
    for (other, links) in view.strangers() {
        report.find(
            other.as_str(),
            format!("{links} links are of this provider, which the configuration does not name"),
            format!(
                "name the provider {:?} as before, if it is the same directory",
                other.as_str()
            ),
        );
    }
    for (key, link) in memory.links() {
        let name = format!("{} ({})", link.last_username, link.last_dn);
        match view.users.look(&link.user) {
            Evidence::Present(user) => one(report, (view, by_hand), &name, link, user),
            Evidence::Absent(_) => report.find(
                &name,
                format!("its user {} no longer exists on Mattermost", link.user),
                format!("`mattersync unlink {}`", shell_word(key.id.as_str())),
            ),
            Evidence::Unknown(gap) => report.find(
                &name,
                format!("its user {} could not be read: {gap}", link.user),
                "`mattersync state check`, again",
            ),
        }
    }
    twice(report, memory);
    for id in unknown_marks(&view.users, memory) {
        let name = view.users.get(&id).map_or("", |user| &user.username);
        let typed = match name {
            "" => id.as_str(),
            name => name,
        };
        report.find(
            name,
            format!(
                "carries the mark of a creation by mattersync, which anybody can write, and no \
                 account is linked to it (user {id})"
            ),
            format!(
                "`mattersync plan`: an adoption that it shows is done by `mattersync approve \
                 adopt`; if it is nobody whom mattersync made, `mattersync orphans --keep {}`",
                shell_word(typed)
            ),
        );
    }
}

/// One link whose user is there.
fn one(
    report: &mut StateReport,
    (view, by_hand): (&View, &BTreeSet<UserId>),
    name: &str,
    link: &Link,
    user: &User,
) {
    let who = format!("its user {} ({})", user.username, user.id);
    let typed = shell_word(&user.username);
    let unlink = format!("`mattersync unlink {typed}`");
    if view.server.own_user.as_ref() == Some(&user.id) {
        let what = format!("{who} is the account that mattersync works with");
        report.find(name, what, unlink);
    } else if user.is_bot {
        report.find(name, format!("{who} is a bot"), unlink);
    } else if user.is_remote {
        report.find(name, format!("{who}: {}", LinkObstacle::Remote), unlink);
    } else if user.is_admin() && link.origin == LinkOrigin::Adopted && !by_hand.contains(&user.id) {
        report.find(
            name,
            format!(
                "{who} was adopted and is a system administrator: nobody who was one is adopted, \
                 so somebody made it one since"
            ),
            format!(
                "{unlink}; and then, if they are one person, `mattersync link --admin {} {typed}`: \
                 with a person's word it is no longer listed",
                shell_word(&link.last_username)
            ),
        );
    }
    let Some(ours) = &link.deactivated else {
        return;
    };
    match (ours.delete_at, user.deactivated_at) {
        (Some(_), None) => report.find(
            name,
            format!("{who} was deactivated by mattersync, and is active"),
            format!(
                "if somebody reactivated it on purpose, nothing; else `mattersync deactivate {typed}`"
            ),
        ),
        (Some(seen), Some(at)) if seen != at => report.find(
            name,
            format!(
                "{who} was deactivated by mattersync at {seen}, and again by somebody else at {at}"
            ),
            "nothing, if that was on purpose: it is not reactivated by itself",
        ),
        _ => {}
    }
}

/// Users that two accounts are linked to.
fn twice(report: &mut StateReport, memory: &Memory) {
    let mut owners: BTreeMap<&UserId, Vec<&AccountKey>> = BTreeMap::new();
    for (key, link) in memory.links() {
        owners.entry(&link.user).or_default().push(key);
    }
    for (user, keys) in owners.iter().filter(|(_, keys)| keys.len() > 1) {
        let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
        report.find(
            user.as_str(),
            format!("is linked to more than one account: {}", names.join(", ")),
            format!("`mattersync unlink {}`", shell_word(keys[0].id.as_str())),
        );
    }
}

fn tell_unsettled(report: &mut StateReport, unsettled: &[Unsettled]) {
    for doubt in unsettled {
        report.find(
            &doubt.step.subject.to_string(),
            format!(
                "nobody knows yet whether this was done in run {}: {}",
                doubt.run.0,
                Sentence(&doubt.step)
            ),
            "`mattersync sync`: the next cycle looks",
        );
    }
}

//! The record as it is told, to people and to programs. What is here is the JSON of `history
//! --json` and `history RUN --json`: a field may be added, none changes its meaning or goes away without
//! a new [`SCHEMA`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{
    About, Action, ActionKind, BelongingKind, HeldBack, Made, MattermostProof, Memory, Note, Noted,
    Outcome, OutcomeKind, ReadingProof, StepId, StepRecord, Timestamp,
};
use crate::plan::inverse;
use crate::state::{People, RunHead, RunRecord, RunState, StepCount};

/// The version of the form.
pub const SCHEMA: u32 = 2;

/// Runs, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HistoryReport {
    /// The version of this form.
    pub schema: u32,
    /// The runs.
    pub runs: Vec<RunReport>,
    /// What happened outside of runs: each person who was forgotten, without a name; when something
    /// began to be held, and when it no longer was.
    pub events: Vec<NoteReport>,
}

impl HistoryReport {
    pub(super) fn new(runs: Vec<RunReport>, events: Vec<Note>) -> Self {
        Self {
            schema: SCHEMA,
            runs,
            events: events.into_iter().map(NoteReport::from).collect(),
        }
    }
}

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunReport {
    /// The version of this form, where a run stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<u32>,
    /// Its number. Numbers go up and are never given again.
    pub run: i64,
    /// Why it began: `scheduled`, `sync`, `deactivate`, `undo`, `saved-plan`, `command`; `null` for
    /// a run of a version that did not record it.
    pub kind: Option<String>,
    /// Who asked for it; `null` for the schedule.
    pub by: Option<String>,
    /// When it began.
    pub began: Timestamp,
    /// When it ended; `null` if it never did, or goes on.
    pub ended: Option<Timestamp>,
    /// `open`, `finished`, or `abandoned`: its process died.
    pub state: RunState,
    /// SHA-256 of what the configuration said about who is to be what on Mattermost.
    pub configuration: String,
    /// The version of mattersync.
    pub program: Option<String>,
    /// What each directory's reading was and proved; empty for a run that reads none.
    pub readings: Vec<ReadingProof>,
    /// What was read of Mattermost.
    pub mattermost: Option<MattermostProof>,
    /// Which approvals released steps of this run.
    pub approvals: Vec<ApprovalReport>,
    /// What was held back at the time, and was not done.
    pub held: Vec<HeldBack>,
    /// How many steps that was, each counted once; `null` for a run of a version that did not
    /// record it.
    #[serde(default)]
    pub held_steps: Option<u64>,
    /// How many were looked at and left alone, by the kind of reason.
    pub left_alone: BTreeMap<String, u64>,
    /// How many steps of each kind had which outcome.
    pub counts: Vec<StepCount>,
    /// Who it was, of the kinds of which few steps were done; only where neither the steps nor the
    /// whole record were asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub few: BTreeMap<ActionKind, Vec<String>>,
    /// E-mails that the steps which were carried out caused.
    pub mails: u64,
    /// The steps in the order of the plan; only where they were asked for.
    #[serde(default)]
    pub steps: Vec<StepReport>,
    /// What else was found out; only where the steps were asked for.
    #[serde(default)]
    pub notes: Vec<NoteReport>,
}

/// An approval that released steps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApprovalReport {
    /// What was approved, as `mattersync approve` calls it.
    pub hold: String,
    /// Who approved it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The steps of the run that it released.
    pub steps: Vec<StepId>,
}

/// One step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepReport {
    /// Its number within the run.
    pub number: StepId,
    /// The kind of step.
    pub action: ActionKind,
    /// The class that the guard counts it in, if any.
    pub class: Option<String>,
    /// Name of the user, or of the team.
    pub name: String,
    /// The user's address, as it was before.
    pub email: Option<String>,
    /// The account's DN.
    pub dn: Option<String>,
    /// The account's provider and id.
    pub account: Option<String>,
    /// The user's id, also of one that the step made.
    pub user: Option<String>,
    /// What changed, before and after.
    pub changes: Vec<Change>,
    /// Why, in words.
    pub reason: String,
    /// How many e-mails it causes.
    pub mails: u8,
    /// What became of it.
    pub outcome: OutcomeKind,
    /// Why it was not done, or is unknown.
    pub message: Option<String>,
    /// When it was about to be sent.
    pub intended: Option<Timestamp>,
    /// When its outcome was known.
    pub settled: Option<Timestamp>,
    /// What the server made of it.
    pub made: Option<Made>,
    /// Whether `mattersync undo` can take it back.
    pub can_be_undone: bool,
    /// Why not, where something was done.
    pub not_undone_because: Option<String>,
}

/// A value before and after.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    /// `username`, `email`, `first-name`, …, `active`, `link`, `team`.
    pub what: String,
    /// Before; empty for none.
    pub before: String,
    /// After; empty for none.
    pub after: String,
}

/// A note.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NoteReport {
    /// When.
    pub at: Timestamp,
    /// The account's provider and id.
    pub account: Option<String>,
    /// The user's id.
    pub user: Option<String>,
    /// What was found out.
    #[serde(flatten)]
    pub what: Noted,
}

impl NoteReport {
    /// Leaves out what lets whoever reads it act: the id of an incoming webhook is all that one
    /// needs to post. The record is handed to auditors; `history RUN` has it.
    pub(super) fn without_keys(mut self, run: i64) -> Self {
        if let Noted::Aftermath(after) = &mut self.what {
            let things = after.belongings.iter_mut();
            for hook in things.filter(|left| left.thing.kind == BelongingKind::IncomingWebhook) {
                hook.thing.id.clear();
                hook.to_type = format!("mattersync history {run}");
            }
        }
        self
    }
}

impl From<Note> for NoteReport {
    fn from(note: Note) -> Self {
        Self {
            at: note.at,
            account: note.account.map(|key| key.to_string()),
            user: note.user.map(|user| user.to_string()),
            what: note.what,
        }
    }
}

impl RunReport {
    pub(crate) fn of_head(head: RunHead) -> Self {
        let about = head.about;
        let known = about.is_some();
        let About {
            origin,
            program,
            readings,
            mattermost,
            approvals,
            held,
            held_steps,
            left_alone,
        } = about.unwrap_or_default();
        let approvals = approvals.into_iter().map(|approval| ApprovalReport {
            hold: approval.hold,
            by: approval.by,
            at: approval.at,
            steps: approval.steps,
        });
        Self {
            schema: None,
            run: head.id.0,
            kind: known.then(|| origin.kind.name().to_owned()),
            by: origin.by,
            began: head.began,
            ended: head.ended,
            state: head.state,
            configuration: head.config,
            program: known.then_some(program),
            readings,
            mattermost: known.then_some(mattermost),
            approvals: approvals.collect(),
            held,
            held_steps,
            left_alone,
            counts: head.counts,
            few: BTreeMap::new(),
            mails: head.mails,
            steps: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn of(record: &RunRecord) -> Self {
        Self::of_head(record.head())
    }

    /// Adds the names of those, or of some of them, to whom something was done, of the kinds in
    /// `few`.
    pub(super) fn name(
        &mut self,
        record: &RunRecord,
        few: &BTreeSet<ActionKind>,
        who: Option<&People>,
    ) {
        for step in of(record, who) {
            let kind = step.step.action.kind();
            if few.contains(&kind) && step.outcome_kind() == OutcomeKind::Done {
                let names = self.few.entry(kind).or_default();
                names.push(step.step.subject.name.clone());
            }
        }
    }

    /// Adds the steps and notes, or those about some people.
    pub(super) fn add(
        &mut self,
        record: &RunRecord,
        notes: Vec<Note>,
        memory: &Memory,
        open: &BTreeSet<StepId>,
        who: Option<&People>,
    ) {
        self.steps = of(record, who)
            .map(|step| report(step, memory, open))
            .collect();
        let notes = notes.into_iter().filter(|note| {
            who.is_none_or(|who| who.has(note.account.as_ref(), note.user.as_ref()))
        });
        self.notes = notes.map(NoteReport::from).collect();
    }
}

/// Returns the steps of a run, or those about some people.
fn of<'a>(record: &'a RunRecord, who: Option<&'a People>) -> impl Iterator<Item = &'a StepRecord> {
    let about = move |step: &&StepRecord| match who {
        Some(who) => who.has(step.account(), step.user()),
        None => true,
    };
    record.steps.iter().filter(about)
}

fn report(record: &StepRecord, memory: &Memory, open: &BTreeSet<StepId>) -> StepReport {
    let step = &record.step;
    let message = record.outcome.as_ref().and_then(Outcome::why);
    let message = message.map(str::to_owned);
    let inverse = inverse(record, memory);
    let settled_later =
        matches!(record.outcome, Some(Outcome::Unknown(_))) && !open.contains(&step.id);
    StepReport {
        number: step.id,
        action: step.action.kind(),
        class: step.class().map(|class| class.name().to_owned()),
        name: step.subject.name.clone(),
        email: step.subject.email.clone(),
        dn: step.subject.dn.clone(),
        account: record.account().map(ToString::to_string),
        user: record.user().map(ToString::to_string),
        changes: changes(record),
        reason: step.reason.to_string(),
        mails: step.mails,
        outcome: record.outcome_kind(),
        message,
        intended: record.intended,
        settled: record.settled,
        made: record.made.clone(),
        can_be_undone: matches!(inverse, Ok(Some(_))),
        not_undone_because: match inverse {
            Err(_) if settled_later => {
                Some("what became of it was never known, and a later run began it anew".into())
            }
            Err(why) => Some(why),
            Ok(_) => None,
        },
    }
}

/// What a step changed, before and after.
fn changes(record: &StepRecord) -> Vec<Change> {
    let change = |what: &str, before: &str, after: &str| Change {
        what: what.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    };
    match &record.step.action {
        Action::CreateUser { user, .. } => {
            let mut changes = vec![
                change("username", "", &user.username),
                change("email", "", &user.email),
            ];
            let fields = user.profile.iter();
            changes.extend(fields.map(|(field, value)| change(&field.to_string(), "", value)));
            changes
        }
        Action::Rename { username, .. } => vec![change("username", &username.from, &username.to)],
        Action::ChangeEmail { email, .. } => vec![change("email", &email.from, &email.to)],
        Action::UpdateProfile { changes, .. } => {
            let stored = record.made.as_ref().map(|made| &made.stored);
            let changes = changes.iter();
            let changes = changes.map(|(field, values)| {
                let stored = stored.and_then(|stored| stored.get(field));
                let after = stored.unwrap_or(&values.to);
                change(&field.to_string(), &values.from, after)
            });
            changes.collect()
        }
        Action::Deactivate { .. } => vec![change("active", "yes", "no")],
        Action::Reactivate { .. } => vec![change("active", "no", "yes")],
        Action::Purge { user, .. } => vec![change("user", user.as_str(), "")],
        Action::Adopt { user, .. } => vec![change("link", "", user.as_str())],
        Action::MoveLink { from, account, .. } => {
            vec![change("account", from.id.as_str(), account.id.as_str())]
        }
        Action::Unlink { user, .. } => vec![change("link", user.as_str(), "")],
        Action::ResetAccess { .. } => vec![change("password", "", "(random)")],
        Action::EndSessions { .. } => vec![change("sessions", "open", "ended")],
        Action::AssignBot { user, to, .. } => {
            vec![change("owner", user.as_str(), to.as_str())]
        }
        Action::CreateTeam { name, .. } => vec![change("team", "", name)],
        Action::JoinTeam { team_name, .. } => vec![change("team", "", team_name)],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_auditors_get_lets_nobody_post() {
        let hook = json!({
            "kind": BelongingKind::IncomingWebhook, "id": "secret1", "name": "deploy",
            "owner": "u", "active": true, "state": "", "to_type": "mmctl webhook delete secret1",
        });
        let token = json!({
            "kind": BelongingKind::Token, "id": "t", "name": "", "owner": "u", "active": true,
            "state": "", "to_type": "revoke t",
        });
        let after = json!({
            "user": "u", "name": "ada", "account": null, "fate": "left",
            "belongings": [hook, token],
        });
        let note = NoteReport {
            at: Timestamp(0),
            account: None,
            user: Some("u".into()),
            what: Noted::Aftermath(serde_json::from_value(after).unwrap()),
        };
        let shown = note.without_keys(12);
        let shown = serde_json::to_value(shown).unwrap();
        assert!(!shown.to_string().contains("secret1"), "{shown}");
        let things = &shown["value"]["belongings"];
        assert_eq!(things[0]["name"], "deploy");
        assert_eq!(things[0]["to_type"], "mattersync history 12");
        assert_eq!(things[1]["id"], "t");
    }
}

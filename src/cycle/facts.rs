//! What a cycle tells of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::apply::Report;
use crate::mattermost::Counts;
use crate::model::{
    AccountState, Action, Aftermath, Directory, Evidence, Gap, Now, Profile, ProfileField,
    ProviderName, ReadingProof, Released, RunId, Step, StepId, User, full_name,
};
use crate::observe::{Adoption, CycleFacts, DirectoryFacts, Mails, PlanFacts, Side};
use crate::plan::{approved, hold_name, next_expiry, witnesses};

use super::read::View;

/// What a cycle saw and did.
#[derive(Debug)]
pub struct Summary {
    /// Both sides as they were read, and what is remembered.
    pub view: View,
    /// Whatever is told of the cycle.
    pub facts: CycleFacts,
}

impl View {
    /// Tells what was read at this time, and what is planned.
    pub fn facts(&self, now: &Now) -> PlanFacts {
        let directories = self.directories.iter();
        let mails = Mails::of(self.plan.released());
        PlanFacts {
            directories: directories
                .map(|(name, directory)| (name.clone(), DirectoryFacts::of(directory)))
                .collect(),
            incomplete: self.unread(),
            users: self.users.len(),
            linked: self.memory.links().count(),
            orphans: self.orphans,
            strangers: self.strangers(),
            made_elsewhere: witnesses(&self.world())
                .iter()
                .map(|user| user.username.clone())
                .collect(),
            version: self.server.version,
            seats: self.server.seats,
            mails: mails.sum(),
            mails_about: mails,
            adoptions: adoptions(self),
            next_expiry: next_expiry(&self.directories, now.wall),
            readings: readings(self),
            plan: self.plan.clone(),
        }
    }
}

/// Adds what became of the steps of a plan.
pub(super) fn cycle_facts(
    plan: PlanFacts,
    run: Option<RunId>,
    report: Report,
    aftermath: Vec<Aftermath>,
    (counts, took): (Counts, Duration),
) -> CycleFacts {
    let unknown = report.unknown.iter().map(|(id, _)| id);
    let sent: BTreeSet<&StepId> = report.done.iter().chain(unknown).collect();
    let mails = Mails::of(
        plan.plan
            .steps
            .iter()
            .filter(|step| sent.contains(&step.id)),
    );
    let ids: BTreeSet<&StepId> = report.done.iter().collect();
    let mut done = BTreeMap::new();
    for step in plan.plan.steps.iter().filter(|step| ids.contains(&step.id)) {
        *done.entry(step.action.kind()).or_insert(0) += 1;
    }
    CycleFacts {
        plan,
        run,
        done,
        first_password: None,
        done_steps: report.done,
        not_done: report.not_done,
        waiting: report.waiting,
        unknown: report.unknown,
        stopped: report.stopped,
        aftermath,
        mails,
        requests: counts.requests,
        writes: counts.writes,
        rate_limited: counts.rate_limited,
        seconds: took.as_secs_f64(),
    }
}

fn readings(view: &View) -> Vec<ReadingProof> {
    let readings = view.directories.iter().filter(|(_, d)| was_read(d));
    readings.map(|(name, d)| reading(name, d)).collect()
}

fn count(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}

fn was_read(directory: &Directory) -> bool {
    let gaps = directory.accounts.gaps();
    !gaps.contains(&Gap::NotRead)
}

fn reading(name: &ProviderName, directory: &Directory) -> ReadingProof {
    let (accounts, groups) = (&directory.accounts, &directory.groups);
    let source = accounts.source();
    let gaps = accounts.gaps().iter();
    ReadingProof {
        provider: name.to_string(),
        source: source.name.clone(),
        context: source.where_ids_count(),
        server: source.server.clone(),
        accounts: count(accounts.len()),
        rejected: count(accounts.rejected().len()),
        groups: count(groups.len()),
        proves_absence: accounts.gaps().is_empty(),
        gaps: gaps.map(ToString::to_string).collect(),
    }
}

/// Returns the approvals that released some of these steps.
pub(super) fn approvals(view: &View, released: &[Step], now: &Now) -> Vec<Released> {
    let holds = view.memory.holds.iter();
    let used = holds.filter_map(|(key, hold)| {
        let approval = hold.approval.as_ref()?;
        let good = approved(&view.memory, key, now)?;
        let theirs = released
            .iter()
            .filter(|step| good.contains(&step.action.fingerprint()));
        let steps: Vec<_> = theirs.map(|step| step.id).collect();
        (!steps.is_empty()).then(|| Released {
            hold: hold_name(key),
            by: approval.by.clone(),
            at: approval.at,
            steps,
        })
    });
    used.collect()
}

fn adoptions(view: &View) -> Vec<Adoption> {
    let steps = view.plan.steps.iter();
    steps
        .filter_map(|step| match &step.action {
            Action::Adopt { account, user, .. } => {
                let directory = view.directories.get(&account.provider)?;
                let account = directory.accounts.get(&account.id)?;
                let Evidence::Present(user) = view.users.look(user) else {
                    return None;
                };
                Some(Adoption {
                    step: step.id,
                    account: account_side(account),
                    user: user_side(view, user),
                })
            }
            _ => None,
        })
        .collect()
}

fn account_side(account: &crate::model::Account) -> Side {
    Side {
        username: account.username.clone(),
        emails: account
            .emails
            .iter()
            .flat_map(|c| c.values.clone())
            .collect(),
        name: full_name(&account.profile),
        id: account.dn.clone(),
        state: state_in_words(&account.state),
        active: match account.state {
            AccountState::Active => Some(true),
            AccountState::Locked { .. } | AccountState::NotAPerson { .. } => Some(false),
            AccountState::Unknown { .. } => None,
        },
        fields: other_fields(&account.profile),
        ..Side::default()
    }
}

fn user_side(view: &View, user: &User) -> Side {
    let state = match user.deactivated_at {
        None => "active".to_owned(),
        Some(at) => format!("deactivated since {at}"),
    };
    // Over the socket nobody is told.
    let asked = view.last_active.as_ref();
    let asked = asked.filter(|_| view.server.own_user.is_some());
    let last_active = asked.and_then(|asked| asked.get(&user.id).copied());
    Side {
        username: user.username.clone(),
        emails: vec![user.email.clone()],
        name: full_name(&user.profile),
        id: user.id.to_string(),
        state,
        active: Some(user.is_active()),
        made: Some(user.created_at),
        last_active,
        never_active: asked.is_some() && last_active.is_none(),
        login: user.auth_service.clone(),
        fields: other_fields(&user.profile),
    }
}

/// The fields that are not in the name.
fn other_fields(profile: &Profile) -> BTreeMap<String, String> {
    use ProfileField::{FirstName, LastName};
    let fields = profile.iter();
    let others = fields.filter(|(field, _)| !matches!(field, FirstName | LastName));
    others
        .map(|(field, value)| (field.to_string(), value.clone()))
        .collect()
}

/// Says whether an account is active, locked or unknown, and by which attribute.
pub fn state_in_words(state: &AccountState) -> String {
    match state {
        AccountState::Active => "active".to_owned(),
        AccountState::Locked {
            attribute, value, ..
        } => format!("locked ({attribute} is {value})"),
        AccountState::Unknown { why } => format!("unknown ({why})"),
        AccountState::NotAPerson { rule, .. } => format!("not a person's ({rule})"),
    }
}

//! What a command or the control socket tells of a plan or a cycle. The daemon answers with the
//! same values as a command that did the work itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{
    AccountState, Action, Aftermath, Evidence, Gap, Plan, Profile, ProfileField, ProviderName,
    RunId, Seats, StepId, Timestamp, Unread, User, Version,
};

use crate::cycle::{Mails, Summary, View};

/// A plan and what it was made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanReport {
    /// The provider's name.
    pub provider: String,
    /// Which server or file was read.
    pub source: String,
    /// Usable accounts that were read.
    pub accounts: usize,
    /// Groups that were read.
    pub groups: usize,
    /// Why the reading does not prove absence; empty when it does.
    pub gaps: Vec<Gap>,
    /// Why the reading of groups is not complete.
    pub group_gaps: Vec<Gap>,
    /// Everything that could not be read, on either side; empty when both were read completely.
    #[serde(default)]
    pub incomplete: Vec<Unread>,
    /// For how many accounts the lock cannot be seen.
    pub state_unknown: usize,
    /// Mattermost's users, bots and deactivated ones included.
    pub users: usize,
    /// Accounts that are linked to a user.
    pub linked: usize,
    /// Active human users whom no account stands behind, and nobody has looked at.
    #[serde(default)]
    pub orphans: usize,
    /// Linked accounts of providers that the configuration does not name.
    #[serde(default)]
    pub strangers: BTreeMap<ProviderName, usize>,
    /// The server's version.
    pub version: Version,
    /// Its seats.
    pub seats: Seats,
    /// E-mails that the released steps will cause.
    pub mails: u64,
    /// The same by what they are about.
    pub mails_about: Mails,
    /// Each adoption with both parties.
    pub adoptions: Vec<Adoption>,
    /// The plan itself.
    pub plan: Plan,
}

/// Both sides of an adoption.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Adoption {
    /// The step.
    pub step: StepId,
    /// The account.
    pub account: Side,
    /// The user.
    pub user: Side,
}

/// One side of an adoption.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Side {
    /// Username.
    pub username: String,
    /// Addresses.
    pub emails: Vec<String>,
    /// First and last name.
    pub name: String,
    /// DN, or the user's id.
    pub id: String,
    /// Active or not, in words.
    pub state: String,
    /// When the user was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Timestamp>,
    /// When the user was last active, as far as somebody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_active: Option<Timestamp>,
    /// The user never was active.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never_active: bool,
    /// Through which service the user logs in, if not with a password.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub login: String,
    /// Nickname to locale, by the name of the field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// What a cycle did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SyncReport {
    /// What was planned.
    pub plan: PlanReport,
    /// The run, if anything was carried out.
    pub run: Option<RunId>,
    /// How many steps of each kind were carried out.
    pub done: BTreeMap<String, usize>,
    /// Steps that were not carried out, and why.
    pub not_done: Vec<(StepId, String)>,
    /// Steps of those for whom the server had no seat left, as its refusal showed.
    #[serde(default)]
    pub waiting: Vec<StepId>,
    /// Steps of which nobody knows, and why.
    pub unknown: Vec<(StepId, String)>,
    /// Why the run ended early, if it did.
    pub stopped: Option<String>,
    /// What those leave alive who left, and what wakes up with those who returned.
    #[serde(default)]
    pub aftermath: Vec<Aftermath>,
    /// E-mails that the server sent because of what was, or perhaps was, carried out.
    pub mails: Mails,
    /// Requests to Mattermost.
    pub requests: u64,
    /// Requests that write.
    pub writes: u64,
    /// Requests that the server refused for its rate limit.
    pub rate_limited: u64,
    /// How long it took.
    pub seconds: f64,
}

impl PlanReport {
    /// Tells what a view contains.
    pub fn of(view: &View) -> Self {
        let directory = view.directories.iter().next();
        let mails = Mails::of(view.plan.released());
        Self {
            provider: directory
                .map(|(name, _)| name.to_string())
                .unwrap_or_default(),
            source: directory.map_or_else(String::new, |(_, d)| d.accounts.source().name.clone()),
            accounts: view.directories.values().map(|d| d.accounts.len()).sum(),
            groups: view.directories.values().map(|d| d.groups.len()).sum(),
            gaps: view
                .directories
                .values()
                .flat_map(|d| d.accounts.gaps().to_vec())
                .collect(),
            group_gaps: view
                .directories
                .values()
                .flat_map(|d| d.groups.gaps().to_vec())
                .collect(),
            incomplete: view.unread(),
            state_unknown: view.directories.values().map(|d| d.state_unknown).sum(),
            users: view.users.len(),
            linked: view.memory.links.len(),
            orphans: view.orphans,
            strangers: view.strangers(),
            version: view.server.version,
            seats: view.server.seats,
            mails: mails.sum(),
            mails_about: mails,
            adoptions: adoptions(view),
            plan: view.plan.clone(),
        }
    }
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
    let field = |f| account.profile.get(&f).cloned().unwrap_or_default();
    let state = match &account.state {
        AccountState::Active => "active".to_owned(),
        AccountState::Locked { attribute, value } => format!("locked ({attribute} is {value})"),
        AccountState::Unknown { why } => format!("unknown ({why})"),
        AccountState::NotAPerson { rule, .. } => format!("not a person ({rule})"),
    };
    Side {
        username: account.username.clone(),
        emails: account
            .emails
            .iter()
            .flat_map(|c| c.values.clone())
            .collect(),
        name: full_name(field),
        id: account.dn.clone(),
        state,
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
        name: full_name(|f| user.field(f).to_owned()),
        id: user.id.to_string(),
        state,
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

pub(super) fn full_name(field: impl Fn(crate::model::ProfileField) -> String) -> String {
    use crate::model::ProfileField::{FirstName, LastName};
    format!("{} {}", field(FirstName), field(LastName))
        .trim()
        .to_owned()
}

impl SyncReport {
    /// Tells whether nothing failed and nothing is unknown.
    pub fn is_clean(&self) -> bool {
        self.not_done.is_empty() && self.unknown.is_empty() && self.stopped.is_none()
    }

    /// Tells what a cycle did.
    pub fn of(summary: &Summary) -> Self {
        let done = summary.done_by_kind().into_iter();
        Self {
            plan: PlanReport::of(&summary.view),
            run: summary.run,
            done: done.map(|(kind, n)| (kind.to_owned(), n)).collect(),
            not_done: summary.report.not_done.clone(),
            waiting: summary.report.waiting.clone(),
            unknown: summary.report.unknown.clone(),
            stopped: summary.report.stopped.clone(),
            aftermath: summary.aftermath.clone(),
            mails: summary.mails(),
            requests: summary.counts.requests,
            writes: summary.counts.writes,
            rate_limited: summary.counts.rate_limited,
            seconds: summary.took.as_secs_f64(),
        }
    }
}

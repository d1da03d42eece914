//! What is recorded of a run beside its steps.

use std::collections::BTreeMap;

use crate::model::{
    About, Directory, HeldBack, Hold, HoldCause, MattermostProof, Now, Origin, ProviderName,
    ReadingProof, Released, Step, Why,
};
use crate::plan::{approved, hold_name};

use super::read::View;

/// What is recorded of a run of these steps.
pub(super) fn about(view: &View, released: &[Step], origin: Origin, now: &Now) -> About {
    let readings = view.directories.iter().filter(|(_, d)| was_read(d));
    About {
        origin,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        readings: readings.map(|(name, d)| reading(name, d)).collect(),
        mattermost: MattermostProof {
            version: view.server.version.to_string(),
            users: number(view.users.len()),
            linked: number(view.memory.links.len()),
        },
        approvals: approvals(view, released, now),
        held: held(view),
        held_steps: Some(number(view.plan.kept_back().len())),
        left_alone: left_alone(view),
    }
}

fn number(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}

fn was_read(directory: &Directory) -> bool {
    let gaps = directory.accounts.gaps();
    !gaps.contains(&crate::model::Gap::NotRead)
}

fn reading(name: &ProviderName, directory: &Directory) -> ReadingProof {
    let (accounts, groups) = (&directory.accounts, &directory.groups);
    let source = accounts.source();
    let gaps = accounts.gaps().iter();
    ReadingProof {
        provider: name.to_string(),
        source: source.name.clone(),
        context: source.context.clone(),
        server: source.server.clone(),
        accounts: number(accounts.len()),
        rejected: number(accounts.rejected().len()),
        groups: number(groups.len()),
        proves_absence: accounts.gaps().is_empty(),
        gaps: gaps.map(ToString::to_string).collect(),
    }
}

fn approvals(view: &View, released: &[Step], now: &Now) -> Vec<Released> {
    let approvals = view.memory.approvals.iter();
    let used = approvals.filter_map(|(key, approval)| {
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

fn held(view: &View) -> Vec<HeldBack> {
    let holds = view.plan.holds.iter();
    holds.map(held_back).collect()
}

/// A hold as it is recorded: without a person's name.
pub(super) fn held_back(hold: &Hold) -> HeldBack {
    let mut cause = hold.cause.clone();
    if let HoldCause::Flapping { changes, .. } = &mut cause {
        changes.clear();
    }
    HeldBack {
        hold: hold_name(&hold.key),
        why: cause.to_string(),
        steps: number(hold.steps.len()),
    }
}

fn left_alone(view: &View) -> BTreeMap<String, u64> {
    let mut kinds = BTreeMap::new();
    for left in &view.plan.left_alone {
        *kinds.entry(kind(&left.why)).or_insert(0) += 1;
    }
    kinds
}

/// The reason's name in JSON, without what names people.
fn kind(why: &Why) -> String {
    use serde_json::Value;
    match serde_json::to_value(why) {
        Ok(Value::String(kind)) => kind,
        Ok(Value::Object(fields)) => fields.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

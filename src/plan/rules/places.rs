//! Which team is meant, and what it takes. A team is known by its id once it was filled: under its
//! old name there may be another one, or none.
//!
//! Guarantees: a team that was renamed is neither made again nor filled under another's name without
//! a person's word.

use std::collections::BTreeSet;

use crate::model::{
    Action, Hold, HoldCause, HoldKey, PlaceChange, Places, Remember, Step, Subject, TeamMoved, Why,
};
use crate::plan::facts::approvals;
use crate::plan::ledger::draft::Draft;

/// The team that was filled under this name, if another one or none has the name now.
pub fn team_moved(places: &Places, name: &str) -> Option<TeamMoved> {
    let now = places.moved.get(name)?.as_ref();
    Some(TeamMoved {
        team: name.to_owned(),
        now: now.map(|team| team.name.clone()),
        archived: now.is_some_and(|team| team.archived_at.is_some()),
        taken: places.teams.contains_key(name),
    })
}

/// Which team of the configuration a step makes or fills.
fn team_of(step: &Step) -> Option<&str> {
    match &step.action {
        Action::CreateTeam { name, .. } => Some(name),
        Action::JoinTeam { team_name, .. } => Some(team_name),
        _ => None,
    }
}

/// What would make or fill another team than before, until a person says that it shall be so.
pub fn holds(draft: &Draft<'_>) -> Vec<Hold> {
    let names = draft.world.places.moved.keys();
    let holds = names.filter_map(|name| {
        let key = HoldKey::Team(name.clone());
        let released = approvals::approved(draft.world.memory, &key, draft.now);
        let steps = draft.plan.steps.iter();
        let steps = steps.filter(|step| team_of(step) == Some(name));
        let waits = |s: &&Step| released.is_none_or(|r| !r.contains(&s.action.fingerprint()));
        let steps: Vec<&Step> = steps.filter(waits).collect();
        let cause = HoldCause::TeamMoved(team_moved(draft.world.places, name)?);
        (!steps.is_empty()).then(|| approvals::hold(key, cause, &steps))
    });
    holds.collect()
}

/// Remembers which team is filled under which name, and says where one has moved and nothing is
/// held because of it.
pub fn learn(draft: &mut Draft<'_>) {
    let policy = draft.policy;
    let memory = draft.world.memory;
    let configured: BTreeSet<&String> = policy.teams.iter().map(|team| &team.name).collect();
    for (place, remembered) in &memory.places {
        let name = remembered.configured.as_ref();
        if name.is_some_and(|name| !configured.contains(name)) {
            let nothing = PlaceChange::Configured(None);
            draft.learn(Remember::Place(place.clone(), nothing));
        }
    }
    for name in configured {
        if let Some(moved) = team_moved(draft.world.places, name) {
            let key = HoldKey::Team(name.clone());
            if draft.plan.holds.iter().all(|hold| hold.key != key) {
                draft.leave(Subject::named(name), Why::TeamMoved(moved));
            }
        } else if let Some(found) = draft.world.places.teams.get(name)
            && memory.configured_team(name).is_none()
        {
            for change in memory.configure_team(name, &found.id) {
                draft.learn(change);
            }
        }
    }
}

//! Teams of which everyone is a member.
//!
//! Guarantees: whoever is active, and not certainly a member, becomes one, also after leaving;
//! nobody is sent to a team that is full, takes other addresses only, or has its members from groups;
//! where it is not known who is a member, nobody joins; nobody is removed.

mod team;

use std::collections::{BTreeMap, BTreeSet};

use self::team::Domains;
use crate::model::{
    AccountKey, Action, Evidence, Precondition, Reason, StepId, TeamRef, User, UserId, UserRef,
    Version, Why,
};
use crate::plan::facts::linked_accounts::paired;
use crate::plan::input::World;
use crate::plan::ledger::draft::{Draft, Person};
use crate::plan::ledger::standing::Standing;
use crate::plan::policy::TeamPolicy;

/// From this version on only active members count against `MaxUsersPerTeam`.
const ACTIVE_MEMBERS_COUNT: Version = Version {
    major: 11,
    minor: 10,
    patch: 0,
};

/// Plans missing teams, and makes every active account a member: those who are created or come
/// back in this plan included.
pub fn everyone(
    draft: &mut Draft<'_>,
    people: &[(Person<'_>, Standing)],
    made: &BTreeMap<AccountKey, UserRef>,
    unseated: &BTreeSet<UserId>,
) {
    let policy = draft.policy;
    let comings = Comings::of(draft, unseated);
    for team in &policy.teams {
        let Some(team_ref) = team::find_or_make(draft, team) else {
            continue;
        };
        let domains = Domains::of(draft, &team_ref);
        let mut free = room(draft.world, &team_ref);
        let inside = inside(draft, &team_ref);
        for (person, standing) in people {
            if person.linked_account.is_some_and(|at| inside[at]) {
                continue;
            }
            if person.user.is_some_and(|u| draft.untouchable(u).is_some()) {
                continue;
            }
            let Some((user, after)) = joiner(person, *standing, made, &comings) else {
                continue;
            };
            if !must_join(draft.world, &team_ref, &user) {
                continue;
            }
            if let Some((email, allowed)) = domains.refuse(draft, person, &user) {
                let team = team.name.clone();
                draft.leave(
                    person.subject(),
                    Why::TeamDomain {
                        team,
                        email,
                        allowed,
                    },
                );
                continue;
            }
            if free == Some(0) {
                let limit = draft.world.server.max_users_per_team.unwrap_or_default();
                draft.leave(
                    person.subject(),
                    Why::TeamFull {
                        team: team.name.clone(),
                        limit,
                    },
                );
                continue;
            }
            free = free.map(|n| n - 1);
            join(draft, person, team, &team_ref, user, after);
        }
    }
}

/// How many more members the team takes; `None` if nobody knows.
fn room(world: &World<'_>, team: &TeamRef) -> Option<u64> {
    let limit = world.server.max_users_per_team?;
    let TeamRef::Existing(id) = team else {
        return Some(limit);
    };
    let active_only = world.server.version >= ACTIVE_MEMBERS_COUNT;
    let members = world.places.members.get(id)?.iter();
    let members = members.filter(|(_, m)| m.left_at.is_none());
    // A member who is not among the users may be active.
    let counts = |user: Option<&User>| !active_only || user.is_none_or(User::is_active);
    let number = paired(members, world.users.iter())
        .filter(|(_, member, user)| member.is_some() && counts(*user))
        .count();
    Some(limit.saturating_sub(u64::try_from(number).unwrap_or(u64::MAX)))
}

/// Who comes and who goes in this plan, and who gets no seat.
struct Comings<'a> {
    leaving: BTreeSet<UserId>,
    returning: BTreeMap<UserId, StepId>,
    unseated: &'a BTreeSet<UserId>,
}

impl<'a> Comings<'a> {
    fn of(draft: &Draft<'_>, unseated: &'a BTreeSet<UserId>) -> Self {
        let mut leaving = BTreeSet::new();
        let mut returning = BTreeMap::new();
        for step in &draft.plan.steps {
            match &step.action {
                Action::Deactivate { user, .. } => {
                    leaving.insert(user.clone());
                }
                Action::Reactivate { user, .. } => {
                    returning.insert(user.clone(), step.id);
                }
                _ => {}
            }
        }
        Self {
            leaving,
            returning,
            unseated,
        }
    }
}

/// The user to add and the steps to wait for; `None` for those who are not active.
fn joiner(
    person: &Person<'_>,
    standing: Standing,
    made: &BTreeMap<AccountKey, UserRef>,
    comings: &Comings<'_>,
) -> Option<(UserRef, Vec<StepId>)> {
    let Some(user) = person.user else {
        return match made.get(person.key)? {
            UserRef::Made(step) => Some((UserRef::Made(*step), vec![*step])),
            UserRef::Existing(_) => None,
        };
    };
    let stays = match standing {
        Standing::In => !comings.leaving.contains(&user.id),
        Standing::Back => !comings.unseated.contains(&user.id),
        Standing::Resting | Standing::Out => false,
    };
    let mut after = person.after();
    after.extend(comings.returning.get(&user.id));
    stays.then(|| (UserRef::Existing(user.id.clone()), after))
}

/// For each remembered link whether its user is certainly in the team.
fn inside(draft: &Draft<'_>, team: &TeamRef) -> Vec<bool> {
    let members = match team {
        TeamRef::Existing(team) => draft.world.places.members.get(team),
        TeamRef::Made(_) => None,
    };
    match members {
        Some(members) => draft.linked_accounts.inside(members),
        None => vec![false; draft.linked_accounts.all.len()],
    }
}

fn must_join(world: &World<'_>, team: &TeamRef, user: &UserRef) -> bool {
    let (TeamRef::Existing(team), UserRef::Existing(user)) = (team, user) else {
        return true;
    };
    match world
        .places
        .members
        .get(team)
        .map(|members| members.look(user))
    {
        Some(Evidence::Present(member)) => member.left_at.is_some(),
        Some(Evidence::Absent(_)) => true,
        Some(Evidence::Unknown(_)) | None => false,
    }
}

fn join(
    draft: &mut Draft<'_>,
    person: &Person<'_>,
    team: &TeamPolicy,
    team_ref: &TeamRef,
    user: UserRef,
    mut after: Vec<StepId>,
) {
    if let TeamRef::Made(step) = team_ref {
        after.push(*step);
    }
    let action = Action::JoinTeam {
        account: person.key.clone(),
        user,
        team: team_ref.clone(),
        team_name: team.name.clone(),
    };
    let reason = Reason::EveryoneIsMember {
        team: team.display_name.clone(),
    };
    draft.step(
        person.subject(),
        action,
        Precondition::Nothing,
        reason,
        after,
    );
}

//! Which team is meant, and what it takes. A team is known by its id once it was filled: under its
//! old name there may be another one, or none.

use std::collections::BTreeSet;
use std::fmt;

use crate::model::{
    Action, Hold, HoldCause, HoldKey, NewUser, PlaceChange, Places, Precondition, Reason, Remember,
    Step, Subject, Team, TeamMoved, TeamRef, UserRef, Why,
};

use super::draft::{Draft, Person};
use super::{TeamPolicy, guard};

/// The team, or the step that makes it; `None` where nobody can be added.
pub fn find_or_make(draft: &mut Draft<'_>, team: &TeamPolicy) -> Option<TeamRef> {
    let subject = subject(&team.name);
    let places = draft.world.places;
    let name = || team.name.clone();
    match places.teams.get(&team.name) {
        Some(found) if found.archived_at.is_some() => {
            draft.leave(subject, Why::TeamArchived { team: name() });
            None
        }
        Some(found) if found.group_constrained => {
            draft.leave(subject, Why::TeamConstrained { team: name() });
            None
        }
        Some(found) => Some(TeamRef::Existing(found.id.clone())),
        // Whether it exists is not known.
        None if places.unread.contains_key(&team.name) => None,
        None => {
            let action = Action::CreateTeam {
                name: name(),
                display_name: team.display_name.clone(),
            };
            let nothing = Precondition::Nothing;
            let step = draft.step(subject, action, nothing, Reason::TeamConfigured, Vec::new());
            Some(TeamRef::Made(step))
        }
    }
}

fn subject(team: &str) -> Subject {
    Subject {
        name: team.to_owned(),
        ..Subject::default()
    }
}

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
        let released = guard::approved(draft.world.memory, &key, draft.now);
        let steps = draft.plan.steps.iter();
        let steps = steps.filter(|step| team_of(step) == Some(name));
        let waits = |s: &&Step| released.is_none_or(|r| !r.contains(&s.action.fingerprint()));
        let steps: Vec<&Step> = steps.filter(waits).collect();
        let cause = HoldCause::TeamMoved(team_moved(draft.world.places, name)?);
        (!steps.is_empty()).then(|| guard::hold(key, cause, &steps))
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
                draft.leave(subject(name), Why::TeamMoved(moved));
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

/// The domains whose addresses may join a team.
pub struct Domains<'a> {
    /// The team's own and the server's, each of which must agree if it names any.
    lists: Vec<&'a [String]>,
}

impl<'a> Domains<'a> {
    /// Those of a team that is there; one that is made takes what the server takes.
    pub fn of(draft: &Draft<'a>, team: &TeamRef) -> Self {
        let mut teams = draft.world.places.teams.values();
        let found: Option<&Team> = match team {
            TeamRef::Existing(id) => teams.find(|team| &team.id == id),
            TeamRef::Made(_) => None,
        };
        let own = found.map_or(&[][..], |team| &team.allowed_domains);
        let lists = [own, draft.world.server.restrict_to_domains.as_slice()];
        let lists = lists.into_iter().filter(|list| !list.is_empty()).collect();
        Self { lists }
    }

    /// The address with which somebody would be refused, and what is allowed.
    pub fn refuse(
        &self,
        draft: &Draft<'_>,
        person: &Person<'_>,
        user: &UserRef,
    ) -> Option<(String, String)> {
        if self.lists.is_empty() {
            return None;
        }
        let email = address(draft, person, user)?;
        let inside = |list: &&&[String]| {
            let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
            !list.iter().any(|allowed| allowed == domain)
        };
        let list = self.lists.iter().find(inside)?;
        Some((email.to_owned(), list.join(", ")))
    }
}

/// The address that somebody has when the memberships come.
fn address<'d>(draft: &'d Draft<'_>, person: &Person<'d>, user: &UserRef) -> Option<&'d str> {
    let steps = &draft.plan.steps;
    match user {
        UserRef::Made(made) => steps.iter().find_map(|step| match &step.action {
            Action::CreateUser {
                user: NewUser { email, .. },
                ..
            } if step.id == *made => Some(email.as_str()),
            _ => None,
        }),
        UserRef::Existing(id) => {
            let changed = steps.iter().rev().find_map(|step| match &step.action {
                Action::ChangeEmail {
                    user,
                    email,
                    waits_for_click: false,
                    ..
                } if user == id => Some(email.to.as_str()),
                _ => None,
            });
            changed.or_else(|| person.user.map(|user| user.email.as_str()))
        }
    }
}

impl fmt::Display for TeamMoved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            team,
            now,
            archived,
            taken,
        } = self;
        match now {
            Some(now) => {
                let archived = if *archived { " and is archived" } else { "" };
                write!(
                    f,
                    "the team that was {team} is called {now} now{archived}: write name = \
                     \"{now}\" in [[team]], or nobody more is added to it"
                )?;
            }
            None => write!(
                f,
                "the team {team} that mattersync filled was deleted for ever"
            )?,
        }
        f.write_str(match taken {
            true => "; another team has the old name, and approving fills that one",
            false => "; approving makes a new team with the old name",
        })
    }
}

//! The team that people join, and what it takes.

use crate::model::{Action, NewUser, Precondition, Reason, Subject, Team, TeamRef, UserRef, Why};
use crate::plan::ledger::draft::{Draft, Person};
use crate::plan::policy::TeamPolicy;

/// The team, or the step that makes it; `None` where nobody can be added.
pub fn find_or_make(draft: &mut Draft<'_>, team: &TeamPolicy) -> Option<TeamRef> {
    let subject = Subject::named(&team.name);
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
        // It is not known whether the team exists.
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

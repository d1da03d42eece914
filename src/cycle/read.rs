//! Reads both sides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use secrecy::ExposeSecret;

use crate::config::Settings;
use crate::mattermost::{CallError, Reader};
use crate::model::{
    Action, Directories, Directory, DirectoryId, Link, Memory, MemoryDelta, Now, Places, Plan,
    ProviderName, Reading, Roster, ServerFacts, Shape, Step, Team, Timestamp, User, UserId,
};
use crate::plan::{Policy, Settled, World, keep_usernames, outcome_by_reading, purge_due};
use crate::provider::{Ask, ProviderError, Providers};
use crate::state::Unsettled;

use super::error::CycleError;
use super::older;
use super::same::former_ids;

/// The most usernames of lost creations that are asked for in one cycle, a request for each.
const MAX_NAMES: usize = 50;

/// Both sides as read in one cycle, and the plan that was made of them.
#[derive(Debug)]
pub struct View {
    /// What each provider said.
    pub directories: Arc<Directories>,
    /// Mattermost's users.
    pub users: Arc<Roster<UserId, User>>,
    /// The teams that the policy names.
    pub places: Arc<Places>,
    /// What the server says of itself.
    pub server: ServerFacts,
    /// What was remembered, and what is now known of steps left in doubt.
    pub memory: Memory,
    /// The plan.
    pub plan: Plan,
    /// Active human users whom no account stands behind, and nobody has looked at.
    pub orphans: usize,
    /// When those were last active whose adoption a person looks at; `None` where nobody asked.
    pub last_active: Option<BTreeMap<UserId, Timestamp>>,
    /// What the reading of the users taught, besides the plan.
    pub newest: MemoryDelta,
    /// Usernames of lost creations that nobody asked for in this cycle.
    pub(super) unasked: BTreeSet<String>,
}

impl View {
    /// Makes a view of sides that were read before, without a plan.
    pub(super) fn of_parts(
        (directories, users, places): (&Arc<Directories>, &Arc<Roster<UserId, User>>, &Arc<Places>),
        server: ServerFacts,
        memory: Memory,
        unasked: BTreeSet<String>,
    ) -> Self {
        Self {
            directories: Arc::clone(directories),
            users: Arc::clone(users),
            places: Arc::clone(places),
            server,
            memory,
            plan: Plan::default(),
            orphans: 0,
            last_active: None,
            newest: MemoryDelta::new(),
            unasked,
        }
    }

    /// What a plan is made from.
    pub fn world(&self) -> World<'_> {
        World {
            directories: &self.directories,
            users: &self.users,
            places: &self.places,
            server: &self.server,
            memory: &self.memory,
            counted: None,
        }
    }

    /// Tells whether a user whose row cannot be used has this name.
    fn is_unread(&self, username: &str) -> bool {
        let mut rejected = self.users.rejected().iter();
        rejected.any(|bad| bad.name.to_lowercase() == username)
    }

    /// Tells what became of a step whose answer was lost.
    pub fn outcome_of(&self, step: &Step, now: &Now) -> Settled {
        if let Action::CreateUser { user, .. } = &step.action
            && (self.unasked.contains(&user.username) || self.is_unread(&user.username))
        {
            return Settled::Unknown;
        }
        if let Action::JoinTeam { team_name, .. } = &step.action
            && self.places.unread.contains_key(team_name)
        {
            return Settled::Unknown;
        }
        outcome_by_reading(step, &self.users, &self.places, &self.memory, now)
    }
}

/// Reads all providers and Mattermost at the same time. The providers' connections are closed when
/// this returns.
pub async fn both(
    settings: &Settings,
    providers: &mut Providers,
    reader: &Reader,
    memory: Memory,
    unsettled: &[Unsettled],
    ask: Ask,
) -> Result<View, CycleError> {
    let readings = providers.iter_mut().map(|(name, provider)| {
        let ask = ask_of(name, settings, &memory, &ask);
        async move {
            let Reading::Full(directory) = provider.read(&ask).await?;
            Ok::<_, ProviderError>((name.clone(), directory))
        }
    });
    let directories = async {
        let _reading = ask.progress.reading();
        join_all(readings).await
    };
    let (directories, mattermost) = tokio::join!(
        directories,
        mattermost(reader, &settings.policy, &memory, unsettled, &ask.now)
    );
    let directories: Result<Directories, ProviderError> = directories.into_iter().collect();
    Ok(view(settings, directories?, mattermost?, memory))
}

/// What is asked of one provider.
fn ask_of(name: &ProviderName, settings: &Settings, memory: &Memory, ask: &Ask) -> Ask {
    let mut ask = ask.clone();
    let own = settings.providers.iter().find(|one| one.name == *name);
    ask.former_ids = own.and_then(|own| former_ids(memory, own));
    ask.known = known(memory, name, ask.former_ids.is_some());
    // Who is to be deleted for ever is looked up once more.
    ask.known
        .extend(purge_due(memory, &settings.policy, name, &ask.now));
    if let Some(last) = memory.provider(name).identity.as_ref() {
        ask.heard = last.progress.clone();
    }
    ask
}

/// Reads Mattermost alone. Of the directories nothing is known, and so nothing follows from it.
pub async fn mattermost_alone(
    settings: &Settings,
    reader: &Reader,
    memory: Memory,
    unsettled: &[Unsettled],
    now: &Now,
) -> Result<View, CycleError> {
    let unread = || Directory {
        accounts: Roster::unread(),
        groups: Roster::unread(),
        shape: Shape::default(),
        state_unknown: 0,
        hidden_locks: BTreeSet::new(),
        unseen_locks: BTreeSet::new(),
        new_ids: None,
    };
    let names = settings.provider_names();
    let directories = names.map(|name| (name.clone(), unread())).collect();
    let mattermost = mattermost(reader, &settings.policy, &memory, unsettled, now).await?;
    Ok(view(settings, directories, mattermost, memory))
}

fn view(
    settings: &Settings,
    mut directories: Directories,
    mattermost: Mattermost,
    mut memory: Memory,
) -> View {
    let Mattermost {
        mut server,
        users,
        places,
        newest,
        unasked,
    } = mattermost;
    server.refused_password = refused_password(settings, &server);
    for change in &newest {
        memory.remember(change);
    }
    for (name, directory) in &mut directories {
        keep_usernames(directory, name, &users, &memory);
    }
    let sides = (&Arc::new(directories), &Arc::new(users), &Arc::new(places));
    View {
        newest,
        ..View::of_parts(sides, server, memory, unasked)
    }
}

/// Returns why the server would refuse the initial password that is configured. That it cannot be
/// read is reported when it is needed.
fn refused_password(settings: &Settings, server: &ServerFacts) -> Option<String> {
    let policy = server.password_policy?;
    let source = settings.mattermost.initial_password.as_ref()?;
    let (password, _) = source.load().ok()?;
    policy.fault(password.expose_secret())
}

/// Returns the ids that the provider must look up if its reading does not contain them. Where
/// `everybody` is about to get another id, these are all of which something is remembered.
/// Otherwise users whom we certainly deactivated are left out: links are never forgotten, and over
/// the years those who left would be all that a reading has time to look up. Those who still count
/// as missing are looked up once more, and then no longer count.
pub fn known(memory: &Memory, provider: &ProviderName, everybody: bool) -> BTreeSet<DirectoryId> {
    let is_out = |link: &Link| link.deactivated.is_some() && !link.is_in_doubt();
    let accounts = memory.accounts.iter().filter(|(key, account)| {
        let linked = account.link.as_ref();
        let is_known =
            linked.is_some_and(|link| !is_out(link) || account.absence.is_some()) || everybody;
        key.provider == *provider && !key.id.is_placeholder() && is_known
    });
    accounts.map(|(key, _)| key.id.clone()).collect()
}

/// Mattermost's side of a [`View`].
struct Mattermost {
    server: ServerFacts,
    users: Roster<UserId, User>,
    places: Places,
    newest: MemoryDelta,
    unasked: BTreeSet<String>,
}

async fn mattermost(
    reader: &Reader,
    policy: &Policy,
    memory: &Memory,
    unsettled: &[Unsettled],
    now: &Now,
) -> Result<Mattermost, CallError> {
    // The server's own word first: a token without rights ends the cycle before anything is read.
    let mut server = reader.facts_for_work().await?;
    let mut users = reader.users_of(&server).await?;
    if let (Some(us), Some(bot)) = (&server.own_user, server.own_bot.as_mut()) {
        bot.owners = reader.bot_owners(us, &users).await?;
    }
    let mut linked: BTreeSet<UserId> = memory
        .links()
        .map(|(_, link)| link)
        .map(|l| l.user.clone())
        .collect();
    let ordered = memory.users_with(|user| user.order.as_ref());
    linked.extend(ordered.map(|(user, _)| user.clone()));
    let in_doubt = unsettled.iter().filter_map(|u| u.step.action.user());
    let in_doubt: BTreeSet<UserId> = in_doubt.cloned().collect();
    linked.extend(in_doubt.iter().cloned());
    // A failure here leaves those concerned unknown, and the rest of the cycle goes on.
    if let Err(error) = reader.fill_in(&mut users, &linked).await {
        tracing::warn!("users that were not in the list could not be looked up by id: {error}");
    }
    // What became of a step is told by a row that was read after it, not by one that a cache kept.
    if let Err(error) = reader.read_again(&mut users, &in_doubt).await {
        tracing::warn!("users of steps in doubt could not be looked up by id: {error}");
    }
    let newest = older::refuse(reader, &mut users, memory, &linked, now).await;
    // A creation whose answer was lost must be found although pages shift.
    let created = unsettled.iter().filter_map(|u| match &u.step.action {
        Action::CreateUser { user, .. } => Some(user.username.clone()),
        _ => None,
    });
    let mut asked: BTreeSet<String> = created.collect();
    for (_, user) in users.iter() {
        asked.remove(&user.username);
    }
    let unasked = asked.iter().nth(MAX_NAMES).cloned();
    let unasked = unasked.map_or_else(BTreeSet::new, |first| asked.split_off(&first));
    reader.fill_in_named(&mut users, &asked).await?;
    let places = places(reader, policy, memory, &users, &linked).await;
    Ok(Mattermost {
        server,
        users,
        places,
        newest,
        unasked,
    })
}

/// The teams of the configuration and who is in them. Nobody stays active because a team cannot be
/// read.
pub async fn places(
    reader: &Reader,
    policy: &Policy,
    memory: &Memory,
    users: &Roster<UserId, User>,
    linked: &BTreeSet<UserId>,
) -> Places {
    let mut places = Places::default();
    for team in &policy.teams {
        let found = reader.team_by_name(&team.name).await;
        let known = memory.configured_team(&team.name);
        let found = match (found, known) {
            (Ok(found), Some(known)) if found.as_ref().is_none_or(|t| t.id != *known) => {
                let moved = reader.team(known).await;
                moved.map(|moved| {
                    places.moved.insert(team.name.clone(), moved);
                    found
                })
            }
            (found, _) => found,
        };
        match found {
            Ok(None) => {}
            Ok(Some(found)) => {
                if let Err(error) = members(reader, &mut places, &found, users, linked).await {
                    places.members.insert(found.id.clone(), Roster::unread());
                    places.unread.insert(team.name.clone(), error.to_string());
                }
                places.teams.insert(team.name.clone(), found);
            }
            Err(error) => {
                places.unread.insert(team.name.clone(), error.to_string());
            }
        }
    }
    places
}

async fn members(
    reader: &Reader,
    places: &mut Places,
    team: &Team,
    users: &Roster<UserId, User>,
    linked: &BTreeSet<UserId>,
) -> Result<(), CallError> {
    if team.archived_at.is_some() {
        return Ok(());
    }
    // Only active people can be missing from a team.
    let active = |id: &&UserId| users.get(id).is_some_and(User::is_active);
    let asked: BTreeSet<UserId> = linked.iter().filter(active).cloned().collect();
    let roster = reader.team_members(&team.id, &asked).await?;
    places.members.insert(team.id.clone(), roster);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Absence, AccountKey, AccountMemory, Deactivation, LinkOrigin};

    /// A link whose user we deactivated then, or tried to, or did not.
    fn link(deactivated: Option<Option<Timestamp>>) -> Link {
        Link {
            user: UserId::new("u"),
            origin: LinkOrigin::Created,
            since: Timestamp(0),
            last_dn: "uid=x".into(),
            last_username: "x".into(),
            deactivated: deactivated.map(|delete_at| Deactivation {
                delete_at,
                why: "left".into(),
                ordered_by: None,
            }),
            email_waiting: None,
            given: BTreeMap::new(),
            anchor: None,
            agreed: Default::default(),
        }
    }

    #[test]
    fn who_left_long_ago_is_not_looked_up_in_each_reading() {
        let here = ProviderName::new("here");
        let key = |provider: &ProviderName, id: &str| AccountKey {
            provider: provider.clone(),
            id: DirectoryId::new(id),
        };
        let now = Now {
            wall: Timestamp(0),
            boot: Duration::ZERO,
            boot_id: "boot".into(),
        };
        let absence = Absence {
            first: now.clone(),
            last: now,
            certain: Duration::ZERO,
            readings: 3,
        };
        let out = Some(Some(Timestamp(1)));
        let linked = |link, absence| AccountMemory {
            link: Some(link),
            absence,
            ..AccountMemory::default()
        };
        let memory = Memory {
            accounts: BTreeMap::from([
                (key(&here, "active"), linked(link(None), None)),
                (key(&here, "in-doubt"), linked(link(Some(None)), None)),
                (key(&here, "just-left"), linked(link(out), Some(absence))),
                (key(&here, "left-long-ago"), linked(link(out), None)),
                (
                    key(&ProviderName::new("there"), "other"),
                    linked(link(None), None),
                ),
            ]),
            ..Memory::default()
        };
        let wanted = ["active", "in-doubt", "just-left"].map(DirectoryId::new);
        assert_eq!(known(&memory, &here, false), BTreeSet::from(wanted));
        assert_eq!(known(&memory, &here, true).len(), 4);
    }
}

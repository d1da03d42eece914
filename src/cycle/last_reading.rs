//! Keeps what was read last of both sides, so that questions are answered from it: to read a large
//! server again takes long, and somebody is on the telephone.
//!
//! Only the two sides are kept, once, shared with the cycle that read them. What is remembered is
//! loaded for each question, and the plan is made anew from it. Users whom something was done to
//! since the reading are read again by id before the next question is answered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::config::Settings;
use crate::mattermost::{CallError, Client};
use crate::model::{Action, Directories, Now, Places, Roster, ServerFacts, Step, User, UserId};
use crate::plan::{Settled, World, plan};
use crate::state::State;

use super::error::CycleError;
use super::exchanged;
use super::read::View;
use super::same::same_people;
use super::sides::Sides;

/// How long users may take to be read again before a question is answered by a reading of
/// everything.
const PATIENCE: Duration = Duration::from_secs(10);

/// As many accounts and users together may be in memory twice, while both sides are read again; that
/// takes about 5 KB each. What is larger is kept no longer than until the next reading begins.
const MOST_TWICE: usize = 50_000;

/// What was read last of both sides, shared between the engine and those who ask.
#[derive(Clone, Default)]
pub struct LastReading(Arc<Mutex<Option<Kept>>>);

struct Kept {
    settings: Arc<Settings>,
    client: Client,
    /// When both sides were read.
    read: Now,
    directories: Arc<Directories>,
    users: Arc<Roster<UserId, User>>,
    places: Arc<Places>,
    server: ServerFacts,
    unasked: BTreeSet<String>,
    /// Users whom a run may be changing now.
    changing: BTreeSet<UserId>,
    /// Users whom a run changed, and who were not read again yet.
    changed: BTreeSet<UserId>,
    /// Linked users who were looked for already and are not there.
    gone: BTreeSet<UserId>,
}

impl LastReading {
    /// Keeps the two sides of a view in the place of what was kept before.
    pub(super) async fn keep(
        &self,
        view: &View,
        read: &Now,
        settings: &Arc<Settings>,
        client: &Client,
    ) {
        *self.0.lock().await = Some(Kept {
            settings: Arc::clone(settings),
            client: client.clone(),
            read: read.clone(),
            directories: Arc::clone(&view.directories),
            users: Arc::clone(&view.users),
            places: Arc::clone(&view.places),
            server: view.server.clone(),
            unasked: view.unasked.clone(),
            changing: BTreeSet::new(),
            changed: BTreeSet::new(),
            gone: BTreeSet::new(),
        });
    }

    /// Makes room for another reading of both sides, if what is kept is very large.
    pub(super) async fn make_room(&self) {
        let mut kept = self.0.lock().await;
        if kept.as_ref().is_some_and(|kept| kept.size() > MOST_TWICE) {
            *kept = None;
        }
    }

    /// Notes that these steps are about to be carried out.
    pub(super) async fn begin(&self, steps: impl Iterator<Item = &Step>) {
        if let Some(kept) = self.0.lock().await.as_mut() {
            let users = steps.filter_map(|step| step.action.user());
            kept.changing = users.cloned().collect();
        }
    }

    /// Notes that these steps were carried out, or some of them. What they change besides users
    /// and members is not read again; then nothing is kept.
    pub(super) async fn end(&self, mut steps: impl Iterator<Item = &Step>) {
        let mut kept = self.0.lock().await;
        let is_more = |step: &Step| {
            matches!(
                step.action,
                Action::CreateTeam { .. } | Action::AssignBot { .. } | Action::Purge { .. }
            )
        };
        if steps.any(is_more) {
            *kept = None;
        } else if let Some(kept) = kept.as_mut() {
            let changed = std::mem::take(&mut kept.changing);
            kept.changed.extend(changed);
        }
    }

    /// Returns both sides as they were read last, with what is remembered now and what follows
    /// from that; `None` if nothing is kept, or it is no longer good enough.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn sides(
        &self,
        store: &Arc<State>,
        clock: &dyn Clock,
    ) -> Result<Option<Sides>, CycleError> {
        let memory = store.load().await?;
        let unsettled = store.unsettled().await?;
        let now = clock.now();
        let mut kept = self.0.lock().await;
        let Some(kept) = kept.as_mut() else {
            return Ok(None);
        };
        let linked = memory.links().map(|(_, link)| &link.user);
        let again = kept.to_read_again(linked);
        match tokio::time::timeout(PATIENCE, kept.read_again(&again)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!("users that were changed could not be read again: {error}");
                return Ok(None);
            }
            Err(_) => return Ok(None),
        }
        let settings = Arc::clone(&kept.settings);
        let mut view = View::of_parts(
            (&kept.directories, &kept.users, &kept.places),
            kept.server.clone(),
            memory,
            kept.unasked.clone(),
        );
        if same_people(&view.memory, &settings).is_err()
            || exchanged::check(&view, &settings).is_err()
        {
            return Ok(None);
        }
        for doubt in &unsettled {
            if let Settled::Done(delta) | Settled::Perhaps { delta, .. } =
                view.outcome_of(&doubt.step, &now)
            {
                delta.iter().for_each(|change| view.memory.remember(change));
            }
        }
        let world = World {
            counted: Some(&kept.read),
            ..view.world()
        };
        let decided = plan(&world, &settings.policy, &now);
        view.plan = decided;
        Ok(Some(Sides {
            view,
            now,
            read: Some(kept.read.wall),
            settings,
            client: kept.client.clone(),
            store: Arc::clone(store),
        }))
    }
}

impl Kept {
    fn size(&self) -> usize {
        let accounts = self.directories.values().map(|d| d.accounts.len());
        self.users.len() + accounts.sum::<usize>()
    }

    /// Returns who must be read again: who was changed, and who was linked since.
    fn to_read_again<'a>(&'a self, linked: impl Iterator<Item = &'a UserId>) -> BTreeSet<UserId> {
        let is_new = |id: &&UserId| {
            self.users.get(id).is_none() && !self.users.is_rejected(id) && !self.gone.contains(*id)
        };
        let new = linked.filter(is_new);
        let changed = self.changed.iter().chain(&self.changing);
        changed.chain(new).cloned().collect()
    }

    async fn read_again(&mut self, ids: &BTreeSet<UserId>) -> Result<(), CallError> {
        if ids.is_empty() {
            return Ok(());
        }
        let reader = self.client.reader();
        let users = Arc::make_mut(&mut self.users);
        reader.read_again(users, ids).await?;
        let there: BTreeSet<UserId> = ids
            .iter()
            .filter(|id| users.get(id).is_some_and(User::is_active))
            .cloned()
            .collect();
        for (team, members) in &mut Arc::make_mut(&mut self.places).members {
            reader.fill_in_members(members, team, &there).await?;
        }
        self.gone.extend(
            ids.iter()
                .filter(|id| self.users.get(id).is_none())
                .cloned(),
        );
        self.changed.clear();
        Ok(())
    }
}

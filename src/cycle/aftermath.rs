//! Asks what those leave alive whom a run deactivated, and what works again with those who
//! returned.
//!
//! It is asked once, when the run has ended, and recorded. Nothing depends on it: a failure here is
//! reported, and neither ends a cycle nor counts as its failure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;

use crate::apply::Report;
use crate::mattermost::Reader;
use crate::model::{Aftermath, BelongingKind, Belongings, Note, Noted, Now, RunId, UserId};
use crate::observe;

use super::engine::Engine;
use super::read::View;
use super::to_ask::{PersonToAsk, not_asked};

/// How long a cycle waits for the answers. What has not arrived by then is reported as not asked.
const PATIENCE: Duration = Duration::from_secs(60);

impl Engine {
    /// Loads, before the first run of this engine, of whom an earlier process had no time to ask.
    pub(super) async fn load_not_asked(&mut self, now: &Now) {
        if self.to_ask.is_complete {
            return;
        }
        self.to_ask.is_complete = true;
        match not_asked(self.store.as_ref(), now).await {
            Ok(people) => self.ask_later(people),
            Err(error) => {
                tracing::debug!(%error, "about whom the last run did not ask is not known");
            }
        }
    }

    /// Remembers people of whom to ask later.
    pub(super) fn ask_later(&mut self, people: impl IntoIterator<Item = PersonToAsk>) {
        self.to_ask.people.extend(people);
    }

    /// Asks about those whom a run deactivated or reactivated and, after a whole cycle, about
    /// everybody of whom nobody asked yet. After a run that was stopped, the next one asks.
    pub(super) async fn aftermath(
        &mut self,
        view: &View,
        (run, report): &(Option<RunId>, Report),
        is_whole: bool,
        mut stop: watch::Receiver<bool>,
    ) -> Vec<Aftermath> {
        let mut asked = PersonToAsk::of_run(*run, &view.plan.steps, report);
        if report.stopped.is_some() {
            self.ask_later(asked);
            return Vec::new();
        }
        if is_whole {
            // Those of earlier runs first: what happened since counts.
            let earlier = std::mem::take(&mut self.to_ask.people);
            asked = earlier.into_iter().chain(asked).collect();
        }
        if asked.is_empty() {
            return Vec::new();
        }
        let kinds: Vec<BelongingKind> = BelongingKind::ALL
            .iter()
            .copied()
            .filter(|kind| asked.iter().any(|p| p.fate.kinds().contains(kind)))
            .collect();
        let people = asked.iter().map(|p| p.user.clone()).collect();
        let reader = self.client.reader();
        let Some(all) = ask(&reader, &people, &kinds, &mut stop).await else {
            self.ask_later(asked);
            return Vec::new();
        };
        // Whoever left and returned since is told about as of now.
        let last: BTreeMap<UserId, PersonToAsk> = asked
            .into_iter()
            .map(|person| (person.user.clone(), person))
            .collect();
        let mut found: Vec<(RunId, Aftermath)> = last
            .into_values()
            .map(|p| {
                let of = Aftermath::of(p.fate, &p.user, &p.name, p.account.as_ref(), &all);
                (p.run, of)
            })
            .collect();
        found.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
        for (run, after) in &found {
            observe::aftermath(*run, after);
        }
        self.write_down(&found).await;
        found.into_iter().map(|(_, after)| after).collect()
    }

    async fn write_down(&self, found: &[(RunId, Aftermath)]) {
        let at = self.clock.now().wall;
        let notes = found.iter().map(|(run, after)| Note {
            run: Some(*run),
            at,
            account: after.account.clone(),
            user: Some(after.user.clone()),
            what: Noted::Aftermath(after.clone()),
        });
        // Together they cost one wait for the disk.
        let written = join_all(notes.map(|note| self.store.note(note))).await;
        if let Some(Err(error)) = written.into_iter().find(Result::is_err) {
            tracing::warn!(
                "what leavers leave alive could not be written down, and `mattersync history` will \
                 not tell it: {error}"
            );
        }
    }
}

/// Asks what these people have; returns `None` when the run shall end before the answers are there.
async fn ask(
    reader: &Reader,
    people: &BTreeSet<UserId>,
    kinds: &[BelongingKind],
    stop: &mut watch::Receiver<bool>,
) -> Option<Belongings> {
    let mut all = Belongings::unasked(kinds, "there was no answer in time");
    let asking = reader.belongings(people, kinds, &mut all);
    tokio::select! {
        biased;
        () = asked_to_stop(stop) => return None,
        _ = tokio::time::timeout(PATIENCE, asking) => {}
    }
    Some(all)
}

/// Never ends where nobody can ask any more.
async fn asked_to_stop(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

//! Records since when something is held: a cycle that only holds leaves no run, and an
//! administrator who looks the next morning wants to know.

use std::collections::BTreeSet;

use crate::model::{HeldBack, Note, Noted, Plan, Timestamp};
use crate::observe::held_back;
use crate::state::{State, StateError};

use super::engine::Engine;
use super::error::CycleError;

impl Engine {
    /// Records what is held from now on and what no longer is; writes nothing where neither
    /// changed.
    pub(super) async fn note_holds(
        &mut self,
        plan: &Plan,
        at: Timestamp,
    ) -> Result<(), CycleError> {
        let known = match self.held.take() {
            Some(known) => known,
            None => open(&self.store.loose_notes().await?),
        };
        let now: Vec<HeldBack> = plan.holds.iter().map(held_back).collect();
        let names: BTreeSet<String> = now.iter().map(|held| held.hold.clone()).collect();
        let new = now.iter().filter(|held| !known.contains(&held.hold));
        let mut notes: Vec<Note> = new
            .map(|held| note(Noted::Held(held.clone()), at))
            .collect();
        let over = known.difference(&names).map(|hold| HeldBack {
            hold: hold.clone(),
            why: String::new(),
            steps: 0,
        });
        notes.extend(over.map(|held| note(Noted::HeldNoMore(held), at)));
        for note in notes {
            self.store.note(note).await?;
        }
        self.held = Some(names);
        Ok(())
    }
}

fn note(what: Noted, at: Timestamp) -> Note {
    Note {
        run: None,
        at,
        account: None,
        user: None,
        what,
    }
}

/// Returns the names of what was held in the last cycle.
///
/// # Errors
/// When the state cannot be read.
pub async fn still_held(store: &State) -> Result<BTreeSet<String>, StateError> {
    Ok(open(&store.loose_notes().await?))
}

/// Returns the holds that began and did not end.
fn open(notes: &[Note]) -> BTreeSet<String> {
    let mut open = BTreeSet::new();
    for note in notes {
        match &note.what {
            Noted::Held(held) => {
                open.insert(held.hold.clone());
            }
            Noted::HeldNoMore(held) => {
                open.remove(&held.hold);
            }
            Noted::Forgotten { .. } | Noted::NewIds { .. } | Noted::Aftermath(_) => {}
        }
    }
    open
}

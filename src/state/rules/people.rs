//! Finds the people whom a text means.

use super::super::fault::Fault;
use super::super::history::{Candidates, People, all_matches, is_about, is_link_of};
use super::super::store::Rows;

/// Finds everybody whom a text means in a link or in a recorded step.
pub(in super::super) fn known_as(rows: &mut dyn Rows, person: &str) -> Result<People, Fault> {
    let mut found = Candidates::default();
    let memory = rows.memory()?;
    for (key, link) in memory.links() {
        let one = (Some(key.clone()), Some(link.user.clone()));
        found.add(is_link_of(key, link, person), one);
    }
    for (step, user) in rows.steps_with(person)? {
        if let Some(by) = is_about(&step, user.as_ref(), person) {
            found.add(Some(by), (step.action.account().cloned(), user));
        }
    }
    Ok(all_matches(found))
}

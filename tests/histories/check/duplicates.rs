//! Ids that two entries have, and readings that show only one of them.

use std::collections::BTreeSet;

use crate::events::Proof;
use crate::served::{Seen, Served, Shown};
use crate::stage::Cycle;
use crate::world::Directory;

use super::Checker;

impl Checker {
    /// What may follow of an account from a reading. A cut one may show only one of two entries:
    /// it counts where nobody can know of the other one yet, and where it was before.
    pub(super) fn shown<'c>(&self, cycle: &'c Cycle, number: u32) -> Option<&'c Shown> {
        let all = match cycle.served.of(number) {
            Seen::Listed(shown) => return Some(shown),
            Seen::Unusable(all) => all,
            Seen::Elsewhere { .. } | Seen::Nowhere => return None,
        };
        let mut links = cycle.before.memory.links();
        let link = links.find(|(key, _)| Directory::number_of(key.id.as_str()) == Some(number));
        let at = link.map(|(_, link)| link.last_dn.as_str());
        let known = self.twice.contains(&number) || cycle.served.proof != Proof::Broken;
        let mut all = all.iter().filter(|_| !known);
        all.find(|shown| at.is_none_or(|at| at == shown.account.dn()))
    }

    /// Who is seen twice stays so, as far as anybody knows, until a whole reading shows otherwise.
    pub(super) fn count_twice(&mut self, cycle: &Cycle) {
        let served = &cycle.served;
        if served.proof == Proof::Broken || cycle.order.is_some() {
            return;
        }
        let twice = twice(served);
        self.twice.retain(|number| twice.contains(number));
        if cycle.error.is_none() {
            self.twice = twice;
        }
    }
}

fn twice(served: &Served) -> BTreeSet<u32> {
    let twice = |seen: &Seen| matches!(seen, Seen::Unusable(all) if !all.is_empty());
    let seen = served.seen.iter().filter(|(_, seen)| twice(seen));
    seen.map(|(number, _)| *number).collect()
}

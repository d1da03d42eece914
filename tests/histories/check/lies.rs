//! What a proxy or a cache says instead of the server: it ends soon, and nothing is made of it.

use crate::mischief::is_large;
use crate::ports::{Lie, List, Part};
use crate::stage::Cycle;

use super::{Checker, Verdict, broken};

/// A cycle asks no more than this, and so much more for each person.
const REQUESTS: usize = 100;
const FOR_EACH: usize = 10;
/// And this where pages are too large, and read in parts.
const IN_PARTS: usize = 1000;
/// So many answers of another program in a row are enough, and what is under way with the last.
const FOREIGN: u32 = 6;

impl Checker {
    pub(super) fn lied_to(&self, cycle: &Cycle) -> Verdict {
        let people = cycle.before.users.len() + cycle.served.seen.len();
        let (asked, lie) = (cycle.requests as usize, &cycle.lie);
        let mut users = cycle.before.users.values();
        let parts = if users.any(is_large) { IN_PARTS } else { 0 };
        if asked > REQUESTS + parts + FOR_EACH * people {
            let what = format!("{asked} requests in one cycle for {people} people ({lie:?})");
            return broken(10, what);
        }
        let most = FOREIGN + self.setting.concurrency;
        if matches!(lie, Lie::Foreign(_, Part::Writes)) && cycle.lied > most {
            let what = format!(
                "{} writes to another program; {most} are enough",
                cycle.lied
            );
            return broken(10, what);
        }
        // Who is not listed may have any name: nobody knows whose it is.
        if let Lie::Short(List::Users, rows) = lie {
            let made = |d: &&crate::ports::Deed| d.target == "/api/v4/users" && !d.late;
            if let Some(deed) = cycle.deeds.iter().find(made) {
                let what = format!("a list of {rows} users was believed");
                return broken(12, format!("{what}: {} {}", deed.method, deed.target));
            }
        }
        // A team is known by its id: only if it is gone, another one is made.
        if cycle.teams > 1 && !self.amnesia {
            return broken(5, format!("{} teams, and one is wanted", cycle.teams));
        }
        Ok(())
    }
}

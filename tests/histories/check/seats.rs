//! A server that refused somebody for want of a seat is left alone.

use std::collections::BTreeSet;

use mattersync::model::Why;

use crate::mischief::is_unreadable;
use crate::ports::Deed;
use crate::stage::Cycle;
use crate::world::Directory;

use super::{Checker, Verdict, broken};

const DAY: i64 = 24 * 3_600_000;

/// What mattersync knows of the server's seats.
#[derive(Clone, Debug, Default)]
pub struct Seats {
    /// When the server last refused somebody, by our clock, as far as that is written down.
    refused: Option<i64>,
}

impl Checker {
    /// Who was refused is not sent again, but for one a day: the limit may have been raised. Where
    /// the server tells its limit nobody is refused at all.
    pub(super) fn seats(&mut self, cycle: &Cycle) -> Verdict {
        let mut late = cycle.deeds.iter().filter(|d| d.late);
        let asked = cycle.deeds.iter().filter(|d| d.no_seat && !d.late).count();
        if asked == 0 {
            return Ok(());
        }
        // Of what went wrong or came late the plan could not know.
        let failed = cycle.deeds.iter().any(|d| d.refused.is_some());
        let hidden = cycle.before.users.values().any(is_unreadable);
        let surprised = !cycle.struck.is_empty() || late.next().is_some() || failed || hidden;
        let together = usize::try_from(self.setting.concurrency).unwrap();
        let most = match self.seats.refused {
            _ if surprised => together,
            None if self.setting.socket => together,
            None => 0,
            Some(at) => usize::from(cycle.wall - at >= DAY),
        };
        if asked > most {
            let what = format!("{asked} were refused for want of a seat in one cycle");
            return broken(8, format!("{what}; {most} may be"));
        }
        let written = cycle.error.is_none();
        self.seats.refused = (written && !surprised).then_some(cycle.wall);
        Ok(())
    }
}

impl Cycle {
    /// Somebody had a seat kept for them, whom the server refuses: the next one who waits comes next
    /// time.
    fn has_a_queue(&self) -> bool {
        let is_refused = |deed: &Deed| deed.refused.is_some() && deed.target == "/api/v4/users";
        let left = self.plan.iter().flat_map(|plan| &plan.left_alone);
        let mut waiting = left.filter(|left| matches!(left.why, Why::NoSeat { .. }));
        let others = waiting.any(|left| {
            let key = left.subject.account.as_ref();
            let number = key.and_then(|key| Directory::number_of(key.id.as_str()));
            number.is_some_and(|number| !self.refused.contains(&number))
        });
        others && self.deeds.iter().any(is_refused)
    }

    /// Nothing was done; at most somebody was refused, for ever or for want of a seat.
    pub fn is_quiet(&self) -> bool {
        let linked = self.before.linked.iter();
        let refused = linked.filter(|(number, _)| self.refused.contains(number));
        let refused: BTreeSet<&String> = refused.map(|(_, id)| id).collect();
        let about_refused = |deed: &&Deed| {
            deed.refused.is_some()
                || !deed.changed.is_empty() && deed.changed.keys().all(|id| refused.contains(id))
        };
        // Whose name or address somebody has whom nobody can read is refused each time.
        let hidden = self.before.users.values().any(is_unreadable);
        let taken = |deed: &Deed| hidden && deed.status == 400 && deed.changed.is_empty();
        let mut deeds = self.deeds.iter().filter(|deed| !about_refused(deed));
        !self.has_a_queue() && deeds.all(|deed| (deed.no_seat || taken(deed)) && !deed.late)
    }
}

//! How far a directory's servers have come, by their own word: a server that knows of less than
//! before was put back from a backup.

use std::collections::BTreeMap;

use crate::model::{ChangeStamp, SourceIdentity, Timestamp, WentBack};

/// Servers behind one address may lag behind each other by so much, in seconds.
const LAG: i64 = 60 * 60;
/// Smaller steps forward in time are not worth a write to the disk, in seconds: beside [`LAG`] they
/// do not matter.
const WORTH: i64 = 60;
/// For so long what one server told is waited for from the others, in seconds: a change that was
/// lost with the server that told of it must not stop everything for ever.
const WAIT: i64 = 24 * 60 * 60;
/// The most servers that are remembered.
const MOST: usize = 64;

/// Returns how far it is from one stamp to another that can be compared with it: changes, or
/// seconds.
fn way(from: &ChangeStamp, to: &ChangeStamp) -> Option<i64> {
    match (from, to) {
        (ChangeStamp::Count(from), ChangeStamp::Count(to)) => Some(to.saturating_sub(*from)),
        (
            ChangeStamp::Moment {
                origin: one,
                at: from,
            },
            ChangeStamp::Moment {
                origin: other,
                at: to,
            },
        ) if one == other => Some(to.0.saturating_sub(from.0) / 1000),
        _ => None,
    }
}

/// Tells whether a stamp need not give way to a later one. A count has no lag: what is not
/// remembered of it is a backup that nobody notices.
fn is_enough(stamp: &ChangeStamp, later: &ChangeStamp) -> bool {
    let worth = match stamp {
        ChangeStamp::Count(_) => 1,
        ChangeStamp::Moment { .. } => WORTH,
    };
    !is_back(stamp, later) && way(stamp, later).is_some_and(|way| way < worth)
}

fn is_back(stamp: &ChangeStamp, later: &ChangeStamp) -> bool {
    let least = match stamp {
        ChangeStamp::Count(_) => 0,
        ChangeStamp::Moment { .. } => -LAG,
    };
    way(stamp, later).is_some_and(|way| way < least)
}

/// The first server that knows of less than before. One that is asked for the first time says
/// nothing: a fail-over is no alarm.
pub fn went_back(last: &SourceIdentity, now: &SourceIdentity) -> Option<WentBack> {
    now.progress.iter().find_map(|(server, to)| {
        let from = last.progress.get(server)?;
        is_back(from, to).then(|| WentBack {
            server: server.clone(),
            from: from.clone(),
            to: to.clone(),
        })
    })
}

/// A change that an OpenLDAP server told of before, at whatever address, and that who answers now has
/// not heard of: what it says is older than what is known, and nothing may follow from it. Changes
/// are told apart by the server where they were made; counts of Active Directory are each domain
/// controller's own and cannot be compared with another's.
pub fn behind(
    heard: &BTreeMap<String, ChangeStamp>,
    now: &BTreeMap<String, ChangeStamp>,
    at: Timestamp,
) -> Option<WentBack> {
    now.iter().find_map(|(server, to)| {
        let told = heard.values().find(|from| {
            let ChangeStamp::Moment { at: before, .. } = from else {
                return false;
            };
            let lag = way(to, from).unwrap_or(0);
            // What is older on one server by more than this was put back from a backup.
            let same = heard.get(server) == Some(*from) && lag > LAG;
            let awaited = at.0.saturating_sub(before.0) / 1000 <= WAIT;
            lag > WORTH && awaited && !same
        });
        told.map(|from| WentBack {
            server: server.clone(),
            from: from.clone(),
            to: to.clone(),
        })
    })
}

/// What to remember: what is known of servers that did not answer this time, and of those that did
/// what is worth it.
pub fn merged(
    last: Option<&SourceIdentity>,
    now: &SourceIdentity,
) -> BTreeMap<String, ChangeStamp> {
    let mut progress = last.map(|last| last.progress.clone()).unwrap_or_default();
    for (server, to) in &now.progress {
        let known = progress.get(server);
        if !known.is_some_and(|from| is_enough(from, to)) {
            progress.insert(server.clone(), to.clone());
        }
    }
    while progress.len() > MOST {
        let strange = |name: &&String| !now.progress.contains_key(*name);
        let Some(name) = progress.keys().find(strange).cloned() else {
            break;
        };
        progress.remove(&name);
    }
    progress
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(pairs: &[(&str, ChangeStamp)]) -> SourceIdentity {
        let pairs = pairs.iter();
        SourceIdentity {
            progress: pairs.map(|(s, w)| ((*s).into(), w.clone())).collect(),
            ..SourceIdentity::default()
        }
    }

    fn count(of: i64) -> ChangeStamp {
        ChangeStamp::Count(of)
    }

    /// So many seconds after noon.
    fn noon(seconds: i64) -> ChangeStamp {
        made_at("001", seconds)
    }

    fn made_at(origin: &str, seconds: i64) -> ChangeStamp {
        ChangeStamp::Moment {
            origin: origin.to_owned(),
            at: Timestamp((NOON + seconds) * 1000),
        }
    }

    /// 2026-03-01 12:00:00 UTC.
    const NOON: i64 = 1_772_366_400;
    const HOUR: i64 = 3600;

    fn back(from: ChangeStamp, to: ChangeStamp) -> bool {
        went_back(&at(&[("dc1", from)]), &at(&[("dc1", to)])).is_some()
    }

    #[test]
    fn only_the_same_server_can_go_back() {
        assert!(back(count(12_000), count(11_999)));
        assert!(!back(count(12_000), count(12_000)) && !back(count(12_000), count(13_000)));
        let (one, other) = (at(&[("dc1", count(12_000))]), at(&[("dc2", count(5))]));
        assert!(went_back(&one, &other).is_none());
    }

    #[test]
    fn a_replica_may_lag_behind_a_little() {
        assert!(back(noon(0), noon(-24 * HOUR)));
        assert!(back(noon(0), noon(-HOUR - 1)));
        assert!(!back(noon(0), noon(-HOUR)));
        assert!(!back(noon(0), noon(1)));
        assert!(!back(noon(0), count(77)), "another kind of stamp");
        assert!(
            !back(noon(0), made_at("002", -24 * HOUR)),
            "of another server"
        );
    }

    #[test]
    fn a_replica_that_has_not_heard_of_a_change_is_waited_for() {
        let heard = at(&[("ldap://one #001", noon(0))]).progress;
        let clock = |hours: i64| Timestamp((NOON + hours * HOUR) * 1000);
        let is_behind = |server: &str, stamp: ChangeStamp, hours: i64| {
            behind(&heard, &at(&[(server, stamp)]).progress, clock(hours)).is_some()
        };
        let two = "ldap://two #001";
        assert!(is_behind(two, noon(-61), 1) && is_behind(two, noon(-28 * 24 * HOUR), 1));
        assert!(!is_behind(two, noon(-60), 1) && !is_behind(two, noon(1), 1));
        // After a day the change is taken to be lost.
        assert!(is_behind(two, noon(-HOUR), 24));
        assert!(!is_behind(two, noon(-HOUR), 25));
        // Of another origin nothing is known.
        assert!(!is_behind(
            "ldap://two #002",
            made_at("002", -28 * 24 * HOUR),
            1
        ));
        // One address for several servers; one server that was put back is another matter.
        assert!(is_behind("ldap://one #001", noon(-HOUR / 2), 1));
        assert!(!is_behind("ldap://one #001", noon(-HOUR - 1), 1));
        let counts = at(&[("dc1", count(12_000))]).progress;
        assert!(behind(&counts, &at(&[("dc1", count(7))]).progress, clock(1)).is_none());
    }

    #[test]
    fn a_server_that_is_busy_does_not_wake_the_disk_each_time() {
        let last = at(&[("one", noon(0))]);
        let merge = |stamp: ChangeStamp| merged(Some(&last), &at(&[("one", stamp)]));
        assert_eq!(merge(noon(59)), last.progress);
        assert_eq!(merge(noon(-HOUR)), last.progress, "a replica that lags");
        assert_eq!(merge(noon(60))["one"], noon(60));
        let back = noon(-HOUR - 1);
        assert_eq!(merge(back.clone())["one"], back, "once it is believed");
    }

    /// A backup that was made since is noticed only by what was remembered since.
    #[test]
    fn each_change_that_a_server_counts_is_remembered() {
        let last = at(&[("dc1", count(12_000)), ("dc2", count(7))]);
        let merge = |many: i64| merged(Some(&last), &at(&[("dc1", count(many))]));
        assert_eq!(merge(12_000), last.progress);
        assert_eq!(merge(12_001)["dc1"], count(12_001));
        assert_eq!(merge(11_000)["dc1"], count(11_000), "once it is believed");
        assert_eq!(merge(13_000)["dc2"], count(7));
        let many: Vec<String> = (0..80).map(|n| format!("s{n:02}")).collect();
        let many: Vec<(&str, ChangeStamp)> = many.iter().map(|s| (s.as_str(), count(1))).collect();
        assert_eq!(merged(Some(&at(&many)), &last).len(), MOST);
    }
}

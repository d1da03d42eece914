//! How far a directory's servers have come, as they say themselves. A server that knows fewer
//! changes than before was restored from a backup.

use std::collections::BTreeMap;

use crate::model::{ChangeStamp, SourceIdentity, Timestamp, WentBack};

/// By how much the servers behind one address may lag behind each other, in seconds.
const LAG: i64 = 60 * 60;
/// Steps forward that are shorter are not written to the disk, in seconds; [`LAG`] covers them.
const MIN_STEP: i64 = 60;
/// How long the other servers may take to hear of a change that one server told of, in seconds. A
/// change that was lost together with its server must not stop everything for ever.
const MAX_WAIT: i64 = 24 * 60 * 60;
/// How many servers are remembered at most.
const MAX_SERVERS: usize = 64;

/// Returns how far it is between two stamps that can be compared, in changes or seconds.
fn distance(from: &ChangeStamp, to: &ChangeStamp) -> Option<i64> {
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

/// Returns whether a stamp need not be replaced by a later one. A count is always replaced: if an
/// older count were kept, a restored backup could go unnoticed.
fn is_enough(stamp: &ChangeStamp, later: &ChangeStamp) -> bool {
    let worth = match stamp {
        ChangeStamp::Count(_) => 1,
        ChangeStamp::Moment { .. } => MIN_STEP,
    };
    !is_back(stamp, later) && distance(stamp, later).is_some_and(|distance| distance < worth)
}

fn is_back(stamp: &ChangeStamp, later: &ChangeStamp) -> bool {
    let least = match stamp {
        ChangeStamp::Count(_) => 0,
        ChangeStamp::Moment { .. } => -LAG,
    };
    distance(stamp, later).is_some_and(|distance| distance < least)
}

/// Returns the first server that knows fewer changes than before. A server that answers for the
/// first time is not compared, so that a fail-over raises no alarm.
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

/// Returns a change that an OpenLDAP server told of before, at any address, and that the present
/// server has not heard of. What that server says is then older than what is known, and nothing may
/// follow from it. Changes are told apart by the server where they were made. Counts of Active
/// Directory belong to one domain controller and cannot be compared with another's.
pub fn behind(
    heard: &BTreeMap<String, ChangeStamp>,
    now: &BTreeMap<String, ChangeStamp>,
    at: Timestamp,
) -> Option<WentBack> {
    now.iter().find_map(|(server, to)| {
        let ahead = heard.values().find(|from| {
            let ChangeStamp::Moment { at: before, .. } = from else {
                return false;
            };
            let lag = distance(to, from).unwrap_or(0);
            // A server that is older than before by more than this was restored from a backup.
            let same = heard.get(server) == Some(*from) && lag > LAG;
            let awaited = at.0.saturating_sub(before.0) / 1000 <= MAX_WAIT;
            lag > MIN_STEP && awaited && !same
        });
        ahead.map(|from| WentBack {
            server: server.clone(),
            from: from.clone(),
            to: to.clone(),
        })
    })
}

/// Returns what to remember: what is known of servers that did not answer this time, and what the
/// others say if it is worth a write.
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
    while progress.len() > MAX_SERVERS {
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
        assert_eq!(merged(Some(&at(&many)), &last).len(), MAX_SERVERS);
    }
}

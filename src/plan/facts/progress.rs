//! How far a directory's servers have come, by their own word: a server that knows of less than
//! before was put back from a backup.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::model::{SourceIdentity, Timestamp, WentBack};

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

/// A server's word of its last change.
enum Word {
    /// Active Directory's `highestCommittedUSN`: a count of one server's own changes.
    Count(i64),
    /// OpenLDAP's `contextCSN` (`20260102030405.678901Z#000000#001#000000`): the time of the last
    /// change that came from one server.
    Moment(i64),
}

impl Word {
    fn of(text: &str) -> Option<Self> {
        if let Ok(count) = text.parse() {
            return Some(Self::Count(count));
        }
        let digits = text
            .get(..14)
            .filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
        let time = DateTime::strptime("%Y%m%d%H%M%S", digits).ok()?;
        let time = time.to_zoned(TimeZone::UTC).ok()?;
        Some(Self::Moment(time.timestamp().as_second()))
    }

    /// How far it is from one word to another of the same kind.
    fn to(&self, later: &Self) -> Option<i64> {
        match (self, later) {
            (Self::Count(from), Self::Count(to)) => Some(to.saturating_sub(*from)),
            (Self::Moment(from), Self::Moment(to)) => Some(to.saturating_sub(*from)),
            _ => None,
        }
    }

    /// Whether this word need not give way to a later one. A count has no lag: what is not
    /// remembered of it is a backup that nobody notices.
    fn is_enough(&self, later: &Self) -> bool {
        let worth = match self {
            Self::Count(_) => 1,
            Self::Moment(_) => WORTH,
        };
        !self.is_back(later) && self.to(later).is_some_and(|way| way < worth)
    }

    fn is_back(&self, later: &Self) -> bool {
        let least = match self {
            Self::Count(_) => 0,
            Self::Moment(_) => -LAG,
        };
        self.to(later).is_some_and(|way| way < least)
    }
}

fn words(from: &str, to: &str) -> Option<(Word, Word)> {
    Some((Word::of(from)?, Word::of(to)?))
}

/// The first server that knows of less than before. One that is asked for the first time says
/// nothing: a fail-over is no alarm.
pub fn went_back(last: &SourceIdentity, now: &SourceIdentity) -> Option<WentBack> {
    now.progress.iter().find_map(|(server, to)| {
        let from = last.progress.get(server)?;
        let (before, after) = words(from, to)?;
        before.is_back(&after).then(|| WentBack {
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
    heard: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
    at: Timestamp,
) -> Option<WentBack> {
    let origin = |key: &str| Some(key.rsplit_once(" #")?.1.to_owned());
    now.iter().find_map(|(server, to)| {
        let ours = origin(server)?;
        let told = heard
            .iter()
            .filter(|(other, _)| origin(other).as_ref() == Some(&ours));
        told.filter_map(|(_, from)| {
            let (Word::Moment(before), Word::Moment(after)) = words(from, to)? else {
                return None;
            };
            // What is older on one server by more than this was put back from a backup.
            let same = heard.get(server) == Some(from) && before - after > LAG;
            let awaited = at.0 / 1000 - before <= WAIT;
            (before - after > WORTH && awaited && !same).then(|| WentBack {
                server: server.clone(),
                from: from.clone(),
                to: to.clone(),
            })
        })
        .next()
    })
}

/// What to remember: what is known of servers that did not answer this time, and of those that did
/// what is worth it.
pub fn merged(last: Option<&SourceIdentity>, now: &SourceIdentity) -> BTreeMap<String, String> {
    let mut progress = last.map(|last| last.progress.clone()).unwrap_or_default();
    for (server, to) in &now.progress {
        let keep = progress.get(server).and_then(|from| {
            let (before, after) = words(from, to)?;
            Some(before.is_enough(&after))
        });
        if keep != Some(true) {
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

    fn at(pairs: &[(&str, &str)]) -> SourceIdentity {
        let pairs = pairs.iter();
        SourceIdentity {
            progress: pairs.map(|(s, w)| ((*s).into(), (*w).into())).collect(),
            ..SourceIdentity::default()
        }
    }

    fn csn(time: &str) -> String {
        format!("{time}.123456Z#000000#001#000000")
    }

    fn back(from: &str, to: &str) -> bool {
        went_back(&at(&[("dc1", from)]), &at(&[("dc1", to)])).is_some()
    }

    #[test]
    fn only_the_same_server_can_go_back() {
        assert!(back("12000", "11999"));
        assert!(!back("12000", "12000") && !back("12000", "13000"));
        assert!(went_back(&at(&[("dc1", "12000")]), &at(&[("dc2", "5")])).is_none());
        assert!(!back("12000", "not a number"));
    }

    #[test]
    fn a_replica_may_lag_behind_a_little() {
        let noon = csn("20260301120000");
        assert!(back(&noon, &csn("20260228120000")));
        assert!(back(&noon, &csn("20260301105959")));
        assert!(!back(&noon, &csn("20260301110000")));
        assert!(!back(&noon, &csn("20260301120001")));
        assert!(!back(&noon, "77"), "another kind of word");
    }

    #[test]
    fn a_replica_that_has_not_heard_of_a_change_is_waited_for() {
        let noon = csn("20260301120000");
        let heard = at(&[("ldap://one #001", &noon)]).progress;
        let now = |word: &str| at(&[("ldap://two #001", &csn(word))]).progress;
        let clock = |hours: i64| Timestamp((1_772_366_400 + hours * 3600) * 1000);
        let old = |word: &str| behind(&heard, &now(word), clock(1)).is_some();
        assert!(old("20260301115859") && old("20260201000000"));
        assert!(!old("20260301115900") && !old("20260301120001"));
        // After a day the change is taken to be lost.
        assert!(behind(&heard, &now("20260301110000"), clock(24)).is_some());
        assert!(behind(&heard, &now("20260301110000"), clock(25)).is_none());
        // Of another origin nothing is known.
        let other = at(&[("ldap://two #002", &csn("20260201000000"))]).progress;
        assert!(behind(&heard, &other, clock(1)).is_none());
        // One address for several servers; one server that was put back is another matter.
        let same = |word: &str| at(&[("ldap://one #001", &csn(word))]).progress;
        assert!(behind(&heard, &same("20260301113000"), clock(1)).is_some());
        assert!(behind(&heard, &same("20260301105959"), clock(1)).is_none());
        let counts = at(&[("dc1", "12000")]).progress;
        assert!(behind(&counts, &at(&[("dc1", "7")]).progress, clock(1)).is_none());
    }

    #[test]
    fn a_server_that_is_busy_does_not_wake_the_disk_each_time() {
        let noon = csn("20260301120000");
        let last = at(&[("one", &noon)]);
        let merge = |word: &str| merged(Some(&last), &at(&[("one", &csn(word))]));
        assert_eq!(merge("20260301120059"), last.progress);
        assert_eq!(
            merge("20260301110000"),
            last.progress,
            "a replica that lags"
        );
        assert_eq!(merge("20260301120100")["one"], csn("20260301120100"));
        let back = csn("20260301105959");
        assert_eq!(merge("20260301105959")["one"], back, "once it is believed");
    }

    /// A backup that was made since is noticed only by what was remembered since.
    #[test]
    fn each_change_that_a_server_counts_is_remembered() {
        let last = at(&[("dc1", "12000"), ("dc2", "7")]);
        let merge = |word: &str| merged(Some(&last), &at(&[("dc1", word)]));
        assert_eq!(merge("12000"), last.progress);
        assert_eq!(merge("12001")["dc1"], "12001");
        assert_eq!(merge("11000")["dc1"], "11000", "once it is believed");
        assert_eq!(merge("13000")["dc2"], "7");
        let many: Vec<String> = (0..80).map(|n| format!("s{n:02}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|s| (s.as_str(), "1")).collect();
        assert_eq!(merged(Some(&at(&many)), &last).len(), MOST);
    }
}

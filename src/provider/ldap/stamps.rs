//! How far a server has come, by its own word.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::root::{RootDse, texts};
use crate::model::{ChangeStamp, Entry, Timestamp};

/// Returns what a server says of its last changes: Active Directory a count of its own, OpenLDAP,
/// where it replicates, the last change from each server of a group. A word that is not understood
/// is left out. `entry` is the one of the naming context.
pub(super) fn stamps(
    url: &str,
    root: &RootDse,
    entry: Option<&Entry>,
) -> BTreeMap<String, ChangeStamp> {
    let own = root.service.clone().zip(root.changes.as_deref());
    let own = own.and_then(|(service, count)| {
        let count = count.parse().ok()?;
        Some((service, ChangeStamp::Count(count)))
    });
    let stamps = entry.map_or_else(Vec::new, |entry| texts(entry, "contextcsn"));
    let stamps = stamps.iter().filter_map(|stamp| {
        let stamp = context_csn(stamp)?;
        let ChangeStamp::Moment { origin, .. } = &stamp else {
            return None;
        };
        Some((format!("{url} #{origin}"), stamp))
    });
    own.into_iter().chain(stamps).collect()
}

/// Reads `time#count#server#modifier`, for example
/// `20260102030405.678901Z#000000#001#000000`.
fn context_csn(text: &str) -> Option<ChangeStamp> {
    let origin = text.split('#').nth(2)?.to_owned();
    let digits = text.get(..14)?;
    let time = DateTime::strptime("%Y%m%d%H%M%S", digits).ok()?;
    let time = time.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(ChangeStamp::Moment {
        origin,
        at: Timestamp(time.as_second() * 1000),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_a_moment_at_a_server() {
        let stamp = context_csn("20260301120000.123456Z#000000#001#000000");
        let noon = Timestamp(1_772_366_400_000);
        let (origin, at) = ("001".to_owned(), noon);
        assert_eq!(stamp, Some(ChangeStamp::Moment { origin, at }));
        for text in [
            "",
            "77",
            "20260301120000Z",
            "2026#0#1#0",
            "20261301120000Z#0#1#0",
        ] {
            assert_eq!(context_csn(text), None, "{text}");
        }
    }
}

//! Says how old the reading is that an answer is about.

use std::time::Duration;

use crate::model::Timestamp;

use super::context::Context;
use super::exit::Failure;
use super::print::{Page, count};

/// Shows when the service read what an answer is about, if it was not read for it.
///
/// # Errors
/// An error if the service does not answer.
pub fn show(page: &mut Page, context: &Context, read: Option<Timestamp>) -> Result<(), Failure> {
    let (Some(read), Some(service)) = (read, &context.service) else {
        return Ok(());
    };
    page.line(format!(
        "As the service read it last, {}. To read anew, add --fresh.",
        ago(read)
    ));
    let failures = context.wait(service.status())??.failures;
    if failures > 0 {
        let cycles = count(
            usize::try_from(failures).unwrap_or(usize::MAX),
            "cycle since then",
            "cycles since then",
        );
        page.alarm(format!(
            "{cycles} could not be finished: `mattersync status` says why."
        ));
    }
    page.gap();
    Ok(())
}

/// Returns how long ago something was.
pub fn ago(then: Timestamp) -> String {
    let now = Timestamp(jiff::Timestamp::now().as_millisecond());
    in_words(now.since(then))
}

fn in_words(age: Duration) -> String {
    let seconds = age.as_secs();
    let (number, one, many) = match seconds {
        0..120 => (seconds, "second", "seconds"),
        120..7_200 => (seconds / 60, "minute", "minutes"),
        7_200..172_800 => (seconds / 3_600, "hour", "hours"),
        _ => (seconds / 86_400, "day", "days"),
    };
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    format!("{} ago", count(number, one, many))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_the_unit_that_fits() {
        let said = |seconds| in_words(Duration::from_secs(seconds));
        assert_eq!(said(1), "1 second ago");
        assert_eq!(said(119), "119 seconds ago");
        assert_eq!(said(240), "4 minutes ago");
        assert_eq!(said(7_200), "2 hours ago");
        assert_eq!(said(864_000), "10 days ago");
    }
}

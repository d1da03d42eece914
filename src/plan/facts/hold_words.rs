//! Texts for what is held, and why.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::model::{
    Changed, Gone, HoldCause, HoldKey, NewIds, NoNewId, ScopeValue, TeamMoved, Timestamp, WentBack,
};
use crate::plan::facts::losses::WorstLosses;
use crate::plan::facts::spans::Span;

/// How many people one hold names at most.
const MAX_NAMED: usize = 10;

impl fmt::Display for HoldCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit { limit, wanted } => {
                write!(f, "{wanted} wanted, one cycle may do {limit}")
            }
            Self::GivenBack { limit, wanted } => write!(
                f,
                "{wanted} are to get back what was changed on Mattermost; the directory's own \
                 changes go first and leave {limit} for one cycle"
            ),
            Self::Day {
                limit,
                done,
                wanted,
            } => write!(
                f,
                "{wanted} wanted and {done} done in the last 24 hours; the limit for 24 hours is \
                 {limit}"
            ),
            Self::NewIds(new_ids) => new_ids.fmt(f),
            Self::Shrank { from, to, lost } => {
                let lost = WorstLosses(lost);
                write!(f, "the directory shrank from {from} to {to} accounts{lost}")
            }
            Self::ContainerVanished { had } => {
                write!(
                    f,
                    "a container that had {had} accounts has none: has mattersync lost the right \
                     to read it?"
                )
            }
            Self::AttributeFaded {
                had,
                had_of,
                has,
                has_of,
            } => write!(
                f,
                "{had} of {had_of} accounts had this attribute, now {has} of {has_of}: has \
                 mattersync lost the right to read it?"
            ),
            Self::Flapping {
                limit,
                within,
                values,
                changes,
            } => write_flapping(f, *limit, *within, *values, changes),
            Self::ClockJumped { ahead } => {
                let by = Span(Duration::from_millis(ahead.unsigned_abs()));
                let way = if *ahead > 0 { "ahead" } else { "back" };
                write!(
                    f,
                    "this machine's clock jumped {way} by {by}, so it is not certain which dates \
                     in the directory have come: is the clock right?"
                )
            }
            Self::OtherIdentity { from, to } => {
                write!(
                    f,
                    "the directory is another one than before: {from} became {to}"
                )
            }
            Self::WentBack(WentBack { server, from, to }) => write!(
                f,
                "the server {server} knows fewer changes than before (its last change was {from}, \
                 now it is {to}): was a backup of the directory restored?"
            ),
            Self::Configuration { changes } => write!(
                f,
                "the configuration was changed, and says otherwise who is in scope: {}",
                Changes(changes)
            ),
            Self::TeamMoved(moved) => write!(f, "{moved}"),
            Self::OlderState { how } => write!(
                f,
                "{how}. mattersync does not know what it did since then: check whether these \
                 steps are right"
            ),
        }
    }
}

/// Writes what was done to users too often, and the times of it for at most [`MAX_NAMED`] of them.
fn write_flapping(
    f: &mut fmt::Formatter<'_>,
    limit: u32,
    within: Duration,
    values: bool,
    changes: &BTreeMap<String, Vec<Timestamp>>,
) -> fmt::Result {
    match values {
        false => write!(
            f,
            "deactivated and reactivated {limit} times or more within {}: look why the account \
             goes and comes back. ",
            Span(within)
        )?,
        true => write!(
            f,
            "given the same username, address or names {limit} times or more within {}, or let in \
             again: look who changes them again and again, on Mattermost or in the directory. ",
            Span(within)
        )?,
    }
    f.write_str("One person alone is released with `mattersync approve USERNAME`")?;
    for (name, times) in changes.iter().take(MAX_NAMED) {
        let times: Vec<String> = times.iter().map(ToString::to_string).collect();
        write!(f, "; {name}: {}", times.join(", "))?;
    }
    match changes.len().saturating_sub(MAX_NAMED) {
        0 => Ok(()),
        more => write!(f, "; and {more} more"),
    }
}

impl fmt::Display for NewIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "accounts.id is {} now, and people are known by {}, also in this plan, until somebody \
             approves the new ids: ",
            self.to, self.from
        )?;
        let gone = self.renumbered.iter().filter(|line| line.gone.is_some());
        let gone = gone.count();
        let there = self.renumbered.len() - gone;
        match there {
            1 => write!(f, "1 account gets one")?,
            n => write!(f, "{n} accounts get one")?,
        }
        match gone {
            0 => {}
            1 => write!(f, ", 1 is not in the directory")?,
            n => write!(f, ", {n} are not in the directory")?,
        }
        if !self.stuck.is_empty() {
            let stuck = self.stuck.len();
            write!(f, ", {stuck} cannot be given one, and so nobody gets one")?;
        }
        if !self.complete {
            write!(
                f,
                ". The directory was not read completely, and so nobody gets one before it was"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for TeamMoved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            team,
            now,
            archived,
            taken,
        } = self;
        match now {
            Some(now) => {
                let archived = if *archived { " and is archived" } else { "" };
                write!(
                    f,
                    "the team that was {team} is called {now} now{archived}: write name = \
                     \"{now}\" in [[team]], or nobody more is added to it"
                )?;
            }
            None => write!(
                f,
                "the team {team} that mattersync filled was deleted for ever"
            )?,
        }
        f.write_str(match taken {
            true => "; another team has the old name, and approving fills that one",
            false => "; approving makes a new team with the old name",
        })
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere => f.write_str("not in the directory"),
            Self::OutOfScope { dn } => write!(f, "outside the base or the filter: {dn}"),
        }
    }
}

impl fmt::Display for NoNewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(gap) => write!(f, "whether it is there is not known: {gap}"),
            Self::NoValue => f.write_str(
                "it has no usable value of the new attribute: give it exactly one, or leave it out \
                 with the filter",
            ),
            Self::Shared { id, dn } => {
                write!(
                    f,
                    "its new id {id} is also that of {dn}: give one of them another"
                )
            }
        }
    }
}

/// The settings that were changed, each with its place, its old and its new value.
pub struct Changes<'a>(pub &'a [Changed]);

impl fmt::Display for Changes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, change) in self.0.iter().enumerate() {
            let value = |value: &Option<ScopeValue>| match value {
                Some(value) => value.to_string(),
                None => "nothing".to_owned(),
            };
            let place = change.place.as_deref().unwrap_or("by default");
            let comma = if n == 0 { "" } else { "; " };
            let (from, to) = (value(&change.from), value(&change.to));
            write!(f, "{comma}{} ({place}) was {from}, is {to}", change.key)?;
        }
        Ok(())
    }
}

/// Returns the name of a hold in messages and commands.
pub fn hold_name(key: &HoldKey) -> String {
    match key {
        HoldKey::Class(class) => class.name().to_owned(),
        HoldKey::NewIds(provider) => format!("new-ids:{provider}"),
        HoldKey::Shrank(provider) => format!("shrank:{provider}"),
        HoldKey::Container(_, dn) => format!("container:{dn}"),
        HoldKey::Attribute(_, name) => format!("attribute:{name}"),
        HoldKey::Field(_, field) => format!("attribute:field:{}", field.api_name()),
        HoldKey::Identity(provider) => format!("identity:{provider}"),
        HoldKey::Configuration(provider) => format!("configuration:{provider}"),
        HoldKey::Restored => "restored".to_owned(),
        HoldKey::Flapping => "flapping".to_owned(),
        HoldKey::Clock => "clock".to_owned(),
        HoldKey::Team(name) => format!("team:{name}"),
    }
}

//! What stands between mattersync and the server and says what is not so: caches, replicas that lag
//! behind, proxies that answer themselves; and a server that refuses some people for ever.

use mattermost_sim::{Call, is_write};
use mattersync::mattermost::Response;
use serde_json::Value;

use super::{Deed, Hub, LARGEST, response};
use crate::events::Refusal;

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    Users,
    Members,
}

/// What another program answers in the server's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    List(List),
    Team,
    Writes,
}

/// What is said during one cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Lie {
    #[default]
    None,
    /// The lists are those of before the events of so many rounds ago.
    Stale(u32),
    /// A list ends after so many rows, without a word.
    Short(List, usize),
    /// The query string is lost on the way: every page is the first.
    Repeats,
    /// The page of another program, with this status.
    Foreign(u16, Part),
}

/// The server's own refusal of a person.
#[derive(Clone, Debug)]
pub struct Refused {
    pub what: Refusal,
    /// How each of their first names begins, as it stands in a request.
    pub name: String,
    pub user: Option<String>,
}

impl Refused {
    fn meets(&self, call: &Call) -> bool {
        let body = String::from_utf8_lossy(&call.body);
        let everything = self.what == Refusal::Everything;
        let path = call.path();
        let about = self.user.as_ref().is_some_and(|id| path.contains(id));
        path.starts_with("/api/v4/users") && (body.contains(&self.name) || everything && about)
    }
}

fn list_of(call: &Call) -> Option<List> {
    match (call.method.as_str(), call.path()) {
        ("GET", "/api/v4/users") if call.target.contains("in_team=") => Some(List::Members),
        ("GET", "/api/v4/users") => Some(List::Users),
        ("GET", path) if path.ends_with("/members") => Some(List::Members),
        _ => None,
    }
}

fn is_of(part: Part, call: &Call) -> bool {
    match part {
        Part::List(list) => list_of(call) == Some(list),
        Part::Team => call.path().starts_with("/api/v4/teams/name/"),
        Part::Writes => is_write(&call.method, call.path()),
    }
}

impl Hub {
    /// What is answered instead of the truth, if anything is.
    pub(super) fn lie(&self, call: &Call) -> Option<Response> {
        if let Some(refusal) = self.refuse(call) {
            return Some(refusal);
        }
        let (lie, replica) = {
            let state = self.state();
            (state.lie.clone(), state.replica.clone())
        };
        let told = match lie {
            Lie::None => None,
            Lie::Stale(_) => {
                list_of(call)?;
                let truth = response(self.sim.ask(call));
                let old = response(replica?.ask(call));
                (old.body != truth.body).then_some(old)
            }
            Lie::Short(list, rows) => {
                (list_of(call) == Some(list)).then_some(())?;
                let mut answer = response(self.sim.ask(call));
                let mut all: Vec<Value> = serde_json::from_slice(&answer.body).ok()?;
                (all.len() > rows).then_some(())?;
                all.truncate(rows);
                answer.body = serde_json::to_vec(&all).ok()?;
                // Of a page that is too large to be read nothing is believed anyway.
                (answer.body.len() <= LARGEST).then_some(answer)
            }
            Lie::Repeats => {
                list_of(call)?;
                let bare = Call {
                    target: call.path().to_owned(),
                    ..call.clone()
                };
                Some(response(self.sim.ask(&bare)))
            }
            Lie::Foreign(status, part) => is_of(part, call).then(|| page(status)),
        };
        if told.is_some() {
            self.state().lied += 1;
        }
        told
    }

    /// The server fails, with an error of its own, because of whom it is about.
    fn refuse(&self, call: &Call) -> Option<Response> {
        if !is_write(&call.method, call.path()) {
            return None;
        }
        let mut state = self.state();
        let (number, _) = state.refused.iter().find(|(_, r)| r.meets(call))?;
        let number = *number;
        state.deeds.push(Deed {
            refused: Some(number),
            ..Deed::of(call, 500)
        });
        let error = serde_json::json!({
            "id": "app.user.update.finding.app_error",
            "message": "We encountered an error finding the account.",
            "detailed_error": "", "request_id": "", "status_code": 500,
        });
        Some(Response {
            status: 500,
            body: error.to_string().into_bytes(),
            ..Response::default()
        })
    }
}

fn page(status: u16) -> Response {
    Response {
        status,
        body: b"<!DOCTYPE html>\n<html><body><h1>Request blocked</h1></body></html>\n".to_vec(),
        ..Response::default()
    }
}

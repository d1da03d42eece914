//! What strikes one request: what happens instead of an answer, and what stands between.

use std::time::Duration;

use serde_json::Value;

use crate::call::Call;
use crate::errors::Answer;
use crate::faults::Effect;
use crate::mattermost::Mattermost;

/// What strikes one request.
#[derive(Debug, Default)]
pub(crate) struct Struck {
    /// What happens instead of an answer by the server.
    pub instead: Option<Effect>,
    /// How much longer it takes.
    pub delay: Duration,
    /// What changes the request or the answer.
    filters: Vec<Effect>,
}

impl Struck {
    /// Adds what changes the request or the answer.
    pub(crate) fn add(&mut self, filter: Effect) {
        self.filters.push(filter);
    }

    /// The copy that answers what is read, if one does.
    pub(crate) fn reader(&self) -> Option<&Mattermost> {
        let mut copies = self.filters.iter().filter_map(|filter| match filter {
            Effect::Earlier(copy) => Some(copy),
            _ => None,
        });
        copies.next_back()
    }

    /// The request as it comes behind the proxy.
    pub(crate) fn request(&self, mut call: Call) -> Call {
        for filter in &self.filters {
            match filter {
                Effect::Lose(name) => {
                    call.headers.remove(name);
                }
                Effect::Replace(name, value) => {
                    call.headers.insert(name.clone(), value.clone());
                }
                Effect::FirstPage => call.target = first_page(&call.target),
                _ => {}
            }
        }
        call
    }

    /// The answer as it comes out in front of the proxy.
    pub(crate) fn answer(&self, mut answer: Answer) -> Answer {
        for filter in &self.filters {
            match filter {
                Effect::Hide(name) => answer.headers.retain(|(n, _)| n != name),
                Effect::Show(name, value) => {
                    answer.headers.retain(|(n, _)| n != name);
                    answer = answer.with(name, value.as_str());
                }
                Effect::Shorten(rows) => shorten(&mut answer, *rows),
                Effect::Garble { user, fields } => garble(&mut answer, user, fields),
                Effect::Intercept(status) if answer.status == *status => {
                    answer = Answer::page(*status);
                }
                _ => {}
            }
        }
        answer
    }
}

/// The same without the number of the page.
fn first_page(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let others = query.split('&').filter(|part| !part.starts_with("page="));
    format!("{path}?{}", others.collect::<Vec<_>>().join("&"))
}

fn shorten(answer: &mut Answer, rows: usize) {
    let Value::Array(mut list) = answer.json() else {
        return;
    };
    list.truncate(rows);
    answer.body = Value::Array(list).to_string().into_bytes();
}

fn garble(answer: &mut Answer, user: &str, fields: &[String]) {
    let mut body = answer.json();
    let rows = match &mut body {
        Value::Array(rows) => rows.as_mut_slice(),
        one => std::slice::from_mut(one),
    };
    let mut rows = rows.iter_mut();
    if let Some(row) = rows.find(|row| row.get("id").is_some_and(|id| id == user)) {
        fields.iter().for_each(|field| row[field] = Value::from(7));
        answer.body = body.to_string().into_bytes();
    }
}

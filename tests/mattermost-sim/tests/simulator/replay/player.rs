//! Replays recordings against a simulator.

use std::collections::BTreeMap;

use mattermost_sim::{Answer, Call, Fate, Mattermost, Options, Version};
use serde_json::{Value, json};

use super::compare::{Ids, looks_like_id};
use super::recording::Step;
use super::rename::Names;

/// A simulator, and what is known of how it differs from the recorded server.
pub struct Player {
    pub server: Mattermost,
    names: Names,
    ids: Ids,
    /// Recorded ids and usernames of users.
    people: BTreeMap<String, String>,
    /// The simulator's tokens of sessions, by recorded username.
    sessions: BTreeMap<String, String>,
    /// The same of personal access tokens.
    tokens: BTreeMap<String, String>,
}

/// What the replay of one step showed.
pub struct Played {
    pub answer: Answer,
    /// What differs; empty when all is as recorded.
    pub faults: Vec<String>,
}

impl Player {
    pub fn new(version: Version, names: Names) -> Player {
        let server = Mattermost::new(&Options::new(version));
        if version == Version::V10_9 {
            // The recorded server was started so.
            server.set_config(&json!({"ServiceSettings": {"EnableUserAccessTokens": true}}));
        }
        Player {
            server,
            names,
            ids: Ids::new(names),
            people: BTreeMap::new(),
            sessions: BTreeMap::new(),
            tokens: BTreeMap::new(),
        }
    }

    pub fn play(&mut self, step: &Step) -> Played {
        let Fate::Answer(answer) = self.server.ask(&self.call(step)) else {
            panic!("{}: no answer", step.name);
        };
        let body = answer.json();
        let mut faults = Vec::new();
        if answer.status != step.status {
            faults.push(format!("status {}, here {}", step.status, answer.status));
        }
        match step.body["_text"].as_str() {
            Some(text) => faults.extend(texts(text, &answer.body)),
            None => faults.extend(self.ids.bodies(step, &body)),
        }
        faults.extend(headers(&step.headers, &answer));
        self.remember(step, &answer, &body);
        Played { answer, faults }
    }

    fn call(&self, step: &Step) -> Call {
        let path = self.translate(&self.names.path(step.path()));
        let mut call = Call::new(step.method(), &path);
        if step.door == "local" {
            call = call.local();
        } else if let Some(user) = &step.user {
            // Somebody whose token was never learned has none here either.
            let (first, second) = if step.door == "bot" {
                (&self.tokens, &self.sessions)
            } else {
                (&self.sessions, &self.tokens)
            };
            let token = first.get(user).or_else(|| second.get(user));
            call = call.token(token.map_or("unknown", String::as_str));
        }
        for (name, value) in step.request["headers"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap().to_owned();
            call.headers.insert(name.to_lowercase(), value);
        }
        let body = &step.request["body"];
        if let Some(raw) = step.request["raw_base64"].as_str() {
            call.body = base64(raw);
        } else if !body.is_null() {
            call = call.json(&self.body(&self.names.body(step.path(), body)));
        }
        call
    }

    fn body(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.ids.of.get(text).unwrap_or(text).clone().into(),
            Value::Array(list) => list.iter().map(|row| self.body(row)).collect(),
            Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), self.body(v))).collect(),
            other => other.clone(),
        }
    }

    /// A path with the simulator's ids.
    fn translate(&self, path: &str) -> String {
        let mut out = String::new();
        for part in path.split_inclusive(['/', '?', '=', '&']) {
            let (word, end) = match part.char_indices().last() {
                Some((n, c)) if "/?=&".contains(c) => part.split_at(n),
                _ => (part, ""),
            };
            out += self.ids.of.get(word).map_or(word, String::as_str);
            out += end;
        }
        out
    }

    /// Learns tokens, and who is who.
    fn remember(&mut self, step: &Step, answer: &Answer, body: &Value) {
        // A bot is described with its user's id.
        let id = step.body["id"].as_str();
        let id = id.or_else(|| step.body["user_id"].as_str());
        if let (Some(id), Some(name)) = (id, step.body["username"].as_str()) {
            self.people.insert(id.to_owned(), name.to_owned());
            if let Some(token) = answer.header("token") {
                self.sessions.insert(name.to_owned(), token.to_owned());
            }
        }
        let owner = step.body["user_id"]
            .as_str()
            .and_then(|id| self.people.get(id));
        if let (Some(owner), Some(token)) = (owner, body["token"].as_str()) {
            assert!(looks_like_id(token), "{token}");
            self.tokens.insert(owner.clone(), token.to_owned());
        }
    }
}

fn headers(recorded: &Value, answer: &Answer) -> Vec<String> {
    let mut faults = Vec::new();
    if recorded.as_object().is_none_or(serde_json::Map::is_empty) {
        // None was kept.
        return faults;
    }
    for name in [
        "content-type",
        "x-version-id",
        "etag",
        "token",
        "retry-after",
    ] {
        let (r, s) = (recorded[name].as_str(), answer.header(name));
        let same = match (r, s) {
            (Some(r), Some(s)) if name == "content-type" => r == s,
            (Some(r), Some(s)) if name == "x-version-id" => {
                r.split("..").next() == s.split("..").next() && r.len() == s.len()
            }
            (r, s) => r.is_some() == s.is_some(),
        };
        if !same {
            faults.push(format!("header {name}: {r:?}, here {s:?}"));
        }
    }
    faults
}

/// Bodies that are no JSON, but for the ids in them; an error after something else as JSON.
fn texts(recorded: &str, here: &[u8]) -> Vec<String> {
    let take = |text: &str| {
        let (before, error) = text.split_once('{').unwrap_or((text, "}"));
        let error = serde_json::from_str::<Value>(&format!("{{{error}"));
        let error = error.map(|error| (error["id"].clone(), error["status_code"].clone()));
        (before.to_owned(), error.ok())
    };
    let here = String::from_utf8_lossy(here);
    if take(recorded) == take(&here) {
        Vec::new()
    } else {
        vec![format!("text {recorded:?}, here {here:?}")]
    }
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = 0_u32;
    let mut count = 0;
    let mut bytes = Vec::new();
    for digit in text.bytes().filter(|b| *b != b'=') {
        let value = DIGITS.iter().position(|d| *d == digit).unwrap();
        bits = bits << 6 | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 255).unwrap());
        }
    }
    bytes
}

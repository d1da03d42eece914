//! Other names for everything that a recording names.

use serde_json::Value;

/// Words that mean something to the server itself.
const MEANT: [&str; 10] = [
    "all",
    "channel",
    "matterbot",
    "system",
    "here",
    "admin",
    "api",
    "signup",
    "town-square",
    "localhost",
];

/// The fields of requests that hold names.
const NAMING: [&str; 15] = [
    "username",
    "email",
    "login_id",
    "name",
    "display_name",
    "first_name",
    "last_name",
    "nickname",
    "position",
    "auth_data",
    "allowed_domains",
    "RestrictCreationToDomains",
    "term",
    "trigger",
    "trigger_words",
];

/// Whether and how names are replaced: each letter by another one, so that lengths, classes of
/// characters, equality and parts of each other stay as they are, and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Names {
    Recorded,
    Renamed,
}

impl Names {
    pub fn word(self, word: &str) -> String {
        if self == Names::Recorded || MEANT.contains(&word) {
            return word.to_owned();
        }
        if let Some(local) = word.strip_suffix("@localhost") {
            // The domain that the server gives to bots.
            return self.word(local) + "@localhost";
        }
        let turn = |c: char, first: u8| {
            let at = u8::try_from(u32::from(c)).unwrap() - first;
            char::from(first + (at * 7 + 12) % 26)
        };
        word.chars()
            .map(|c| match c {
                'a'..='z' => turn(c, b'a'),
                'A'..='Z' => turn(c, b'A'),
                other => other,
            })
            .collect()
    }

    pub fn is_naming(key: &str) -> bool {
        NAMING.contains(&key)
    }

    /// The body of a request with other names.
    pub fn body(self, path: &str, body: &Value) -> Value {
        match body {
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| match value.as_str() {
                    None if key == "notify_props" => (key.clone(), value.clone()),
                    None if key == "trigger_words" => {
                        let words = value.as_array().into_iter().flatten();
                        let words = words.filter_map(Value::as_str);
                        (key.clone(), words.map(|word| self.word(word)).collect())
                    }
                    Some(word) if Names::is_naming(key) => (key.clone(), self.word(word).into()),
                    _ => (key.clone(), self.body("", value)),
                })
                .collect(),
            Value::Array(list) if path.ends_with("/users/usernames") => {
                let words = list.iter().filter_map(Value::as_str);
                words.map(|word| self.word(word)).collect()
            }
            Value::Array(list) => list.iter().map(|row| self.body("", row)).collect(),
            other => other.clone(),
        }
    }

    /// A path with other names: what stands after `username`, `email` and `name`.
    pub fn path(self, path: &str) -> String {
        if path.contains("/roles/name/") {
            return path.to_owned();
        }
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (path, String::new()),
        };
        let mut before = "";
        let mut parts = Vec::new();
        for part in path.split('/') {
            let names = ["username", "email", "name"].contains(&before);
            let verb = ["verify", "exists"].contains(&part);
            parts.push(if names && !verb {
                self.word(part)
            } else {
                part.to_owned()
            });
            before = part;
        }
        parts.join("/") + &query
    }
}

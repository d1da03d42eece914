//! Two answers side by side: the recorded one and the simulator's.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::rename::Names;

/// Fields whose value must be the same, where it is no id.
const SAME: [&str; 25] = [
    "status",
    "auth_service",
    "locale",
    "roles",
    "type",
    "description",
    "explicit_roles",
    "allowed_domains",
    "username",
    "email",
    "nickname",
    "first_name",
    "last_name",
    "position",
    "auth_data",
    "name",
    "display_name",
    "IsLicensed",
    "trigger",
    "trigger_words",
    "method",
    "url",
    "callback_urls",
    "homepage",
    "content_type",
];

/// Numbers that must be the same.
const COUNTS: [&str; 6] = [
    "total_users_count",
    "total_count",
    "activeUserCount",
    "maxUsersLimit",
    "maxUsersHardLimit",
    "status_code",
];

/// Names that the server gives by itself, the same whatever a request says.
const ITS_OWN: [&str; 3] = [
    "town-square",
    "system_user",
    "authentication.roles.global_user.name",
];

/// What was learned by walking answers side by side: whose id is whose, recorded → simulated.
pub struct Ids {
    pub of: BTreeMap<String, String>,
    back: BTreeMap<String, String>,
    names: Names,
}

/// How two values are compared.
#[derive(Clone, Copy)]
struct Look {
    /// Ids are learned and must agree, and so must values; else only the shape.
    strict: bool,
    /// The simulator may have more fields than were kept.
    cut: bool,
    /// Whether a list is a full page of a longer one, whose rows may be others.
    page: bool,
}

pub fn looks_like_id(text: &str) -> bool {
    // 27: the random username that 11 gives for an empty one.
    let length = text.len() == 26 || text.len() == 27 && text.starts_with('a');
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    length && text.bytes().all(legal) && text.bytes().any(|b| b.is_ascii_digit())
}

impl Ids {
    pub fn new(names: Names) -> Ids {
        Ids {
            of: BTreeMap::new(),
            back: BTreeMap::new(),
            names,
        }
    }

    fn learn(&mut self, recorded: &str, simulated: &str) -> bool {
        let of = self.of.entry(recorded.to_owned());
        let of = of.or_insert_with(|| simulated.to_owned());
        let back = self.back.entry(simulated.to_owned());
        let back = back.or_insert_with(|| recorded.to_owned());
        of == simulated && back == recorded
    }

    /// Compares the bodies of two answers; gives what differs.
    pub fn bodies(&mut self, step: &super::recording::Step, simulated: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        let size = query_number(step.path(), "per_page").unwrap_or(60).min(200);
        let rows = step.body.as_array().map_or(0, Vec::len);
        let look = Look {
            strict: true,
            cut: step.is_setup() || !step.request["kept"].is_null(),
            page: step.method() == "GET" && rows == size,
        };
        self.values("", &step.body, simulated, look, &mut faults);
        faults
    }

    fn values(&mut self, at: &str, r: &Value, s: &Value, look: Look, faults: &mut Vec<String>) {
        match (r, s) {
            (Value::Null, Value::Null) => {}
            (Value::Object(r), Value::Object(s)) => self.objects(at, r, s, look, faults),
            (Value::Array(r), Value::Array(s)) => self.lists(at, r, s, look, faults),
            (Value::Bool(r), Value::Bool(s)) => {
                if r != s && look.strict {
                    faults.push(format!("{at}: {r}, here {s}"));
                }
            }
            (Value::Number(r), Value::Number(s)) => numbers(at, r, s, look, faults),
            (Value::String(r), Value::String(s)) => self.texts(at, r, s, look, faults),
            (r, s) => faults.push(format!("{at}: {r}, here {s}")),
        }
    }

    fn texts(&mut self, at: &str, r: &str, s: &str, look: Look, faults: &mut Vec<String>) {
        let key = at.rsplit('.').next().unwrap_or(at);
        if !look.strict || ["request_id", "detailed_error", "message"].contains(&key) {
            return;
        }
        let settings = at.contains(".notify_props.") || at.contains(".timezone.");
        if let Some(pair) = self.pair(r) {
            // A direct channel is named after its two members, in their order.
            let here = s.split_once("__");
            if here != Some((&pair.0, &pair.1)) && here != Some((&pair.1, &pair.0)) {
                faults.push(format!("{at}: {r:?}, here {s:?}"));
            }
        } else if looks_like_id(r) {
            if !self.learn(r, s) {
                faults.push(format!("{at}: another id than before"));
            }
        } else if SAME.contains(&key) || settings {
            let named = Names::is_naming(key) && !ITS_OWN.contains(&r) && !settings;
            let expected = if named {
                self.names.word(r)
            } else {
                r.to_owned()
            };
            if s != expected {
                faults.push(format!("{at}: {expected:?}, here {s:?}"));
            }
        } else if key.starts_with("Password") || key.starts_with("Require") || key == "NoAccounts" {
            if r != s {
                faults.push(format!("{at}: {r:?}, here {s:?}"));
            }
        } else if key == "id" && r != s {
            faults.push(format!("{at}: {r}, here {s}"));
        }
    }

    /// Two known ids joined by `__`, as they are in the simulator.
    fn pair(&self, text: &str) -> Option<(String, String)> {
        let (first, second) = text.split_once("__")?;
        Some((self.of.get(first)?.clone(), self.of.get(second)?.clone()))
    }

    fn objects(
        &mut self,
        at: &str,
        r: &Map<String, Value>,
        s: &Map<String, Value>,
        look: Look,
        faults: &mut Vec<String>,
    ) {
        for (key, value) in r {
            let at = format!("{at}.{key}");
            match s.get(key) {
                Some(here) => self.values(
                    &at,
                    value,
                    here,
                    Look {
                        page: false,
                        ..look
                    },
                    faults,
                ),
                None => faults.push(format!("{at}: missing")),
            }
        }
        for key in s.keys().filter(|key| !look.cut && !r.contains_key(*key)) {
            faults.push(format!("{at}.{key}: should not be there"));
        }
    }

    /// Rows are matched by id, not by position.
    fn lists(&mut self, at: &str, r: &[Value], s: &[Value], look: Look, faults: &mut Vec<String>) {
        let keeps_none = look.cut && r.is_empty();
        if r.len() != s.len() && !keeps_none {
            faults.push(format!("{at}: {} rows, here {}", r.len(), s.len()));
            return;
        }
        if r.iter().all(Value::is_string) {
            for (r, s) in r.iter().zip(s) {
                self.values(at, r, s, look, faults);
            }
        }
        if !r.iter().all(Value::is_object) {
            return;
        }
        let mut left: Vec<&Value> = s.iter().collect();
        let mut others = Vec::new();
        for row in r {
            let found = self
                .identity(row)
                .and_then(|id| left.iter().position(|here| identity(here) == id));
            match found {
                Some(n) => {
                    let here = left.remove(n);
                    self.values(&format!("{at}[]"), row, here, look, faults);
                }
                None => others.push(row),
            }
        }
        for (row, here) in others.into_iter().zip(left) {
            if self.identity(row).is_some() && !look.page {
                faults.push(format!("{at}: no row for {row}"));
            }
            let shape = Look {
                strict: false,
                ..look
            };
            self.values(&format!("{at}[]"), row, here, shape, faults);
        }
    }

    /// What the row is about, in the simulator's ids; `None` when those were not learned yet.
    fn identity(&self, row: &Value) -> Option<Vec<String>> {
        let known = |id: String| {
            let name = !looks_like_id(&id) || id.bytes().all(|b| b == b'z');
            if name {
                Some(id)
            } else {
                self.of.get(&id).cloned()
            }
        };
        identity(row).into_iter().map(known).collect()
    }
}

fn identity(row: &Value) -> Vec<String> {
    let ids = ["id", "user_id", "team_id", "channel_id"];
    let texts = ids.iter().filter_map(|key| row[key].as_str());
    texts.map(str::to_owned).collect()
}

fn numbers(
    at: &str,
    r: &serde_json::Number,
    s: &serde_json::Number,
    look: Look,
    faults: &mut Vec<String>,
) {
    let key = at.rsplit('.').next().unwrap_or(at);
    let same = if !look.strict {
        true
    } else if COUNTS.contains(&key) {
        r == s
    } else if key == "delete_at" || key == "last_picture_update" {
        r.as_i64().unwrap().signum() == s.as_i64().unwrap().signum()
    } else if key.ends_with("_at") || key.ends_with("_update") {
        key.starts_with("last_") || (r.as_i64() > Some(0)) == (s.as_i64() > Some(0))
    } else {
        true
    };
    if !same {
        faults.push(format!("{at}: {r}, here {s}"));
    }
}

fn query_number(path: &str, key: &str) -> Option<usize> {
    let query = path.split_once('?')?.1;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == key)?.1.parse().ok()
}

//! The recordings, as they lie in `contract/`.

use std::path::Path;

use serde_json::Value;

/// One call to a real server, and its answer.
pub struct Step {
    /// What the call is about; `setup` when it only prepares others.
    pub name: String,
    /// `local`, `admin`, `bot`, `member` or `none`.
    pub door: String,
    /// Whose token it was.
    pub user: Option<String>,
    pub request: Value,
    pub status: u16,
    pub headers: Value,
    pub body: Value,
    /// Milliseconds since the run began, where times matter.
    pub at_ms: Option<u64>,
}

impl Step {
    pub fn is_setup(&self) -> bool {
        self.name == "setup"
    }

    pub fn path(&self) -> &str {
        self.request["path"].as_str().unwrap()
    }

    pub fn method(&self) -> &str {
        self.request["method"].as_str().unwrap()
    }
}

pub fn load(name: &str) -> Vec<Step> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("contract/{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    let run: Value = serde_json::from_str(&text).unwrap();
    run["steps"].as_array().unwrap().iter().map(step).collect()
}

fn step(step: &Value) -> Step {
    let response = &step["response"];
    Step {
        name: step["name"].as_str().unwrap().to_owned(),
        door: step["as"].as_str().unwrap().to_owned(),
        user: step["user"].as_str().map(str::to_owned),
        request: unpack(&step["request"]),
        status: response["status"].as_u64().unwrap().try_into().unwrap(),
        headers: response["headers"].clone(),
        body: unpack(&response["body"]),
        at_ms: step["at_ms"].as_u64(),
    }
}

/// Undoes the shortening of lists that repeat one value.
fn unpack(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), unpack(v))).collect(),
        Value::Array(list) => {
            let mut rows = Vec::new();
            for row in list {
                match row.get("$repeat") {
                    Some(of) => {
                        let times = of[1].as_u64().unwrap();
                        rows.extend((0..times).map(|_| unpack(&of[0])));
                    }
                    None => rows.push(unpack(row)),
                }
            }
            Value::Array(rows)
        }
        other => other.clone(),
    }
}

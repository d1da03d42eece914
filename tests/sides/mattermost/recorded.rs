//! Every refusal that real servers were recorded with means something to the client.

use std::collections::BTreeSet;
use std::path::Path;

use mattersync::mattermost::{ApiError, ApiErrorKind};
use serde_json::Value;

/// Parts of the paths of calls that the client does not make.
const NOT_OURS: [&str; 7] = [
    "/channels",
    "/login",
    "/auth",
    "/roles",
    "/image",
    "/tokens",
    "permanent=true",
];

#[test]
fn every_recorded_refusal_of_our_calls_has_a_kind() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mattermost-sim/contract");
    let mut refusals = BTreeSet::new();
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        files += 1;
        let recording: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for step in recording["steps"].as_array().unwrap() {
            let call = step["request"]["path"].as_str().unwrap();
            let answer = &step["response"];
            let status = answer["status"].as_u64().unwrap();
            if status >= 400 && !NOT_OURS.iter().any(|part| call.contains(part)) {
                let id = answer["body"]["id"].as_str().unwrap_or_default();
                refusals.insert((status, id.to_owned()));
            }
        }
    }
    assert!(
        files >= 8 && refusals.len() > 30,
        "the recordings are there"
    );
    let unknown: Vec<_> = refusals
        .iter()
        .filter(|(status, id)| {
            let error = ApiError {
                status: u16::try_from(*status).unwrap(),
                id: id.clone(),
                message: String::new(),
                renewal: None,
            };
            error.kind() == ApiErrorKind::Other
        })
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

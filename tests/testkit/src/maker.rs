//! Somebody who made one thing of each kind on a simulated Mattermost.

use std::collections::BTreeMap;

use mattermost_sim::{Call, Fate, Mattermost};
use serde_json::{Value, json};

fn ask(sim: &Mattermost, token: &str, method: &str, path: &str, body: &Value) -> Value {
    let call = Call::new(method, &format!("/api/v4{path}"));
    let Fate::Answer(answer) = sim.ask(&call.token(token).json(body)) else {
        panic!("{path}: no answer");
    };
    assert!(answer.status < 300, "{path}: {}", answer.json());
    answer.json()
}

/// Switches on everything that people can make.
pub fn all_on(sim: &Mattermost) {
    sim.set_config(&json!({"ServiceSettings": {
        "EnableUserAccessTokens": true, "EnableBotAccountCreation": true,
        "EnableOAuthServiceProvider": true,
    }}));
}

/// Makes one of each for the user of this name, in the server's first team; gives their ids and
/// secrets by kind.
pub fn make_all(sim: &Mattermost, name: &str) -> BTreeMap<&'static str, Value> {
    all_on(sim);
    let user = sim.user_named(name).unwrap();
    let team = sim.teams().first().unwrap().id.clone();
    let mut channels = sim.channels().into_iter();
    let channel = channels.find(|c| c.team_id == team).unwrap().id;
    // Whom the server lets make such things is not what is tested.
    let roles = |roles: &str| {
        assert!(sim.edit_user(&user.id, |user| roles.clone_into(&mut user.roles)));
    };
    roles("system_user system_admin");
    let session = sim.token_for(&user.id);
    let tokens = format!("/users/{}/tokens", user.id);
    let url = "http://localhost/hidden-address";
    let made = [
        ("token", tokens.as_str(), json!({"description": "backup"})),
        ("bot", "/bots", json!({"username": format!("{name}.bot")})),
        (
            "incoming",
            "/hooks/incoming",
            json!({"channel_id": channel, "display_name": "monitor"}),
        ),
        (
            "outgoing",
            "/hooks/outgoing",
            json!({"team_id": team, "display_name": "out", "callback_urls": [url]}),
        ),
        (
            "command",
            "/commands",
            json!({"team_id": team, "trigger": "lunch", "method": "P", "url": url}),
        ),
        (
            "application",
            "/oauth/apps",
            json!({"name": "portal", "callback_urls": [url]}),
        ),
    ]
    .map(|(kind, path, body)| (kind, ask(sim, &session, "POST", path, &body)));
    roles(&user.roles);
    BTreeMap::from(made)
}

/// The id that one of them was given.
pub fn id<'a>(made: &'a BTreeMap<&'static str, Value>, kind: &str) -> &'a str {
    made[kind]["id"].as_str().unwrap()
}

/// What must not be seen of them anywhere.
pub fn hidden(made: &BTreeMap<&'static str, Value>) -> Vec<String> {
    let secret = |kind: &str, key: &str| made[kind][key].as_str().unwrap().to_owned();
    vec![
        secret("token", "token"),
        secret("outgoing", "token"),
        secret("command", "token"),
        secret("application", "client_secret"),
        "hidden-address".to_owned(),
    ]
}

//! The way to Mattermost as people configure it, and what stands on it.

use std::net::TcpListener;

use mattermost_sim::{Answer, Commit, Effect, Fault};
use serde_json::json;

use crate::cli::served::Service;
use testkit::place::Place;

fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    place.add("alice", "Alice", "Able");
    place.add("bob", "Bob", "Bold");
    place
}

#[test]
fn what_is_no_token_is_recognised_before_anything_is_sent() {
    let mut place = company();
    let token = place.token.clone();
    place.secrets.push(token.clone());
    for (text, says) in [
        (format!("Bearer {token}"), "begins with the word Bearer"),
        (format!("\"{token}\""), "stands in quotes"),
        (format!("MM_TOKEN={token}"), "NAME=VALUE"),
        (format!("Token ID: {token}"), "Access Token"),
        (format!("MMAUTHTOKEN={token}; MMUSERID=x"), "a cookie"),
        (format!("{token}\n{token}"), "more than one line"),
    ] {
        place.secret("token", &text);
        for command in ["plan", "sync"] {
            place
                .run(&[command])
                .exits(78)
                .says("mattermost.token")
                .says(says);
        }
        place.run(&["check"]).exits(1).says("PROBLEM").says(says);
    }
    assert_eq!(place.sim.requests(), 0);
    // An id looks like a token: only the server knows, and does not tell.
    place.secret("token", "abcdefghijklmnopqrstuvwxyz");
    place.run(&["plan"]).exits(77).says("token's id");
    place.secret("token", "short");
    place
        .run(&["check"])
        .exits(1)
        .says("does not look like a token");
}

#[test]
fn a_pasted_address_is_told_with_what_to_write() {
    let place = company();
    let config = std::fs::read_to_string(place.path("config.toml")).unwrap();
    for page in [
        "/our-company/channels/town-square",
        "/login?redirect_to=%2Fx",
        "/api/v4/users/me",
    ] {
        let pasted = config.replace(&place.sim.url(), &format!("{}{page}", place.sim.url()));
        std::fs::write(place.path("config.toml"), pasted).unwrap();
        place
            .run(&["plan"])
            .exits(78)
            .says("mattermost.url")
            .says(&format!("write {}", place.sim.url()));
    }
    let tls = config.replace("url = \"http:", "url = \"https:");
    std::fs::write(place.path("config.toml"), tls).unwrap();
    place.run(&["plan"]).exits(69).says("mattermost.url");
    assert_eq!(place.sim.requests(), 0);
}

#[test]
fn portals_and_firewalls_are_named() {
    let place = company();
    for (answer, says) in [
        (Answer::page(200), "web page"),
        (Answer::page(403), "firewall"),
        (Answer::page(404), "mattermost.url"),
        (
            Answer::redirect(
                302,
                "https://sso.example.org/login?rd=%2Fapi%2Fv4%2Fusers%2Fme",
            ),
            "(https://sso.example.org): let /api/v4/ through",
        ),
        (
            Answer::page(401).with("www-authenticate", "Basic realm=\"x\""),
            "login (Basic)",
        ),
    ] {
        place.sim.clear_faults();
        let fault = Fault::new(Effect::Answer(answer, Commit::Before));
        place.sim.add_fault(fault);
        place.run(&["check"]).exits(1).says(says).says_not("rd=");
        place.run(&["plan"]).exits(69).says(says).says_not("rd=");
    }
}

#[test]
fn a_weak_initial_password_is_known_before_anybody_is_refused() {
    let mut place = company();
    place.run(&["sync"]).exits(0);
    place
        .run(&["check"])
        .exits(0)
        .says("meets the server's password policy");
    place.add("carol", "Carol", "Cold");
    place.edit("alice", |alice| alice.name.1 = "Older".into());
    place.sim.set_config(&json!({"PasswordSettings": {
        "MinimumLength": 40, "Symbol": true,
    }}));
    place.sim.reset_counters();
    let fault = "mattermost.initial-password: it must have at least 40 characters";
    place.run(&["check"]).exits(1).says("PROBLEM").says(fault);
    let said = place.run(&["plan"]).exits(1);
    said.says(fault).says_not("Create 1 user");
    for _ in 0..2 {
        place.run(&["sync"]).exits(1).says(fault);
    }
    let service = Service::start(&place);
    place.run(&["status"]).exits(1).says("DEGRADED").says(fault);
    drop(service);
    let posts = place.sim.seen();
    let creations = posts
        .iter()
        .filter(|s| s.method == "POST" && s.target == "/api/v4/users");
    assert_eq!(creations.count(), 0);
    assert_eq!(place.sim.user_named("alice").unwrap().last_name, "Older");
    place
        .sim
        .set_config(&json!({"PasswordSettings": {"MinimumLength": 8}}));
    place.run(&["sync"]).exits(0).says("Created 1 user");
}

/// Nobody configured a proxy: what the environment says is for other programs.
#[test]
fn proxies_of_the_environment_hear_nothing() {
    let mut place = company();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    // Another name than those that programs except by themselves.
    let run = |place: &Place, words: &[&str]| {
        let mut command = place.command(words);
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env(name, &proxy).env(name.to_lowercase(), &proxy);
        }
        command.env_remove("NO_PROXY").env_remove("no_proxy");
        testkit::place::run(&mut command)
    };
    run(&place, &["check"]).exits(0);
    run(&place, &["sync"]).exits(0).says("Created 2 users");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    drop(silent);
    place.secret("bind", "hunter2");
    place.provider = Some(format!(
        "urls = [\"ldap://{address}\"]\nbind-dn = \"cn=x\"\nbind-password = {{ file = {:?} }}",
        place.path("bind").display().to_string()
    ));
    place.write();
    run(&place, &["sync"]).exits(69).says("directory");
    let nobody = listener.accept().map(|_| ()).unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}

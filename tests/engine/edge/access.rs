//! Being let in: TLS, passwords, tokens, and who must never see them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ldap_fault::{
    Certificate, Entry, Fault as LdapFault, FaultServer, READER_PASSWORD, Script, Tls,
};
use mattermost_sim::{Answer, Commit, Effect, Fault, Options, Version};
use mattersync::cycle::Stage as Doing;
use mattersync::daemon::Phase;
use serde_json::json;
use servers::SambaDc;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::edge::scene::{BASE, HASTY, PEOPLE, Scene};
use testkit::place::Place;
use testkit::service;

/// A place that reads a directory at this address.
fn place_at(url: &str, more: &str) -> Place {
    let mut place = Place::new(crate::BINARY);
    place.secret("bind", READER_PASSWORD);
    place.secrets.push(READER_PASSWORD.to_owned());
    let secret = place.path("bind").display().to_string();
    place.provider = Some(format!(
        "urls = [{url:?}]\nbind-dn = \"cn=reader,{BASE}\"\n\
         bind-password = {{ file = {secret:?} }}\n{more}\n"
    ));
    place.write();
    place
}

async fn directory(change: impl FnOnce(Script) -> Script) -> FaultServer {
    let people = Entry::posix_people(3, PEOPLE);
    FaultServer::start(change(Script::new(BASE, people)))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn edge_91_a_certificate_that_is_refused_is_explained() {
    let of = |certificate| directory(move |script| script.over(Tls::Ldaps(certificate)));
    for (certificate, words) in [
        (Certificate::Expired, "expired at 20"),
        (
            Certificate::OtherName,
            "not for 127.0.0.1 but for other.example.org",
        ),
        (Certificate::SelfSigned, "certificate-sha256"),
        (
            Certificate::Good,
            "issued by nobody whom we trust: set ca-file",
        ),
    ] {
        let server = of(certificate).await;
        let pem = server.ca_pem().unwrap();
        // The private authority is trusted, but for the last one, whose only fault that is.
        let trusted = certificate != Certificate::Good;
        let place = place_at(&server.url(), "");
        fs::write(place.path("ca.pem"), pem).unwrap();
        let ca = format!("ca-file = {:?}", place.path("ca.pem").display().to_string());
        let mut place = place;
        let plain = place.provider.clone().unwrap();
        if trusted {
            place.provider = Some(plain.clone() + &ca);
            place.write();
        }
        for words_of in [["plan"], ["sync"]] {
            place.run(&words_of).exits(69).says(words);
        }
        place.run(&["check"]).exits(1).says(words);
        assert_eq!(
            (server.binds(), place.sim.writes()),
            (0, 0),
            "no password went out"
        );
        // Nobody is asked to trust everything: the pin is shown.
        place
            .run(&["check"])
            .says_not("danger")
            .says(&server.pin().unwrap());
        let pin = format!("certificate-sha256 = {:?}", server.pin().unwrap());
        place.provider = Some(plain + &pin);
        place.write();
        if certificate != Certificate::Expired {
            place.run(&["plan"]).exits(0).says("3 accounts");
        }
    }
}

/// A domain controller that wants signing or TLS says a number; we say what to write.
#[tokio::test(flavor = "multi_thread")]
async fn edge_92_a_server_that_wants_tls_is_told_in_words() {
    let words = "use an ldaps:// address, or start-tls = true";
    for code in [8, 13] {
        let server = directory(|script| script.with(LdapFault::BindResult(code))).await;
        let place = place_at(&server.url(), "");
        place.run(&["check"]).exits(1).says(words);
        place.run(&["sync"]).exits(69).says(words);
    }
}

/// The same with the domain controller that most people have.
#[test]
fn edge_92_a_real_samba_wants_tls_and_that_is_told_in_words() {
    let dc = SambaDc::start().unwrap();
    let (name, password) = dc.service();
    let mut place = Place::new(crate::BINARY);
    place.secret("bind", password);
    place.secrets.push(password.to_owned());
    let secret = place.path("bind").display().to_string();
    place.provider = Some(format!(
        "urls = [{:?}]\nbind-dn = {name:?}\nbind-password = {{ file = {secret:?} }}\n",
        dc.url()
    ));
    place.write();
    let config = fs::read_to_string(place.path("config.toml")).unwrap();
    let config = config
        .replace("rfc2307", "ad")
        .replace("dc=directory,dc=nh", dc.base());
    let config = config.replace("lock = [\"shadowExpire\"]\n", "");
    fs::write(place.path("config.toml"), config).unwrap();
    let words = "use an ldaps:// address, or start-tls = true";
    place.run(&["check"]).exits(1).says(words);
}

/// Where TLS was asked for there is nothing without it; where it was not, that must be spelt out.
#[tokio::test(flavor = "multi_thread")]
async fn edge_93_no_password_goes_out_without_tls() {
    let refusing = directory(|s| s).await;
    let busy = directory(|s| {
        s.over(Tls::StartTls(Certificate::Good))
            .with(LdapFault::StartTlsRefused(52))
    });
    let forged = directory(|s| {
        s.over(Tls::StartTls(Certificate::Good))
            .with(LdapFault::StartTlsInjection)
    });
    for server in [refusing, busy.await, forged.await] {
        let place = place_at(
            &server.url(),
            "start-tls = true\ndanger-accept-any-certificate = true",
        );
        place.run(&["sync"]).exits(69).says_not(READER_PASSWORD);
        assert_eq!((server.binds(), place.sim.writes()), (0, 0));
    }
    let place = place_at("ldap://dc1.example.org", "");
    place
        .run(&["plan"])
        .exits(78)
        .says("unencrypted")
        .says("danger-bind-without-tls");
    let place = place_at("ldap://dc1.example.org", "danger-bind-without-tls = true");
    place
        .run(&["check", "--print"])
        .exits(0)
        .says("danger-bind-without-tls = true");
}

/// A way to the directory that knows how many use it.
async fn relay(to: SocketAddr) -> (String, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    let (open, ever) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (Arc::clone(&open), Arc::clone(&ever));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (open, ever) = counts.clone();
            tokio::spawn(async move {
                open.fetch_add(1, Ordering::SeqCst);
                ever.fetch_add(1, Ordering::SeqCst);
                let mut server = tokio::net::TcpStream::connect(to).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (url, open, ever)
}

/// However long the writing takes, the directory's session does not have to live as long.
#[tokio::test(flavor = "multi_thread")]
async fn edge_94_the_directory_is_left_before_the_first_write() {
    let scene = Scene::people(20).await;
    let (url, open, ever) = relay(scene.ldap.address()).await;
    let mut engine = scene.engine_at(&[url], "", HASTY);
    let at_first = AtomicUsize::new(usize::MAX);
    let stages = |doing| {
        if matches!(doing, Doing::Applying { settled: 0, .. }) {
            let end = Instant::now() + Duration::from_secs(2);
            while open.load(Ordering::SeqCst) > 0 && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
            at_first.store(open.load(Ordering::SeqCst), Ordering::SeqCst);
        }
    };
    let never = watch::channel(false).1;
    let done = engine.run(never, &stages, &|_| {}).await.unwrap();
    assert_eq!(done.facts.done_steps.len(), 41);
    assert_eq!(at_first.load(Ordering::SeqCst), 0);
    assert_eq!(ever.load(Ordering::SeqCst), 1, "one session for a cycle");
}

/// Said once and in time, not for each person.
#[test]
fn edge_95_a_token_that_is_worth_nothing_ends_it_before_anybody_is_read() {
    let mut place = Place::new(crate::BINARY);
    for n in 0..30 {
        place.add(&format!("user{n:02}"), "Some", "Body");
    }
    let member = json!({"username": "member", "email": "member@example.org"});
    let member = place.sim.add_user(&member).unwrap();
    let member = place.sim.token_for(&member);
    for (token, words) in [
        (
            "revokedrevokedrevokedrevo1",
            "the token is wrong, expired or revoked",
        ),
        (
            member.as_str(),
            "the token belongs to member, who is no system administrator",
        ),
    ] {
        place.secret("token", token);
        for command in [["plan"], ["sync"]] {
            place.sim.reset_counters();
            place.run(&command).exits(77).says(words).says_not(token);
            let seen = place.sim.seen();
            assert!(seen.len() <= 2, "{seen:?}");
            assert!(
                !seen.iter().any(|s| s.target.starts_with("/api/v4/users?")),
                "{seen:?}"
            );
        }
    }
    // It loses its worth in the middle of a run.
    place.secret("token", &place.token);
    let gone = Answer {
        status: 401,
        headers: vec![("content-type".into(), "application/json".into())],
        body: json!({"id": "api.context.session_expired.app_error", "message": "expired"})
            .to_string()
            .into_bytes(),
    };
    place.sim.reset_counters();
    place.sim.add_fault(
        Fault::new(Effect::Answer(gone, Commit::Before))
            .writes()
            .from(5),
    );
    place
        .run(&["sync"])
        .exits(1)
        .says("no longer accepts the token");
    let refused = place
        .sim
        .seen()
        .iter()
        .filter(|s| s.status == Some(401))
        .count();
    assert!(refused <= 3, "{refused}");
}

/// Each attempt with a wrong password brings an account nearer to its lock.
#[tokio::test(flavor = "multi_thread")]
async fn edge_96_a_wrong_password_is_tried_once_and_then_not_for_long() {
    let (first, second) = (directory(|s| s).await, directory(|s| s).await);
    let config = service::Config {
        provider: format!(
            "urls = [{:?}, {:?}]\nbind-dn = \"cn=reader,{BASE}\"\n\
             bind-password = {{ file = \"@/ldap\" }}\n",
            first.url(),
            second.url()
        ),
        schedule: "interval = \"10s\"\njitter = \"0s\"\nmax-backoff = \"1h\"\n".into(),
        ..service::Config::default()
    };
    let stage = service::Stage::new(crate::BINARY, &Options::new(Version::V11), &config);
    stage.write_secret("ldap", "of-last-year");
    let daemon = stage.start();
    let status = daemon.wait_for("a failure", |s| s.failures == 1 && s.phase == Phase::Idle);
    let pause = status.next.unwrap().0 - jiff::Timestamp::now().as_millisecond();
    assert!(pause > 55 * 60_000, "{pause} ms");
    assert_eq!((first.binds(), second.connections()), (1, 0));
    let said = daemon.stop();
    assert!(
        said.contains("so that the account does not get locked"),
        "{said}"
    );
    assert!(!said.contains("of-last-year"));
}

/// Everything that was written anywhere below this folder.
fn contents(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes.extend(contents(&path));
        } else if path.is_file() {
            bytes.extend(fs::read(&path).unwrap());
        }
    }
    bytes
}

/// Not at the highest level of logging, not in the state, not for who lists processes.
#[tokio::test(flavor = "multi_thread")]
async fn edge_98_no_secret_is_in_any_output_file_or_process_list() {
    let ldap = directory(|s| s).await;
    let config = service::Config {
        provider: format!(
            "urls = [{:?}]\nbind-dn = \"cn=reader,{BASE}\"\nbind-password = {{ file = \"@/ldap\" }}\n",
            ldap.url(),
        ),
        ..service::Config::default()
    };
    let stage = service::Stage::new(crate::BINARY, &Options::new(Version::V11), &config);
    stage.write_config(&stage.read_config().replace(service::BASE, BASE));
    stage.write_secret("ldap", READER_PASSWORD);
    let mut command = stage.command();
    command.env("RUST_LOG", "trace");
    let daemon = service::Daemon::start(command, &stage.socket());
    daemon.wait_for("the first cycle", |s| s.last.is_some());
    let users = stage.sim.users();
    let passwords: Vec<String> = users.iter().map(|u| u.password.clone()).collect();
    assert_eq!(
        (
            users.len(),
            passwords.iter().filter(|p| p.len() > 15).count()
        ),
        (4, 3)
    );
    let mut places = Vec::new();
    for file in ["cmdline", "environ"] {
        places.extend(fs::read(format!("/proc/{}/{file}", daemon.pid())).unwrap());
    }
    let (_, status) = daemon.ask("GET", "/v1/status", None).unwrap();
    let (_, plan) = daemon.ask("POST", "/v1/plan", None).unwrap();
    places.extend(status.into_bytes());
    places.extend(plan.into_bytes());
    places.extend(daemon.stop().into_bytes());
    places.extend(contents(&stage.path("state")));
    assert!(places.len() > 10_000, "the log of everything");
    let secrets = [stage.token.as_str(), READER_PASSWORD];
    for secret in passwords.iter().map(String::as_str).chain(secrets) {
        let found = places.windows(secret.len()).any(|w| w == secret.as_bytes());
        assert!(!found, "{secret} is told");
    }
}

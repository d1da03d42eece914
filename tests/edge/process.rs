//! The Mattermost side and the process itself.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ldap_fault::{
    Certificate, Entry, Fault as LdapFault, FaultServer, READER_PASSWORD, Script, Tls,
};
use mattermost_sim::{Answer, Commit, Effect, Fault, Options, Sim, UserLimit, Version};
use mattersync::cycle::Stage as Doing;
use mattersync::daemon::Phase;
use mattersync::model::{Class, HoldKey, Seats, Why};
use mattersync::state::Store as _;
use serde_json::json;
use servers::SambaDc;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::place::Place;
use crate::scene::{BASE, HASTY, PEOPLE, Scene, Set as _, id, person};
use crate::service;
use crate::stage::{HOUR, cycle, try_cycle};

const NAMES: [&str; 3] = ["anna", "ben", "carl"];

/// A place that reads a directory at this address.
fn place_at(url: &str, more: &str) -> Place {
    let mut place = Place::new();
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

/// A server that nobody administers makes its first user the administrator.
#[test]
fn edge_80_an_empty_server_gets_nobody_unless_the_first_one_is_named() {
    let sim = Sim::start(&Options::new(Version::V11)).unwrap();
    let mut place = Place::new();
    for name in NAMES {
        place.add(name, name, "Able");
    }
    let config = fs::read_to_string(place.path("config.toml")).unwrap();
    let keep = |line: &&str| !line.starts_with("url =") && !line.starts_with("token =");
    let lines: Vec<&str> = config.lines().filter(keep).collect();
    let socket = format!(
        "[mattermost]\nsocket = {:?}",
        sim.socket().display().to_string()
    );
    let config = lines.join("\n").replace("[mattermost]", &socket);
    let write = |more: &str| fs::write(place.path("config.toml"), config.clone() + more).unwrap();
    write("\n");
    for words in [["plan"], ["sync"]] {
        let said = place.run(&words).exits(0);
        said.says("no active human administrator")
            .says("policy.first-admin");
    }
    assert_eq!(sim.users().len(), 0);
    place.run(&["check"]).exits(1).says("policy.first-admin");
    write("\n[policy]\nfirst-admin = \"ben\"\n");
    place.run(&["sync"]).exits(0);
    let admins: Vec<String> = sim
        .users()
        .into_iter()
        .filter(|u| u.is_admin())
        .map(|u| u.username)
        .collect();
    assert_eq!((admins, sim.users().len()), (vec!["ben".to_owned()], 3));
}

/// One GET as somebody else behind the same proxy makes it: the status.
fn colleague(sim: &Sim, token: &str) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", sim.port())).unwrap();
    write!(
        stream,
        "GET /api/v4/users/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer[9..12].parse().unwrap()
}

/// The server's headers are obeyed, also the second time, and people keep their share of a bucket
/// that they share with us.
#[test]
fn edge_81_a_rate_limit_is_obeyed_and_shared() {
    let limits = json!({"Enable": true, "PerSec": 10, "MaxBurst": 20, "VaryByRemoteAddr": true,
                        "VaryByUser": false});
    let options = Options {
        config: json!({ "RateLimitSettings": limits }),
        ..Options::new(Version::V11)
    };
    let config = service::Config {
        mattermost: "requests-per-second = 50\nburst = 100\n".into(),
        ..service::Config::default()
    };
    let stage = service::Stage::new(&options, &config);
    let names: Vec<String> = (0..40).map(|n| format!("p{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    stage.write_people(&service::people(&names));
    let over = AtomicBool::new(false);
    let statuses = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut statuses = Vec::new();
            while !over.load(Ordering::SeqCst) {
                statuses.push(colleague(&stage.sim, &stage.token));
                std::thread::sleep(Duration::from_millis(250));
            }
            statuses
        });
        let daemon = stage.start_and_wait();
        over.store(true, Ordering::SeqCst);
        daemon.stop();
        asking.join().unwrap()
    });
    let ours = stage
        .sim
        .seen()
        .iter()
        .filter(|s| s.status == Some(429))
        .count();
    assert!(
        statuses.len() > 4 && statuses.iter().all(|s| *s == 200),
        "{statuses:?}"
    );
    assert_eq!(
        ours, 0,
        "what is left in the bucket is told with each answer"
    );
    assert_eq!(stage.sim.users().len(), 41);

    // And refused twice in a row, as another client would have exhausted the bucket.
    let stage = service::Stage::new(&Options::new(Version::V11), &service::Config::default());
    stage.write_people(&service::people(&["anna"]));
    let refuse = Fault::new(Effect::TooMany { seconds: 2 });
    stage
        .sim
        .add_fault(refuse.method("POST").path("/api/v4/users").times(2));
    let since = Instant::now();
    let daemon = stage.start_and_wait();
    assert!(
        since.elapsed() >= Duration::from_secs(4),
        "{:?}",
        since.elapsed()
    );
    let seen = stage.sim.seen();
    let creations: Vec<_> = seen
        .iter()
        .filter(|s| s.target == "/api/v4/users")
        .collect();
    let statuses: Vec<_> = creations.iter().map(|s| s.status.unwrap()).collect();
    assert_eq!(statuses, [429, 429, 201]);
    daemon.stop();
}

/// A server that goes away in the middle of a run is left in peace, and found again as it is.
#[tokio::test]
async fn edge_82_a_server_that_restarts_in_the_middle_gets_everybody_once() {
    let scene = Scene::people(40).await;
    let mut engine = scene.engine(HASTY);
    let sim = &scene.stage.sim;
    let lost = Fault::new(Effect::Cut(Commit::After))
        .method("POST")
        .path("/api/v4/users");
    sim.add_fault(lost.from(10).times(3));
    sim.add_fault(Fault::new(Effect::status(503)).writes().from(14));
    let done = try_cycle(&scene.stage, &mut engine).await.unwrap();
    assert!(done.summary.report.stopped.is_some());
    assert!(sim.seen().len() < 60, "{}", sim.seen().len());
    sim.clear_faults();
    sim.add_fault(Fault::new(Effect::status(502)));
    let before = sim.seen().len();
    let error = try_cycle(&scene.stage, &mut engine).await.err().unwrap();
    assert_eq!(error.exit_code(), 69);
    assert!(sim.seen().len() - before < 15, "a budget for retries");
    sim.clear_faults();
    let done = cycle(&scene.stage, &mut engine).await;
    assert!(done.summary.report.unknown.is_empty());
    scene.fill(&mut engine).await;
    assert_eq!(sim.users().len(), 41);
    let team = sim.team_members();
    assert_eq!(team.iter().filter(|m| m.delete_at == 0).count(), 41);
    assert!(sim.mails().is_empty());
}

/// Everything that can be wrong with one person, and everybody else as if nothing were.
#[tokio::test]
async fn edge_85_one_bad_person_stops_nobody_else() {
    let mut scene = Scene::people(10).await;
    let mut engine = scene.engine(HASTY);
    cycle(&scene.stage, &mut engine).await;
    let twin = |n, uid: &str| person(n, uid).set("entryUUID", id(77).to_string());
    let bad = [
        person(20, "noname").without("uid"),
        person(21, "noid").set("entryUUID", "nonsense"),
        twin(22, "twin1"),
        twin(23, "twin2"),
        person(24, "nomail").without("mail"),
        person(25, "badmail").set("mail", "<x>"),
        person(26, "!!!").set("mail", "n26@example.org"),
        person(27, "latin1").set("uid", [0xff, 0xfe]),
        person(28, "shared").set("mail", "p0001@example.org"),
        person(29, "long").set("givenName", "x".repeat(100_000)),
    ];
    for (n, entry) in (20..).zip(bad) {
        scene.put(n, entry);
    }
    for n in 0..9 {
        scene.edit(n, |e| e.set("sn", "Married"));
    }
    scene.edit(9, |e| e.set("shadowExpire", "1"));
    for n in 40..45 {
        scene.put(n, person(n, &format!("new{n}")));
    }
    let refusal = Answer {
        status: 400,
        headers: vec![("content-type".into(), "application/json".into())],
        body: json!({"id": "model.user.is_valid.position.app_error", "message": "no"})
            .to_string()
            .into_bytes(),
    };
    let refuse = Fault::new(Effect::Answer(refusal, Commit::Before)).method("PUT");
    scene
        .stage
        .sim
        .add_fault(refuse.path("/api/v4/users/*/patch").nth(3));
    let done = try_cycle(&scene.stage, &mut engine).await.unwrap();
    let report = &done.summary.report;
    assert_eq!(
        (report.not_done.len(), report.stopped.as_ref()),
        (1, None),
        "{report:?}"
    );
    let married = |n: u32| scene.stage.user(&format!("p{n:04}")).last_name == "Married";
    assert_eq!((0..9).filter(|n| married(*n)).count(), 8);
    assert!(!scene.stage.is_active("p0009"));
    assert!((40..45).all(|n| scene.stage.is_active(&format!("new{n}"))));
    // Each is named; the name that is too long is cut.
    assert_eq!(scene.stage.user("long").first_name.len(), 64);
    let named = done
        .left_alone()
        .iter()
        .map(|l| l.subject.dn.clone().unwrap_or_default());
    let named: Vec<String> = named.collect();
    for who in [
        "noname", "noid", "twin1", "twin2", "nomail", "badmail", "!!!", "latin1", "shared",
    ] {
        let dn = format!("uid={who},{PEOPLE}");
        assert!(named.contains(&dn), "{who}: {named:?}");
    }
    cycle(&scene.stage, &mut engine).await;
    assert!((0..9).all(married));
}

/// What `plan` shows is what `sync` does, and it writes nothing anywhere.
#[test]
fn edge_86_a_dry_run_writes_nothing_and_tells_the_truth() {
    let mut place = Place::new();
    for name in ["adam", "bea", "carl", "dora", "emil"] {
        place.add(name, name, "Able");
    }
    place.run(&["sync"]).exits(0);
    place.edit("adam", |p| p.expires = 1);
    place.edit("bea", |p| p.name.1 = "Brave".into());
    place.edit("carl", |p| p.mail = Some("carl@example.com".into()));
    place.edit("dora", |p| p.uid = "dorothea".into());
    place.edit("emil", |p| p.mail = Some("<emil>".into()));
    place.add("all", "New", "Comer");
    place.add("finn", "Finn", "Fine");
    let stranger = json!({"username": "finn", "email": "else@example.org"});
    place.sim.add_user(&stranger).unwrap();
    place.sim.reset_counters();
    let (users, state) = (place.sim.users(), place.files("state"));
    let plan = place.run(&["plan", "--json"]).exits(0).json();
    for words in [&["plan"][..], &["plan", "--all"], &["check"], &["status"]] {
        let _ = place.run(words);
    }
    assert_eq!((place.sim.writes(), place.sim.users()), (0, users));
    assert_eq!(place.files("state"), state);
    let sync = place.run(&["sync", "--json"]).exits(0).json();
    assert_eq!(sync["plan"]["plan"]["steps"], plan["plan"]["steps"]);
    let done: u64 = sync["done"]
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum();
    let planned = plan["plan"]["steps"].as_array().unwrap().len();
    assert_eq!((done, planned), (6, 6), "{sync}");
    place
        .run(&["plan"])
        .exits(0)
        .says("Nothing would be changed.");
}

/// Permission for what was shown, once, and not for ever.
#[tokio::test]
async fn edge_87_an_approval_is_used_up_and_ends() {
    let mut scene = Scene::people(12).await;
    let rest = "[policy]\ngrace = \"0s\"\n[guard]\nmissing = 1\nlocked = 1\n";
    let mut engine = scene.engine(rest);
    scene.fill(&mut engine).await;
    let approve = async |engine: &mut mattersync::cycle::Engine| {
        engine.show_holds(&|_| {}).await.unwrap();
        engine.approve("locked", "alice", &|_| {}).await.unwrap()
    };
    let lock = |scene: &mut Scene, who: std::ops::Range<u32>| {
        for n in who {
            scene.edit(n, |e| e.set("shadowExpire", "1"));
        }
    };
    lock(&mut scene, 0..3);
    cycle(&scene.stage, &mut engine).await;
    assert_eq!(approve(&mut engine).await.released.len(), 3);
    // More have come since: they were not shown.
    lock(&mut scene, 3..6);
    let done = cycle(&scene.stage, &mut engine).await;
    assert_eq!(done.kinds(), [("deactivate", 3)]);
    assert_eq!(done.holds(), [&HoldKey::Class(Class::Locked)]);
    assert_eq!(scene.stage.active(), 9);
    assert!((3..6).all(|n| scene.stage.is_active(&format!("p{n:04}"))));
    // What was approved and not done within three days is to be looked at again.
    let word = approve(&mut engine).await;
    assert_eq!(word.released.len(), 3);
    let approval = scene.memory().await.approvals.into_values().next().unwrap();
    assert_eq!(
        (approval.by.as_str(), approval.until.since(approval.at)),
        ("alice", HOUR * 72)
    );
    scene.stage.clock.advance(HOUR * 73);
    let done = cycle(&scene.stage, &mut engine).await;
    assert_eq!((done.kinds(), done.summary.held()), (vec![], 3));
}

/// All of the class or nothing, everything else, and what to type.
#[test]
fn edge_88_a_hold_says_what_was_not_done_and_how_to_go_on() {
    let mut place = Place::new();
    let names = ["adam", "bea", "carl", "dora", "emil", "fred"];
    for name in names {
        place.add(name, name, "Able");
    }
    place.more = "[guard]\nlocked = 2\n".into();
    place.write();
    place.run(&["sync"]).exits(0);
    for name in &names[..4] {
        place.edit(name, |p| p.expires = 1);
    }
    place.edit("fred", |p| p.name.1 = "Free".into());
    let said = place.run(&["sync"]).exits(3);
    let said = said
        .says("HELD: locked: 4 wanted, one cycle may do 2. None of these 4 steps is done")
        .says("mattersync approve locked")
        .says("Updated 1 user");
    names[..4].iter().fold(said, |said, name| {
        said.says(&format!("uid={name},ou=People"))
    });
    let active = || {
        let active = |name: &&&str| place.sim.user_named(name).unwrap().is_active();
        names.iter().filter(active).count()
    };
    assert_eq!(active(), 6);
    assert_eq!(place.sim.user_named("fred").unwrap().last_name, "Free");
    place.run(&["approve", "locked"]).exits(0).says("4 steps");
    place.run(&["sync"]).exits(0).says("Deactivated 4 users");
    assert_eq!(active(), 2);
}

/// The second one harms nobody, says who is there, and does the work when the first has gone. The
/// service manager starts it again until then.
#[test]
fn edge_89_of_two_daemons_one_works_and_the_other_takes_over() {
    let stage = service::Stage::new(&Options::new(Version::V11), &service::Config::default());
    stage.write_people(&service::people(&["anna"]));
    let first = stage.start_and_wait();
    let before = stage.sim.requests();
    for _ in 0..2 {
        let (status, _, said) = stage.start().end();
        assert_eq!(status.code(), Some(75), "{said}");
        assert!(said.contains(&format!("pid {}", first.pid())), "{said}");
    }
    assert_eq!(stage.sim.requests(), before);
    stage.write_people(&service::people(&["anna", "ben"]));
    // However the first one ends.
    first.kill();
    let second = stage.start_and_wait();
    assert!(stage.sim.user_named("ben").is_some());
    assert_eq!(second.sync().writes, 0);
    second.stop();
    let unit = include_str!("../../systemd/mattersync.service");
    assert!(unit.contains("Restart=on-failure"));
    let never = unit
        .lines()
        .find(|l| l.starts_with("RestartPreventExitStatus="));
    assert!(!never.unwrap().contains("75"));
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
    let mut place = Place::new();
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
        .run(&["print-config"])
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
    assert_eq!(done.report.done.len(), 41);
    assert_eq!(at_first.load(Ordering::SeqCst), 0);
    assert_eq!(ever.load(Ordering::SeqCst), 1, "one session for a cycle");
}

/// Said once and in time, not for each person.
#[test]
fn edge_95_a_token_that_is_worth_nothing_ends_it_before_anybody_is_read() {
    let mut place = Place::new();
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
    let stage = service::Stage::new(&Options::new(Version::V11), &config);
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

/// A first fill greets nobody; the plan says how many are made and join, and that no mail goes out.
#[test]
fn edge_97_a_first_fill_notifies_nobody() {
    let mut place = Place::new();
    for n in 0..30 {
        place.add(&format!("user{n:02}"), "Some", "Body");
    }
    let said = place.run(&["plan"]).exits(0);
    said.says("no e-mail would be sent")
        .says("Create 30 users")
        .says("Add to teams: 30 members");
    place.run(&["sync"]).exits(0).says_not("e-mail");
    assert_eq!(place.sim.users().len(), 31);
    assert!(place.sim.mails().is_empty(), "{:?}", place.sim.mails());
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
    let stage = service::Stage::new(&Options::new(Version::V11), &config);
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

/// Zero may mean "no limit" or "none of your business".
#[tokio::test]
async fn edge_103_a_limit_of_zero_is_believed_only_of_who_may_know_it() {
    let scene = Scene::people(3).await;
    let sim = &scene.stage.sim;
    let limit = |hard| UserLimit { warn: hard, hard };
    let member = json!({"username": "member", "email": "member@example.net"});
    let member = sim.token_for(&sim.add_user(&member).unwrap());
    let admin = sim.token_for(&scene.stage.user("root.admin").id);
    for (token, real, seats) in [
        (&admin, None, Seats::Unlimited),
        (
            &admin,
            Some(limit(9)),
            Seats::Limited {
                limit: 9,
                active: 2,
            },
        ),
        (&member, Some(limit(9)), Seats::Unknown),
        (&member, None, Seats::Unknown),
    ] {
        sim.set_user_limit(real);
        scene.stage.secret("token", token);
        let engine = scene.engine(HASTY);
        let client =
            mattersync::mattermost::Client::connect(&engine.settings().mattermost).unwrap();
        assert_eq!(client.reader().facts().await.unwrap().seats, seats);
    }
    // Nobody acts upon what is not known: the cycle ends before anything is read.
    let error = try_cycle(&scene.stage, &mut scene.engine(HASTY))
        .await
        .err()
        .unwrap();
    assert_eq!(error.exit_code(), 77);
    // Nor is a full server stormed.
    scene.stage.secret("token", &admin);
    sim.set_user_limit(Some(limit(3)));
    let done = cycle(&scene.stage, &mut scene.engine(HASTY)).await;
    assert_eq!(done.left(|l| matches!(l.why, Why::NoSeat { limit: 3 })), 2);
}

/// Between the plan and the call an administrator was faster: a second deactivation would move
/// `delete_at`, and notify whoever listens.
#[tokio::test]
async fn edge_104_who_is_inactive_already_is_not_deactivated_again() {
    let mut scene = Scene::of(&NAMES).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let anna = scene.stage.user("anna").id;
    scene.edit(0, |e| e.set("shadowExpire", "1"));
    let sim = &scene.stage.sim;
    let stages = |doing| {
        if matches!(doing, Doing::Applying { settled: 0, .. }) {
            sim.set_active(&anna, false);
        }
    };
    sim.reset_counters();
    let never = watch::channel(false).1;
    let done = engine.run(never, &stages, &|_| {}).await.unwrap();
    let at = scene.stage.user("anna").delete_at;
    assert!(done.report.done.is_empty());
    assert!(
        done.report.not_done[0].1.contains("inactive"),
        "{:?}",
        done.report
    );
    assert_eq!(sim.writes(), 0);
    for _ in 0..3 {
        cycle(&scene.stage, &mut engine).await;
    }
    assert_eq!((sim.writes(), scene.stage.user("anna").delete_at), (0, at));
    // And it is the administrator's: unlocking the account does not undo it.
    scene.edit(0, |e| e.set("shadowExpire", "99999"));
    for _ in 0..3 {
        cycle(&scene.stage, &mut engine).await;
    }
    assert!(!scene.stage.is_active("anna"));
}

/// None of those whom the state knows is there: another server, or an empty one. Nothing is made
/// on it before a person has looked.
#[test]
fn an_exchanged_mattermost_is_recognised_and_left_as_it_is() {
    let mut place = Place::new();
    for name in NAMES {
        place.add(name, name, "Able");
    }
    place.run(&["sync"]).exits(0);
    place.add("newcomer", "New", "Comer");
    place.sim = Sim::start(&Options {
        seed: 99,
        ..Options::new(Version::V11)
    })
    .unwrap();
    place.token = place.sim.seed_admin("root.admin");
    place.secret("token", &place.token);
    place.write();
    let there = json!({"username": "anna", "email": "anna@example.org"});
    place.sim.add_user(&there).unwrap();
    let (users, teams) = (place.sim.users(), place.sim.teams());
    for words in [
        &["plan"][..],
        &["sync"],
        &["approve"],
        &["deactivate", "anna"],
    ] {
        place
            .run(words)
            .exits(69)
            .says("another Mattermost than the one that the state knows")
            .says("none of its 3 linked users exists")
            .says(&place.sim.url())
            .says("state.sqlite");
    }
    assert_eq!((place.sim.users(), place.sim.teams()), (users, teams));
    assert_eq!(place.sim.writes(), 0);
    // As the message says.
    fs::rename(place.path("state"), place.path("old-state")).unwrap();
    place
        .run(&["sync"])
        .exits(3)
        .says("Created 3 users")
        .says("HELD: adopt");
    // One who was deleted for good makes no other server.
    place.run(&["approve", "adopt"]).exits(0);
    place.run(&["sync"]).exits(0);
    place
        .run(&["plan"])
        .exits(0)
        .says("Nothing would be changed.");
}

/// The answer to a creation is lost, and before it is found the user is linked to another account.
/// That stops no cycle, and is a thing that a person can put right.
#[tokio::test]
async fn a_lost_creation_whose_user_is_linked_elsewhere_is_a_conflict_and_no_dead_end() {
    let mut scene = Scene::of(&["anna"]).await;
    let keep = "[policy.attributes]\nusername = \"initial\"\nemail = \"initial\"\n";
    let mut engine = scene.engine(&format!("{HASTY}{keep}"));
    scene.fill(&mut engine).await;
    scene.put(1, person(1, "ben"));
    let lost = Fault::new(Effect::Cut(Commit::After))
        .method("POST")
        .path("/api/v4/users");
    scene.stage.sim.add_fault(lost.nth(1));
    try_cycle(&scene.stage, &mut engine).await.unwrap();
    scene.stage.sim.clear_faults();
    assert_eq!(scene.stage.store.unsettled().await.unwrap().len(), 1);
    let memory = scene.memory().await;
    let (key, mut link) = memory.links.into_iter().next().unwrap();
    link.user = mattersync::model::UserId::new(scene.stage.user("ben").id);
    let other = mattersync::model::AccountKey { id: id(9), ..key };
    scene.put(9, person(9, "benedict"));
    let note = vec![mattersync::model::Remember::Link(other, link)];
    scene.stage.store.observe(note).await.unwrap();
    let mut told = String::new();
    for _ in 0..3 {
        let done = try_cycle(&scene.stage, &mut engine).await.unwrap();
        told = done.whys(&id(1)).iter().map(ToString::to_string).collect();
    }
    assert_eq!(scene.stage.store.unsettled().await.unwrap().len(), 0);
    assert!(
        told.contains("ben@example.org") && told.contains("uid=benedict"),
        "{told}"
    );
    let users = scene.memory().await.links.into_values().map(|l| l.user);
    let users: std::collections::BTreeSet<_> = users.collect();
    assert_eq!(users.len(), scene.memory().await.links.len());
}

//! A server that fails on demand: always the simulator.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mattermost_sim::{Answer, Commit, Effect, Fault, Options, Sim, Version};
use mattersync::config::Pace;
use mattersync::mattermost::{
    ApiErrorKind, CallError, Client, HttpTransport, SendError, WriteError, password, trust_nobody,
};
use mattersync::model::User;
use secrecy::SecretString;
use serde_json::json;

use crate::mattermost::target::{client_socket, mark, simulated, someone, unique, values};

/// A client with its own time-out or pace.
fn client(sim: &Sim, pace: Option<Pace>, timeout: Duration) -> Client {
    let token = SecretString::from(sim.seed_admin("root.admin"));
    let transport = HttpTransport::tcp(&sim.url(), &token, trust_nobody().unwrap()).unwrap();
    Client::new(Arc::new(transport), pace, timeout)
}

#[tokio::test]
async fn a_lost_answer_leaves_the_outcome_unknown_and_reading_tells_it() {
    for t in simulated() {
        for (commit, there) in [(Commit::Before, false), (Commit::After, true)] {
            let sim = t.sim.as_ref().unwrap();
            sim.clear_faults();
            sim.add_fault(Fault::new(Effect::Cut(commit)).writes().nth(1));
            let (new, mark, secret) = (someone(), mark(), password().unwrap());
            let before = sim.writes();
            let result = t.writer().create_user(&new, &secret, &mark, true).await;
            let error = result.unwrap_err();
            assert!(
                matches!(error, WriteError::Unknown(_)),
                "{}: {error}",
                t.name
            );
            assert_eq!(sim.writes() - before, 1, "{}: sent once", t.name);
            let found = t
                .client
                .reader()
                .user_by_username(&new.username)
                .await
                .unwrap();
            let ours =
                found.map(|u| u.props.get(User::NONCE_PROP) == Some(&mark.as_str().to_owned()));
            assert_eq!(ours, there.then_some(true), "{}", t.name);
        }
    }
}

#[tokio::test]
async fn a_write_behind_a_sick_proxy_is_unknown_and_not_repeated() {
    for t in simulated() {
        let sim = t.sim.as_ref().unwrap();
        let person = t.person().await;
        for status in [500, 502, 503, 504, 403] {
            sim.clear_faults();
            sim.add_fault(Fault::new(Effect::status(status)).writes());
            let before = sim.writes();
            let error = t.writer().deactivate(&person.id).await.unwrap_err();
            assert!(matches!(error, WriteError::Unknown(_)), "{status}: {error}");
            assert_eq!(sim.writes() - before, 1);
        }
    }
}

/// It is done; that it could not be read afterwards does not make it undone.
#[tokio::test]
async fn a_deactivation_that_cannot_be_read_back_is_perhaps_done() {
    for t in simulated() {
        let sim = t.sim.as_ref().unwrap();
        let person = t.person().await;
        let look = Fault::new(Effect::page(502)).method("GET");
        sim.add_fault(look.path(&format!("/api/v4/users/{}", person.id)));
        let error = t.writer().deactivate(&person.id).await.unwrap_err();
        assert!(
            matches!(error, WriteError::Unknown(_)),
            "{}: {error}",
            t.name
        );
        assert!(!error.surely_unchanged());
        let user = sim.user(person.id.as_str()).unwrap();
        assert!(user.delete_at > 0, "{}", t.name);
    }
}

/// A page with 200 for every write proves that nothing was done, nor that anything was not.
#[tokio::test]
async fn a_page_with_200_confirms_nothing() {
    for t in simulated() {
        let sim = t.sim.as_ref().unwrap();
        let (person, writer) = (t.person().await, t.writer());
        let team = writer.create_team(&unique("t-"), "Team").await.unwrap();
        sim.set_config(&json!({"ServiceSettings": {"EnableAPIUserDeletion": true}}));
        for body in [
            "<html>Welcome</html>",
            "{}",
            "null",
            "{\"status\": \"blocked\"}",
        ] {
            sim.clear_faults();
            let mut page = Answer::page(200);
            page.body = body.as_bytes().to_vec();
            sim.add_fault(Fault::new(Effect::Answer(page, Commit::Before)).writes());
            let (id, new) = (&person.id, unique("n."));
            let results = [
                writer.deactivate(id).await.map(|_| ()),
                writer
                    .rename(id, &values(&person.username, &new))
                    .await
                    .map(|_| ()),
                writer.delete_permanently(id).await,
                writer.create_team(&unique("t-"), "Other").await.map(|_| ()),
                writer
                    .add_team_members(&team.id, std::slice::from_ref(id))
                    .await
                    .remove(0),
                t.created(&someone()).await.0.map(|_| ()),
            ];
            for (n, result) in results.into_iter().enumerate() {
                let error = result.unwrap_err();
                assert!(
                    !error.surely_unchanged(),
                    "{}, {body}, {n}: {error}",
                    t.name
                );
            }
        }
        sim.clear_faults();
        let user = sim.user(person.id.as_str()).unwrap();
        assert_eq!((user.delete_at, user.username), (0, person.username));
    }
}

#[tokio::test]
async fn reading_gets_over_a_short_illness() {
    for t in simulated() {
        let sim = t.sim.as_ref().unwrap();
        sim.add_fault(
            Fault::new(Effect::status(502))
                .path("/api/v4/users")
                .times(1),
        );
        sim.add_fault(
            Fault::new(Effect::Cut(Commit::Before))
                .path("/api/v4/users")
                .nth(2),
        );
        let users = t.client.reader().users().await.unwrap();
        assert_eq!(users.len(), 1, "{}", t.name);
        assert_eq!(t.client.counts().retries, 2);
    }
}

#[tokio::test]
async fn no_answer_in_time_is_unknown_for_a_write() {
    let sim = Sim::start(&Options::new(Version::V11)).unwrap();
    let client = client(&sim, None, Duration::from_millis(300));
    sim.add_fault(Fault::new(Effect::Hang(Commit::After)).path("/api/v4/teams"));
    let start = Instant::now();
    let error = client
        .writer()
        .create_team("slow", "Slow")
        .await
        .unwrap_err();
    let timeout = matches!(
        &error,
        WriteError::Unknown(CallError::Send {
            error: SendError::Timeout { .. },
            ..
        })
    );
    assert!(timeout, "{error}");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(
        client
            .reader()
            .team_by_name("slow")
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn a_stopped_server_was_surely_not_asked_and_a_restarted_one_is_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = Options::new(Version::V11);
    options.socket = Some(directory.path().join("mm.socket"));
    let sim = Sim::start(&options).unwrap();
    options.port = sim.port();
    let tcp = client(&sim, None, Duration::from_secs(10));
    let socket = client_socket(sim.socket());
    for client in [&tcp, &socket] {
        client.reader().users().await.unwrap();
    }
    let state = sim.stop();
    // Time to notice that the idle connections were closed.
    tokio::time::sleep(Duration::from_millis(100)).await;
    for client in [&tcp, &socket] {
        let (secret, mark) = (password().unwrap(), mark());
        let result = client
            .writer()
            .create_user(&someone(), &secret, &mark, false)
            .await;
        let error = result.unwrap_err();
        assert!(matches!(error, WriteError::NotSent(_)), "{error}");
        assert!(error.surely_unchanged());
    }
    let _sim = Sim::serve(state, &options).unwrap();
    for client in [&tcp, &socket] {
        client.reader().users().await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_write_waits_and_is_carried_out_once() {
    let sim = Sim::start(&Options::new(Version::V11)).unwrap();
    let client = client(&sim, None, Duration::from_secs(10));
    sim.add_fault(Fault::new(Effect::TooMany { seconds: 1 }).writes().times(2));
    let start = Instant::now();
    client.writer().create_team("late", "Late").await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(2));
    assert_eq!(sim.teams().len(), 1);
    let counts = client.counts();
    assert_eq!(
        (counts.requests, counts.writes, counts.rate_limited),
        (3, 3, 2)
    );
}

#[tokio::test]
async fn a_refusal_with_nothing_but_retry_after_is_waited_for() {
    let sim = Sim::start(&Options::new(Version::V11)).unwrap();
    let client = client(&sim, None, Duration::from_secs(10));
    for status in [429, 503] {
        sim.clear_faults();
        let refusal = Answer::page(status).with("retry-after", "4");
        sim.add_fault(Fault::new(Effect::Answer(refusal, Commit::Before)).times(1));
        let start = Instant::now();
        client.reader().own_user().await.unwrap();
        assert!(start.elapsed() >= Duration::from_secs(4), "{status}");
    }
}

/// nginx's `limit_req` refuses with 503, and says nothing of how often it may be asked.
#[tokio::test]
async fn below_a_limit_that_answers_503_all_is_read_and_written() {
    let sim = Sim::start(&Options::new(Version::V11)).unwrap();
    let pace = Pace {
        per_second: 20,
        burst: 10,
    };
    let client = client(&sim, Some(pace), Duration::from_secs(10));
    sim.add_fault(Fault::new(Effect::limit(4)));
    for _ in 0..4 {
        client.reader().own_user().await.unwrap();
    }
    for n in 0..6 {
        client
            .writer()
            .create_team(&format!("t-{n}"), "T")
            .await
            .unwrap();
    }
    assert_eq!(sim.teams().len(), 6);
    let refused = sim.seen().iter().filter(|s| s.status == Some(503)).count();
    assert!((1..=4).contains(&refused), "{refused}");
}

fn limited_to(per_second: u32, burst: u32) -> Sim {
    let mut options = Options::new(Version::V11);
    options.config = json!({"RateLimitSettings":
        {"Enable": true, "PerSec": per_second, "MaxBurst": burst, "VaryByRemoteAddr": true}});
    Sim::start(&options).unwrap()
}

#[tokio::test]
async fn below_the_servers_pace_nobody_is_refused() {
    let sim = limited_to(40, 20);
    let pace = Pace {
        per_second: 30,
        burst: 5,
    };
    let client = client(&sim, Some(pace), Duration::from_secs(10));
    for _ in 0..60 {
        client.reader().own_user().await.unwrap();
    }
    assert_eq!(
        (client.counts().requests, client.counts().rate_limited),
        (60, 0)
    );
}

#[tokio::test]
async fn without_a_pace_of_our_own_the_headers_slow_us_down_before_a_refusal() {
    let sim = limited_to(40, 20);
    let client = client(&sim, None, Duration::from_secs(10));
    let start = Instant::now();
    for _ in 0..60 {
        client.reader().own_user().await.unwrap();
    }
    assert_eq!(
        (client.counts().requests, client.counts().rate_limited),
        (60, 0)
    );
    assert!(
        start.elapsed() >= Duration::from_millis(900),
        "{:?}",
        start.elapsed()
    );
    // A share of the bucket is left to people behind the same address.
    let asked = sim.seen();
    assert!(asked.iter().all(|s| s.status == Some(200)));
}

#[tokio::test]
async fn what_we_count_is_what_the_server_sees() {
    for t in simulated() {
        let sim = t.sim.as_ref().unwrap();
        sim.reset_counters();
        let before = t.client.counts();
        let person = t.person().await;
        t.writer()
            .rename(&person.id, &values(&person.username, "renamed"))
            .await
            .unwrap();
        t.writer().deactivate(&person.id).await.unwrap();
        t.client.reader().users().await.unwrap();
        t.client.reader().facts().await.unwrap();
        let spent = t.client.counts().since(before);
        assert_eq!(
            (spent.requests, spent.writes),
            (sim.requests(), sim.writes()),
            "{}",
            t.name
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_token() {
    let moved =
        "HTTP/1.1 301 Moved\r\nlocation: https://chat.example.org/\r\ncontent-length: 0\r\n\r\n";
    let url = canned(moved.to_owned());
    let client = crate::mattermost::target::client_tcp(&url, "t");
    let error = client.reader().facts().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("redirects to https://chat.example.org: if that is the Mattermost"),
        "{error}"
    );
}

#[tokio::test]
async fn a_relative_redirect_is_to_the_same_server() {
    for (location, says) in [
        (
            "/login?redirect_to=%2Fapi%2Fv4%2Fusers%2Fme",
            "sign-on portal",
        ),
        (
            "/chat/api/v4/users/me",
            "/chat: write that in mattermost.url",
        ),
    ] {
        let found =
            format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let url = canned(found);
        let client = crate::mattermost::target::client_tcp(&url, "t");
        let error = client.reader().facts().await.unwrap_err().to_string();
        assert!(error.contains(says) && error.contains(&url), "{error}");
        assert!(!error.contains("redirect_to"), "{error}");
    }
}

#[tokio::test]
async fn https_and_http_are_not_mixed_up_without_a_word() {
    let sim = Sim::start(&Options::new(Version::V11)).unwrap();
    let told = async |url: &str| {
        let error = crate::mattermost::target::client_tcp(url, "t")
            .reader()
            .facts()
            .await;
        error.unwrap_err().to_string()
    };
    let error = told(&sim.url().replace("http:", "https:")).await;
    assert!(
        error.contains("begins with https://, and this port speaks plain text")
            && error.contains("mattermost.url"),
        "{error}"
    );
    // As Go's TLS server answers, and as others do.
    for answer in [
        "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}\u{16}",
    ] {
        let error = told(&canned(answer.to_owned())).await;
        assert!(
            error.contains("mattermost.url must begin with https://"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_token_that_does_not_arrive_is_told_with_all_that_may_be_behind_it() {
    let sim = Sim::start(&Options::new(Version::V11)).unwrap();
    let client = client(&sim, None, Duration::from_secs(10));
    for filter in [
        Effect::Lose("authorization".into()),
        Effect::Replace("authorization".into(), "Basic eDp5".into()),
    ] {
        sim.clear_faults();
        sim.add_fault(Fault::new(filter));
        let error = client.reader().facts().await.unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::TokenRejected), "{error}");
        let error = error.to_string();
        for cause in [
            "token's id",
            "EnableUserAccessTokens",
            "Authorization",
            "deactivated",
        ] {
            assert!(error.contains(cause), "{error}");
        }
    }
}

#[tokio::test]
async fn another_program_at_the_address_is_recognised() {
    let page = "HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n<html></html>";
    let client = crate::mattermost::target::client_tcp(&canned(page.to_owned()), "t");
    let error = client.reader().facts().await.unwrap_err();
    assert!(matches!(error, CallError::Garbled { .. }), "{error}");
    assert!(error.to_string().contains("web page"), "{error}");
    let none = "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nnot found";
    let client = crate::mattermost::target::client_tcp(&canned(none.to_owned()), "t");
    let error = client.reader().facts().await.unwrap_err();
    assert_eq!(error.kind(), Some(ApiErrorKind::Foreign), "{error}");
    assert!(error.to_string().contains("mattermost.url"), "{error}");
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(0x10_0000));
    let client =
        crate::mattermost::target::client_tcp(&canned(format!("{head}{}", chunk.repeat(40))), "t");
    let error = client.reader().facts().await.unwrap_err();
    let too_large = matches!(
        &error,
        CallError::Send {
            error: SendError::TooLarge { .. },
            ..
        }
    );
    assert!(too_large, "{error}");
}

/// A server that answers everything with the same bytes.
fn canned(answer: String) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().take(8) {
            let mut stream = stream.unwrap();
            let _request = stream.read(&mut [0; 4096]);
            let _cut = stream.write_all(answer.as_bytes());
        }
    });
    url
}

/// A path that is too long for a socket must not take anything down.
#[tokio::test]
async fn a_socket_that_cannot_be_is_an_error() {
    let path = PathBuf::from("/tmp").join("x".repeat(200));
    let error = client_socket(&path).reader().users().await.unwrap_err();
    assert!(matches!(error, CallError::Send { .. }), "{error}");
}

/// What people write into their own props may be as long as the server lets it.
#[tokio::test]
async fn rows_that_were_swollen_hide_nobody() {
    let t = crate::mattermost::target::Target::simulated(Options::new(Version::V11), false);
    let sim = t.sim.as_ref().unwrap();
    let mut swollen = Vec::new();
    for n in 0..3 {
        let person = t.person().await;
        let props = json!({"x": "<".repeat(30_000_000)});
        let edited = sim.edit_user(person.id.as_str(), |user| {
            user.props = props.as_object().cloned().unwrap_or_default();
            user.last_name = format!("Large{n}");
        });
        assert!(edited);
        swollen.push(person.id);
    }
    let small = t.person().await;
    let reader = t.client.reader();
    let users = reader.users().await.unwrap();
    assert_eq!(
        (users.rejected(), users.gaps()),
        ([].as_slice(), [].as_slice())
    );
    assert!(users.get(&small.id).is_some());
    for id in &swollen {
        let user = users.get(id).unwrap();
        assert!(user.props.is_empty() && user.profile.len() > 1, "{user:?}");
    }
    t.writer().deactivate(&swollen[0]).await.unwrap();
}

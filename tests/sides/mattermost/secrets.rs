//! What the client writes into the log.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mattermost_sim::{Commit, Effect, Fault, Options, Sim, Version};
use mattersync::mattermost::{Client, HttpTransport, nonce, password, trust_nobody};
use mattersync::model::{NewUser, Profile, ProfileField, Values};
use secrecy::{ExposeSecret, SecretString};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn values(from: &str, to: &str) -> Values {
    Values {
        from: from.into(),
        to: to.into(),
    }
}

/// 5.38 answers some calls with the password hash.
#[tokio::test]
async fn no_secret_is_logged_at_any_level() {
    let lines = Lines::default();
    let log = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || log.clone())
        .finish();
    // While there is only one subscriber, whoever reaches a line of the log first asks the one of
    // their own thread, and its answer stands for all: a test beside this one would silence it.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    // The client works on the thread of its test, which is the only one whose log is told here.
    let _told_here = tracing::subscriber::set_default(subscriber);

    let sim = Sim::start(&Options::new(Version::V5_38)).unwrap();
    let token = sim.seed_admin("root.admin");
    let secret = SecretString::from(token.as_str());
    let tcp = HttpTransport::tcp(&sim.url(), &secret, trust_nobody().unwrap()).unwrap();
    let socket = HttpTransport::socket(sim.socket()).unwrap();
    let client = |transport| Client::new(Arc::new(transport), None, Duration::from_secs(10));
    let (tcp, socket) = (client(tcp), client(socket));
    let new = NewUser {
        username: "grace".into(),
        email: "grace@example.org".into(),
        profile: Profile::new(),
    };
    let password = password().unwrap();
    let mark = nonce().unwrap();
    let writer = tcp.writer();
    let made = writer
        .create_user(&new, &password, &mark, true)
        .await
        .unwrap();
    let email = values(&made.email, "fresh@example.org");
    writer.change_email(&made.id, &email).await.unwrap();
    let nickname = [(ProfileField::Nickname, values("", "N"))].into();
    socket
        .writer()
        .update_profile(&made.id, &nickname)
        .await
        .unwrap();
    sim.add_fault(Fault::new(Effect::Cut(Commit::After)));
    let error = writer.deactivate(&made.id).await.unwrap_err();

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains("/email/verify/member"),
        "the calls are in the log"
    );
    let shown = format!("{log}{error}{error:?}{tcp:?}{socket:?}");
    let secrets = [
        ("token", token.as_str()),
        ("password", password.expose_secret()),
        ("hash", "$2a$"),
    ];
    for (what, text) in secrets {
        assert!(!shown.contains(text), "{what} is shown");
    }
}

//! A way into a server under test, and what tests need besides the client.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use mattermost_sim::{Options, Sim, Version};
use mattersync::mattermost::{
    Client, HttpTransport, WriteError, Writer, nonce, password, trust_nobody,
};
use mattersync::model::{NewUser, Nonce, Profile, ProfileField, User, UserId, Values};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::RwLock;

/// Tests that change a real server's settings have it for themselves.
static SETTINGS: RwLock<()> = RwLock::const_new(());

/// Longer than any call of a test should take, also on a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// A door to a server, by which a test asks what the client does not offer.
#[derive(Clone)]
pub struct Door {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

/// One way into one server.
pub struct Target {
    /// For messages.
    pub name: String,
    /// The client under test.
    pub client: Client,
    /// Whether it is the local socket.
    pub local: bool,
    /// The simulator, if it is one.
    pub sim: Option<Arc<Sim>>,
    /// The same way in.
    pub door: Door,
    /// The way in with an administrator's token, if there is one.
    pub admin: Option<Door>,
}

/// What a test does with a target whose settings it changes.
pub type Patch = Value;

fn variable(name: &str) -> Option<String> {
    std::env::var(format!("MATTERSYNC_TEST_MATTERMOST_{name}")).ok()
}

/// Runs a test by each way into each server, several tests at once.
pub async fn each(test: impl AsyncFn(&Target)) {
    each_that(|_| true, test).await;
}

/// Runs a test over sockets only.
pub async fn each_socket(test: impl AsyncFn(&Target)) {
    each_that(|t| t.local, test).await;
}

/// Runs a test with tokens only.
pub async fn each_token(test: impl AsyncFn(&Target)) {
    each_that(|t| !t.local, test).await;
}

/// Runs a test by those ways that fit: of a real server, or else of the simulator.
pub async fn each_that(fits: impl Fn(&Target) -> bool, test: impl AsyncFn(&Target)) {
    let _shared = SETTINGS.read().await;
    let mut targets = real();
    targets.retain(&fits);
    if targets.is_empty() {
        targets = simulated();
        targets.retain(&fits);
    }
    assert!(!targets.is_empty(), "no way fits");
    for target in targets {
        eprintln!("on {}", target.name);
        test(&target).await;
    }
}

/// Runs a test by each way into each server with other settings, which are put back afterwards.
pub async fn each_with(settings: Patch, test: impl AsyncFn(&Target)) {
    let _alone = SETTINGS.write().await;
    for target in targets() {
        eprintln!("on {} with {settings}", target.name);
        let before = target.settings(&settings).await;
        target.set(&settings).await;
        let result = AssertUnwindSafe(test(&target)).catch_unwind().await;
        target.set(&before).await;
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    }
}

fn targets() -> Vec<Target> {
    let real = real();
    if real.is_empty() { simulated() } else { real }
}

/// Both simulators, by both ways.
pub fn simulated() -> Vec<Target> {
    let ways = Version::ALL
        .into_iter()
        .flat_map(|v| [(v, false), (v, true)]);
    ways.map(|(version, local)| Target::simulated(Options::new(version), local))
        .collect()
}

/// The real server's ways in.
fn real() -> Vec<Target> {
    let admin = variable("URL").map(|url| {
        let token = variable("TOKEN").expect("MATTERSYNC_TEST_MATTERMOST_TOKEN is not set");
        Door::tcp(&url, &token)
    });
    assert!(
        admin.is_some() || variable("TOKEN").is_none(),
        "a token without MATTERSYNC_TEST_MATTERMOST_URL names no server"
    );
    let mut targets = Vec::new();
    if let Some(door) = &admin {
        let token = door.token.clone().unwrap();
        targets.push(Target {
            name: format!("the real server at {}", door.base),
            client: client_tcp(&door.base, &token),
            local: false,
            sim: None,
            door: door.clone(),
            admin: admin.clone(),
        });
    }
    if let Some(path) = variable("SOCKET").map(PathBuf::from) {
        targets.push(Target {
            name: format!("the real server at {}", path.display()),
            client: client_socket(&path),
            local: true,
            sim: None,
            door: Door::socket(&path),
            admin: admin.clone(),
        });
    }
    targets
}

/// A client over TCP without a pace.
pub fn client_tcp(url: &str, token: &str) -> Client {
    let token = SecretString::from(token);
    let transport = HttpTransport::tcp(url, &token, trust_nobody().unwrap()).unwrap();
    Client::new(Arc::new(transport), None, TIMEOUT)
}

/// A client over a socket without a pace.
pub fn client_socket(path: &Path) -> Client {
    let transport = HttpTransport::socket(path).unwrap();
    Client::new(Arc::new(transport), None, TIMEOUT)
}

impl Target {
    /// A fresh simulator with an administrator.
    pub fn simulated(options: Options, local: bool) -> Self {
        let sim = Arc::new(Sim::start(&options).unwrap());
        let token = sim.seed_admin("root.admin");
        let admin = Door::tcp(&sim.url(), &token);
        let way = if local { "socket" } else { "HTTP" };
        Self {
            name: format!("the simulator of {} over {way}", options.version.number()),
            client: if local {
                client_socket(sim.socket())
            } else {
                client_tcp(&sim.url(), &token)
            },
            local,
            door: if local {
                Door::socket(sim.socket())
            } else {
                admin.clone()
            },
            sim: Some(sim),
            admin: Some(admin),
        }
    }

    /// A writer.
    pub fn writer(&self) -> Writer {
        self.client.writer()
    }

    /// A user made by the client, with unique names.
    pub async fn person(&self) -> User {
        let (made, _) = self.created(&someone()).await;
        let made = made.unwrap();
        self.client.reader().user(&made.id).await.unwrap().unwrap()
    }

    /// Creates a user, verified; gives the password too.
    pub async fn created(&self, user: &NewUser) -> (Result<User, WriteError>, SecretString) {
        let password = password().unwrap();
        let made = self
            .writer()
            .create_user(user, &password, &mark(), true)
            .await;
        (made, password)
    }

    /// What a user's single fields are for somebody who sees all of them: those in the answer to
    /// a patch that changes nothing else.
    pub async fn seen_by_admin(&self, id: &UserId) -> Option<Value> {
        let admin = self.admin.as_ref()?;
        let path = format!("/users/{id}/patch");
        let (status, user) = admin.call(Method::PUT, &path, Some(json!({}))).await;
        assert_eq!(status, 200, "{user}");
        Some(user)
    }

    async fn settings(&self, like: &Value) -> Value {
        let (status, config) = self.door.call(Method::GET, "/config", None).await;
        assert_eq!(status, 200, "{} does not show its settings", self.name);
        let mut now = like.clone();
        for (section, keys) in now.as_object_mut().unwrap() {
            for (key, value) in keys.as_object_mut().unwrap() {
                *value = config[section][key].clone();
            }
        }
        now
    }

    async fn set(&self, settings: &Value) {
        let body = Some(settings.clone());
        let (status, answer) = self.door.call(Method::PUT, "/config/patch", body).await;
        assert_eq!(status, 200, "{}: {}", self.name, answer["message"]);
    }
}

impl Door {
    fn tcp(url: &str, token: &str) -> Self {
        Self {
            http: plain().build().unwrap(),
            base: url.to_owned(),
            token: Some(token.to_owned()),
        }
    }

    fn socket(path: &Path) -> Self {
        Self {
            http: plain().unix_socket(path).build().unwrap(),
            base: "http://localhost".into(),
            token: None,
        }
    }

    /// The same over TCP with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self::tcp(&self.base, token)
    }

    /// Where it leads.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// One call: status and JSON, or null when it is none. Waits where the server limits.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        loop {
            let url = format!("{}/api/v4{path}", self.base);
            let mut request = self.http.request(method.clone(), url);
            if let Some(token) = &self.token {
                request = request.bearer_auth(token);
            }
            if let Some(body) = &body {
                request = request.json(body);
            }
            let answer = request.send().await;
            let answer = answer.expect("the server under test does not answer");
            let status = answer.status().as_u16();
            if status != 429 {
                return (status, answer.json().await.unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Logs in; gives the status and the session's token.
    pub async fn login(&self, user: &str, password: &str) -> (u16, Option<String>) {
        let body = json!({"login_id": user, "password": password});
        let url = format!("{}/api/v4/users/login", self.base);
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        let token = answer
            .headers()
            .get("token")
            .map(|t| t.to_str().unwrap().to_owned());
        (answer.status().as_u16(), token)
    }
}

fn plain() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(trust_nobody().unwrap())
        .no_proxy()
        .timeout(TIMEOUT)
}

/// A name that nobody has yet. For teams the prefix `t-` is safe: a name must not begin with one
/// of the server's own words, and `m` with a random `fa` after it would (`mfa`).
pub fn unique(prefix: &str) -> String {
    format!("{prefix}{}", &nonce().unwrap().as_str()[..12])
}

/// A new mark.
pub fn mark() -> Nonce {
    nonce().unwrap()
}

/// Somebody new.
pub fn someone() -> NewUser {
    let username = unique("t.");
    NewUser {
        email: format!("{username}@example.org"),
        username,
        profile: Profile::from([
            (ProfileField::FirstName, "Grace".to_owned()),
            (ProfileField::LastName, "Hopper-O'Neil".to_owned()),
            (ProfileField::Locale, "de".to_owned()),
        ]),
    }
}

/// From one value to another.
pub fn values(from: &str, to: &str) -> Values {
    Values {
        from: from.into(),
        to: to.into(),
    }
}

/// Without the time of the last change: a server that marks an address as verified at creation
/// changes the user once more after it answered (measured on 5.38).
pub fn timeless(mut user: User) -> User {
    user.updated_at = user.created_at;
    user
}

/// An id that no user has.
pub fn nobody() -> UserId {
    UserId::new("z".repeat(26))
}

//! What somebody does on Mattermost between the reading and the call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use mattermost_sim::{Mattermost, Version};
use mattersync::clock::Clock;
use mattersync::cycle::Engine;
use mattersync::mattermost::{
    AccessKind, Client, HttpTransport, Method, Request, Response, SendError, Transport,
    trust_nobody,
};
use secrecy::SecretString;

use testkit::file::File;
use testkit::stage::{HandClock, Stage, cycle, try_cycle};

type Change = fn(&mut File);
type Deed = Box<dyn Fn(&Mattermost, &str) + Send + Sync>;

/// Does something to a user right before they are read by themselves, once.
struct Meddler {
    way: HttpTransport,
    sim: Mattermost,
    user: String,
    deed: Deed,
    done: AtomicBool,
}

impl Transport for Meddler {
    fn send<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, SendError>> {
        let path = format!("/api/v4/users/{}", self.user);
        let is_look = request.method == Method::Get && request.path == path;
        if is_look && !self.done.swap(true, Ordering::SeqCst) {
            (self.deed)(&self.sim, &self.user);
        }
        self.way.send(request)
    }

    fn way(&self) -> AccessKind {
        AccessKind::Token
    }

    fn label(&self) -> &str {
        self.way.label()
    }
}

/// The same engine, with somebody who does this to a user before the call.
fn meddled(stage: &Stage, engine: &Engine, name: &str, deed: Deed) -> Engine {
    let token = SecretString::from(stage.sim.token_for(&stage.user("root.admin").id));
    let way = HttpTransport::tcp(&stage.sim.url(), &token, trust_nobody().unwrap()).unwrap();
    let meddler = Meddler {
        way,
        sim: (*stage.sim).clone(),
        user: stage.user(name).id,
        deed,
        done: AtomicBool::new(false),
    };
    let settings = engine.settings().clone();
    let providers = mattersync::provider::open_all(&settings.providers);
    let store = Arc::clone(&stage.store);
    let clock: Arc<dyn Clock> = Arc::<HandClock>::clone(&stage.clock);
    let client = Client::new(Arc::new(meddler), None, Duration::from_secs(20));
    Engine::assemble(settings, providers, client, store, clock)
}

fn roles(roles: &'static str) -> impl Fn() -> Deed {
    move || Box::new(move |sim, id| assert!(sim.edit_user(id, |user| user.roles = roles.into())))
}

fn bot() -> Deed {
    Box::new(|sim, id| assert!(sim.edit_user(id, |user| user.is_bot = true)))
}

/// Whatever the plan wants of somebody: who got rights since, or became a bot, is left alone.
#[tokio::test]
async fn who_got_rights_meanwhile_is_left_alone() {
    let deeds: [Box<dyn Fn() -> Deed>; 3] = [
        Box::new(roles("system_user system_admin")),
        Box::new(roles("system_user system_manager")),
        Box::new(bot),
    ];
    for deed in deeds {
        let kinds: [(&str, Change); 5] = [
            ("deactivate", |file| file.lock(0..1)),
            ("rename", |file| file.edit(0, |p| p.uid = "other".into())),
            ("email", |file| {
                file.edit(0, |p| p.mail = "other@example.org".into())
            }),
            ("update", |file| file.edit(0, |p| p.sn = "Other".into())),
            ("reactivate", |file| file.edit(1, |p| p.locked = false)),
        ];
        for (kind, change) in kinds {
            let stage = Stage::new(Version::V11);
            let mut file = File::new(3);
            file.lock(1..2);
            let mut engine = file.engine(&stage, testkit::file::NO_GRACE);
            cycle(&stage, &mut engine).await;
            file.edit(1, |p| p.locked = false);
            cycle(&stage, &mut engine).await;
            file.lock(1..2);
            cycle(&stage, &mut engine).await;
            change(&mut file);
            if kind == "reactivate" {
                // The first of the two readings that must agree.
                try_cycle(&stage, &mut engine).await.unwrap();
            }
            let name = if kind == "reactivate" {
                "user001"
            } else {
                "user000"
            };
            let mut before = stage.user(name);
            let mut engine = meddled(&stage, &engine, name, deed());
            let done = try_cycle(&stage, &mut engine).await.unwrap();
            let report = &done.summary.facts;
            assert_eq!(report.not_done.len(), 1, "{kind}: {report:?}");
            assert_eq!(done.writes, 0, "{kind}");
            let after = stage.user(name);
            before.roles.clone_from(&after.roles);
            (before.is_bot, before.update_at) = (after.is_bot, after.update_at);
            assert_eq!(after, before, "{kind}");
        }
    }
}

/// An administrator deactivated the user once more: it is no longer our deactivation.
#[tokio::test]
async fn a_deactivation_that_was_moved_is_not_undone() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(2);
    let mut engine = file.engine(&stage, testkit::file::NO_GRACE);
    cycle(&stage, &mut engine).await;
    file.lock(0..1);
    cycle(&stage, &mut engine).await;
    file.edit(0, |person| person.locked = false);
    try_cycle(&stage, &mut engine).await.unwrap();
    let again: Deed = Box::new(|sim, id| sim.set_active(id, false));
    let mut engine = meddled(&stage, &engine, "user000", again);
    let done = try_cycle(&stage, &mut engine).await.unwrap();
    let report = &done.summary.facts;
    assert_eq!(report.not_done.len(), 1, "{report:?}");
    assert!(
        report.not_done[0].1.contains("the deactivation"),
        "{report:?}"
    );
    assert_eq!(done.writes, 0);
    for _ in 0..3 {
        try_cycle(&stage, &mut engine).await.unwrap();
        assert!(!stage.is_active("user000"));
    }
}

//! Everything but the directory: a simulated Mattermost, a state, a clock that stands still, and
//! what is asked of a cycle.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mattermost_sim::{Mattermost, Options, Sim, User, Version};
use mattersync::clock::Clock;
use mattersync::config::Settings;
use mattersync::cycle::{CycleError, Engine, Summary};
use mattersync::model::{
    Action, DirectoryId, Gap, HoldKey, LeftAlone, Memory, Now, Plan, Step, Subject, Timestamp, Why,
};
use mattersync::state::State;
use serde_json::json;
use tokio::sync::watch;

pub const HOUR: Duration = Duration::from_secs(60 * 60);

/// 2026-01-01.
const BEGIN: Timestamp = Timestamp(1_767_225_600_000);

/// A clock that moves only when it is told to, and the server's with it: no test depends on the
/// date of the machine.
pub struct HandClock {
    now: Mutex<Now>,
    server: Mattermost,
}

impl HandClock {
    fn new(server: Mattermost) -> Self {
        let now = Mutex::new(Now {
            wall: BEGIN,
            boot: HOUR,
            boot_id: "boot".into(),
        });
        Self { now, server }
    }

    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock().unwrap();
        now.wall = now.wall.after(by);
        now.boot += by;
        self.server.advance(by);
    }

    /// Sets our wall clock so much forward, or back, and no other clock.
    pub fn set_wall(&self, forward: i64) {
        let mut now = self.now.lock().unwrap();
        now.wall = Timestamp(now.wall.0 + forward);
    }

    /// The machine was started so long ago.
    pub fn reboot(&self, ago: Duration) {
        let mut now = self.now.lock().unwrap();
        now.boot = ago;
        now.boot_id.push('x');
    }
}

impl Clock for HandClock {
    fn now(&self) -> Now {
        self.now.lock().unwrap().clone()
    }
}

/// The stage on which a directory meets Mattermost.
pub struct Stage {
    pub sim: Sim,
    pub clock: Arc<HandClock>,
    pub store: Arc<State>,
    folder: tempfile::TempDir,
}

impl Stage {
    /// A Mattermost with an administrator and room for thousands, and a state that remembers
    /// nothing yet.
    pub fn new(version: Version) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sim = Sim::start(&Options {
            user_limit: None,
            config: json!({"TeamSettings": {"MaxUsersPerTeam": 100_000}}),
            now: Some(BEGIN.0),
            ..Options::new(version)
        });
        let sim = sim.unwrap();
        secret(&folder.path().join("token"), &sim.seed_admin("root.admin"));
        let clock = Arc::new(HandClock::new((*sim).clone()));
        Self {
            sim,
            clock,
            store: Arc::new(State::in_memory().unwrap()),
            folder,
        }
    }

    /// A secret in a file, as the configuration names it.
    pub fn secret(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        secret(&path, text);
        format!("{{ file = {:?} }}", path.display().to_string())
    }

    /// An engine for the configuration with this provider and these other sections. Every engine
    /// of a stage works on the same state, as a service does that was configured anew.
    pub fn engine(&self, provider: &str, rest: &str) -> Engine {
        let folder = self.folder.path();
        let text = format!(
            "[[provider]]\n{provider}\n\
             [mattermost]\nurl = {url:?}\ntoken = {{ file = {token:?} }}\n\
             requests-per-second = \"off\"\nconcurrency = 8\n\
             {rest}\n\
             [[team]]\ndisplay-name = \"Everybody\"\n\
             [state]\ndirectory = {folder:?}\n",
            url = self.sim.url(),
            token = folder.join("token").display().to_string(),
            folder = folder.display().to_string(),
        );
        let (settings, _) = Settings::parse(&text, Path::new("flow.toml"))
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        let store = Arc::clone(&self.store);
        let clock: Arc<dyn Clock> = Arc::<HandClock>::clone(&self.clock);
        Engine::new(settings, store, clock).unwrap()
    }

    /// The user of this name, who must be there.
    #[track_caller]
    pub fn user(&self, name: &str) -> User {
        let user = self.sim.user_named(name);
        user.unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    #[track_caller]
    pub fn is_active(&self, name: &str) -> bool {
        self.user(name).delete_at == 0
    }

    /// What is remembered.
    pub async fn memory(&self) -> Memory {
        self.store.load().await.unwrap()
    }

    /// Somebody lets a user in on Mattermost.
    #[track_caller]
    pub fn reactivate(&self, name: &str) {
        self.sim.set_active(&self.user(name).id, true);
    }

    /// An administrator switches on that users can be deleted for ever.
    pub fn allow_deletion(&self) {
        let switch = json!({"ServiceSettings": {"EnableAPIUserDeletion": true}});
        self.sim.set_config(&switch);
    }

    /// How many users are active, the administrator aside.
    pub fn active(&self) -> usize {
        let users = self.sim.users();
        users.iter().filter(|u| u.delete_at == 0).count() - 1
    }

    /// A cycle after which everything is as it should be: no step, no hold, no write.
    #[track_caller]
    pub fn assert_rests(&self, cycle: &Cycle) {
        assert_eq!(
            cycle.kinds(),
            [],
            "steps: {:#?}",
            cycle.summary.view.plan.steps
        );
        assert_eq!(cycle.holds(), [] as [&HoldKey; 0]);
        assert_eq!(cycle.writes, 0, "a cycle without difference sends no write");
    }
}

fn secret(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// One whole cycle, and how many writes the server counted.
pub struct Cycle {
    pub summary: Summary,
    pub writes: u64,
}

/// Runs one cycle in which nothing fails.
pub async fn cycle(stage: &Stage, engine: &mut Engine) -> Cycle {
    let cycle = try_cycle(stage, engine).await.unwrap();
    let report = &cycle.summary.facts;
    assert!(cycle.summary.facts.is_clean(), "{report:?}");
    cycle
}

/// Runs one cycle.
pub async fn try_cycle(stage: &Stage, engine: &mut Engine) -> Result<Cycle, CycleError> {
    let before = stage.sim.writes();
    let never = watch::channel(false).1;
    let summary = engine.run(never, &|_| {}, &|_| {}).await?;
    let writes = stage.sim.writes() - before;
    Ok(Cycle { summary, writes })
}

impl Cycle {
    pub fn plan(&self) -> &Plan {
        &self.summary.view.plan
    }

    /// What was carried out, by kind.
    pub fn kinds(&self) -> Vec<(&str, usize)> {
        let done = self.summary.facts.done.iter();
        done.map(|(kind, number)| (kind.name(), *number)).collect()
    }

    /// What waits for a person.
    pub fn holds(&self) -> Vec<&HoldKey> {
        self.plan().holds.iter().map(|hold| &hold.key).collect()
    }

    /// The steps about a user or somebody who would be called so.
    pub fn steps(&self, name: &str) -> Vec<&Step> {
        let steps = self.plan().steps.iter();
        steps.filter(|step| step.subject.name == name).collect()
    }

    /// How many steps are planned, held ones too, that take something or let somebody in again.
    pub fn grave(&self) -> usize {
        let steps = self.plan().steps.iter();
        let grave = |step: &&Step| {
            matches!(
                step.action,
                Action::Deactivate { .. } | Action::Reactivate { .. }
            )
        };
        steps.filter(grave).count()
    }

    /// Those who are left alone for a reason like this.
    pub fn left(&self, is: impl Fn(&LeftAlone) -> bool) -> usize {
        self.plan()
            .left_alone
            .iter()
            .filter(|left| is(left))
            .count()
    }

    /// Why the reading proves no absence.
    pub fn gaps(&self) -> Vec<Gap> {
        let directories = self.summary.view.directories.values();
        directories
            .flat_map(|d| d.accounts.gaps().to_vec())
            .collect()
    }

    /// How many accounts were read.
    pub fn accounts(&self) -> usize {
        let directories = self.summary.view.directories.values();
        directories.map(|d| d.accounts.len()).sum()
    }

    /// What is said of who is left alone, about accounts with this directory id.
    pub fn whys(&self, id: &DirectoryId) -> Vec<&Why> {
        let about = |s: &Subject| s.account.as_ref().is_some_and(|key| key.id == *id);
        let left = self.plan().left_alone.iter();
        left.filter(|l| about(&l.subject)).map(|l| &l.why).collect()
    }

    /// All who are left alone.
    pub fn left_alone(&self) -> &[LeftAlone] {
        &self.plan().left_alone
    }
}

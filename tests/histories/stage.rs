//! One history, lived through: the real engine with the real provider, the real state file and
//! the real client, between a directory server and a Mattermost that are simulated.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ldap_fault::{FaultServer, READER_PASSWORD, Script};
use mattermost_sim::{Mattermost, Options, TeamMember, User, UserLimit, Version};
use mattersync::config::{ProviderKind, Settings};
use mattersync::cycle::{CycleError, Engine};
use mattersync::desk::{Approved, DeskError};
use mattersync::mattermost::Client;
use mattersync::model::{Memory, Plan};
use mattersync::provider::Provider;
use mattersync::provider::ldap::LdapProvider;
use mattersync::state::State;
use serde_json::json;

use crate::events::{Fault, OUR_BOT, Setting};
use crate::happen::Chief;
use crate::ports::{Deed, Disk, Door, HandClock, Hub, Lie, Trouble, Wire};
use crate::prepare::{limits, own_bot};
use crate::served::{Locks, Served, serve};
use crate::world::{ANCHOR, BASE, CONTEXT, Directory, EXPIRY, OTHER_ID};
use testkit::desk;

/// 2026-01-01.
pub const BEGIN: i64 = 1_767_225_600_000;

const DAY: i64 = 24 * 3_600_000;

/// What one thread keeps from history to history.
pub struct Lab {
    /// The engine's runtime: nobody waits in it, its clock is moved on.
    pub runtime: tokio::runtime::Runtime,
    /// The directory's runtime, with sockets and a clock that runs.
    directory: tokio::runtime::Runtime,
    server: FaultServer,
    /// The password for the directory.
    secret: tempfile::NamedTempFile,
    /// Where state files lie: in memory, if the system has such a place.
    memory: PathBuf,
}

impl Lab {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let directory = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let mut script = Script::new(CONTEXT, Vec::new());
        let schema = [
            "nsAccountLock",
            "pwdAccountLockedTime",
            ANCHOR,
            EXPIRY,
            OTHER_ID,
        ];
        script.schema = schema.map(Into::into).into();
        let server = directory.block_on(FaultServer::start(script)).unwrap();
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), READER_PASSWORD).unwrap();
        let memory = Path::new("/dev/shm");
        let memory = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        Self {
            runtime,
            directory,
            server,
            secret,
            memory,
        }
    }
}

/// Both sides at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub users: BTreeMap<String, User>,
    pub members: Vec<TeamMember>,
    pub memory: Memory,
    /// Who is linked to which user, by the number of the account.
    pub linked: BTreeMap<u32, String>,
    /// The same the other way round.
    pub accounts: BTreeMap<String, BTreeSet<u32>>,
}

/// What one cycle did.
pub struct Cycle {
    pub before: Snapshot,
    pub after: Snapshot,
    pub served: Served,
    pub deeds: Vec<Deed>,
    pub requests: u32,
    /// What was said of Mattermost, if it was not the truth.
    pub lie: Lie,
    pub lied: u32,
    pub teams: usize,
    /// The users as an old list had them, if one was shown.
    pub old: Option<BTreeMap<String, User>>,
    /// Whom the server refuses.
    pub refused: BTreeSet<u32>,
    /// The plan, if it came so far that one was told.
    pub plan: Option<Plan>,
    pub error: Option<String>,
    /// What went wrong on the way.
    pub struck: Vec<&'static str>,
    pub killed: bool,
    /// Who was ordered to be deactivated, if this was no cycle but an order.
    pub order: Option<String>,
    /// True time, in milliseconds.
    pub at: i64,
    pub wall: i64,
}

pub struct Stage<'l> {
    lab: &'l Lab,
    pub setting: Setting,
    pub sim: Mattermost,
    pub hub: Arc<Hub>,
    pub clock: Arc<HandClock>,
    pub directory: Directory,
    pub served: Served,
    pub chief: Chief,
    token: Option<String>,
    pub folder: tempfile::TempDir,
    pub engine: Option<Engine>,
    pub disk: Option<Arc<State>>,
    pub copy: Option<BTreeMap<&'static str, Vec<u8>>>,
    /// The server as it was before each of the last rounds, the youngest first; where any list will
    /// be of then.
    replicas: Option<VecDeque<Mattermost>>,
}

/// The oldest list is of so many rounds ago.
const ROUNDS: usize = 3;

impl<'l> Stage<'l> {
    pub fn new(lab: &'l Lab, setting: &Setting, seed: u64) -> Self {
        let version = if setting.new_server {
            Version::V11
        } else {
            Version::V5_38
        };
        let sim = Mattermost::new(&Options {
            config: json!({
                "EmailSettings": {"RequireEmailVerification": setting.verifies},
                "TeamSettings": {"MaxUsersPerTeam": setting.room},
                "ServiceSettings": {"EnableAPIUserDeletion": setting.purge},
            }),
            user_limit: setting.seats.filter(|_| setting.new_server).map(|more| {
                let hard = u64::from(setting.people + more);
                UserLimit { warn: hard, hard }
            }),
            seed,
            now: Some(BEGIN),
            ..Options::new(version)
        });
        sim.stop_clock();
        let mut token = sim.seed_admin("root.admin");
        let chief = Chief {
            token: sim.seed_admin("chief"),
        };
        if setting.own_account() == Some(OUR_BOT) {
            token = own_bot(&sim);
        }
        let clock = HandClock::new(BEGIN);
        let directory = Directory::new(setting.people);
        let mut directory = directory;
        directory.today = BEGIN / DAY;
        let locks = locks(setting, directory.today, BEGIN);
        let served = serve(&lab.server, &directory, &Fault::None, locks);
        let folder = tempfile::Builder::new()
            .prefix("history-")
            .tempdir_in(&lab.memory)
            .unwrap();
        let mut stage = Self {
            lab,
            hub: Hub::new(sim.clone(), Arc::clone(&clock)),
            token: (!setting.socket).then_some(token),
            setting: setting.clone(),
            sim,
            clock,
            directory,
            served,
            chief,
            folder,
            engine: None,
            disk: None,
            copy: None,
            replicas: None,
        };
        stage.start();
        stage
    }

    fn configuration(&self) -> Settings {
        let s = &self.setting;
        let access = match self.token {
            Some(_) => "url = \"http://127.0.0.1:1\"\ntoken = { file = \"/nonexistent\" }",
            None => "socket = \"/nonexistent\"",
        };
        let text = format!(
            "[[provider]]\nurls = [{url:?}]\nschema = \"rfc2307\"\nbase = \"{BASE}\"\n\
             bind-dn = \"cn=reader,{CONTEXT}\"\nbind-password = {{ file = {secret:?} }}\n\
             page-size = {page}\n\
             [accounts]\nemail = [{mail}]\nfull-name = []\ngroup-filter = \"\"\n\
             lock = [\"{lock}\"{dates}]\n{anchor}{id}\
             [mattermost]\n{access}\nrequests-per-second = \"off\"\nconcurrency = {concurrency}\n\
             [policy]\nadopt = \"{adopt}\"\ngrace = \"{grace}\"\nprotect = [{protect}]\n\
             reactivated-by-hand = \"{by_hand}\"\n{purge}\
             [policy.attributes]\nposition = \"directory\"\n\
             [guard]\n{limits}\n\
             [[team]]\ndisplay-name = \"Everybody\"\n\
             [state]\ndirectory = {folder:?}\n",
            url = self.lab.server.url(),
            secret = self.lab.secret.path().display().to_string(),
            page = s.page,
            mail = if s.fallback {
                "\"mail\", \"{uid}@example.org\""
            } else {
                "\"mail\""
            },
            lock = s.lock.attribute(),
            concurrency = s.concurrency,
            adopt = s.adopt,
            grace = if s.grace_hours == 0 {
                "0s".to_owned()
            } else {
                format!("{}h", s.grace_hours)
            },
            dates = if s.dates {
                format!(", {EXPIRY:?}")
            } else {
                String::new()
            },
            anchor = if s.anchors {
                format!("second-anchor = {ANCHOR:?}\n")
            } else {
                String::new()
            },
            id = if self.directory.other_ids {
                format!("id = {OTHER_ID:?}\n")
            } else {
                String::new()
            },
            purge = if s.purge {
                "purge-after = \"30d\"\n"
            } else {
                ""
            },
            by_hand = if s.enforce { "enforce" } else { "respect" },
            limits = limits(s.limits),
            protect = if s.protect { "\"vip\"" } else { "" },
            folder = self.folder.path().display().to_string(),
        );
        let (settings, _) = Settings::parse(&text, Path::new("history.toml"))
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        settings
    }

    /// A new process: everything is made anew, from what is on disk.
    pub fn start(&mut self) {
        self.engine = None;
        self.disk = None;
        let settings = self.configuration();
        self.hub.rest();
        let provider = &settings.providers[0];
        let ProviderKind::Ldap(ldap) = &provider.kind else {
            panic!("no ldap");
        };
        let door = Door {
            hub: Arc::clone(&self.hub),
            real: LdapProvider::new(ldap.clone(), provider.mapping.clone(), Vec::new()),
            runtime: self.lab.directory.handle().clone(),
        };
        let wire = Wire {
            hub: Arc::clone(&self.hub),
            token: self.token.clone(),
        };
        let access = &settings.mattermost;
        let client = Client::new(Arc::new(wire), access.pace, access.timeout);
        let disk = Arc::new(Disk::open(&self.hub, self.folder.path()).unwrap());
        let store = Arc::clone(&disk);
        let clock = Arc::<HandClock>::clone(&self.clock);
        let door: Box<dyn Provider> = Box::new(door);
        let providers = BTreeMap::from([(provider.name.clone(), door)]);
        let engine = Engine::assemble(settings, providers, client, store, clock);
        self.engine = Some(engine);
        self.disk = Some(disk);
    }

    pub fn memory(&self) -> Memory {
        let disk = self.disk.as_ref().unwrap();
        self.lab.runtime.block_on(disk.load()).unwrap()
    }

    pub fn snapshot(&self) -> Snapshot {
        let memory = self.memory();
        let mut linked = BTreeMap::new();
        let mut accounts: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for (key, link) in memory.links() {
            if let Some(number) = Directory::number_of(key.id.as_str()) {
                linked.insert(number, link.user.to_string());
                accounts
                    .entry(link.user.to_string())
                    .or_default()
                    .insert(number);
            }
        }
        Snapshot {
            users: users_of(&self.sim),
            members: self.sim.team_members(),
            memory,
            linked,
            accounts,
        }
    }

    /// The directory answers from now on as it is.
    pub fn serve(&mut self, fault: &Fault) {
        let wall = mattersync::clock::Clock::now(self.clock.as_ref()).wall.0;
        let locks = locks(&self.setting, self.directory.today, wall);
        self.served = serve(&self.lab.server, &self.directory, fault, locks);
    }

    pub fn pass(&mut self, minutes: u32) {
        let by = Duration::from_secs(60 * u64::from(minutes));
        self.clock.advance(by);
        self.sim.advance(by);
        self.directory.today = (BEGIN + self.clock.truth()) / DAY;
    }

    /// From now on the server is kept as it was before each round.
    pub fn keep_replicas(&mut self) {
        self.replicas = Some(VecDeque::new());
    }

    /// A round begins.
    pub fn begin_round(&mut self) {
        if let Some(replicas) = &mut self.replicas {
            replicas.push_front(self.sim.replica());
            replicas.truncate(ROUNDS);
        }
    }

    /// One cycle with trouble, in which this is said of Mattermost. A process that was killed is
    /// started again.
    pub fn cycle(&mut self, trouble: Trouble, lie: Lie) -> Cycle {
        self.work(trouble, lie, |engine, stop, runtime| {
            let never = |_| {};
            let run = runtime.block_on(engine.run(stop, &never, &|_| {}))?;
            Ok(run.view.plan)
        })
    }

    /// Whether mattersync remembers a team that it filled.
    pub fn knows_a_team(&self) -> bool {
        !self.snapshot().memory.places.is_empty()
    }

    /// How many people the server refuses.
    pub fn refused_for_ever(&self) -> usize {
        self.hub.refused(&BTreeMap::new()).len()
    }

    /// Somebody orders `mattersync deactivate`. `Err` when it is refused.
    pub fn order(&mut self, user: &str) -> Cycle {
        let person = user.to_owned();
        let mut cycle = self.work(
            Trouble::default(),
            Lie::None,
            |engine, _, runtime| match runtime.block_on(desk::deactivate(engine, &person, "alice"))
            {
                Ok(report) => Ok(report.plan.plan),
                Err(DeskError::Cycle(error)) => Err(error),
                Err(_) => Err(CycleError::State(mattersync::state::StateError::Refused(
                    "the order".into(),
                ))),
            },
        );
        cycle.order = Some(user.to_owned());
        cycle
    }

    fn work(
        &mut self,
        trouble: Trouble,
        lie: Lie,
        run: impl FnOnce(
            &mut Engine,
            tokio::sync::watch::Receiver<bool>,
            &tokio::runtime::Runtime,
        ) -> Result<Plan, CycleError>,
    ) -> Cycle {
        let before = self.snapshot();
        self.hub
            .know_refused(|number| before.linked.get(&number).cloned());
        let replica = match (&lie, &self.replicas) {
            (Lie::Stale(rounds), Some(replicas)) => {
                let oldest = replicas.len().saturating_sub(1);
                replicas.get((*rounds as usize).min(oldest)).cloned()
            }
            _ => None,
        };
        let old = replica.as_ref().map(users_of);
        let stop = self.hub.arm(trouble, lie.clone(), replica);
        let result = run(self.engine.as_mut().unwrap(), stop, &self.lab.runtime);
        let after = self.snapshot();
        let (plan, error) = match result {
            Ok(plan) => (Some(plan), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let refused = self.hub.refused(&after.linked);
        let cycle = Cycle {
            before,
            after,
            served: self.served.clone(),
            deeds: self.hub.deeds(),
            requests: self.hub.requests(),
            lied: self.hub.lied(),
            teams: self.sim.teams().len(),
            old: old.filter(|_| self.hub.lied() > 0),
            lie: if self.hub.lied() > 0 { lie } else { Lie::None },
            refused,
            plan,
            error,
            struck: self.hub.struck(),
            killed: self.hub.is_dead(),
            order: None,
            at: self.clock.truth(),
            wall: mattersync::clock::Clock::now(self.clock.as_ref()).wall.0,
        };
        if cycle.killed {
            self.start();
        }
        cycle
    }

    /// Shows a person what is held and why.
    pub fn show_holds(&mut self) -> Option<Plan> {
        self.hub.rest();
        let engine = self.engine.as_mut().unwrap();
        let shown = self.lab.runtime.block_on(desk::show_holds(engine));
        shown.ok().map(|report| report.plan)
    }

    /// A person approves. `None` when nothing was released.
    pub fn approve(&mut self, what: &str) -> Option<Approved> {
        self.hub.rest();
        let engine = self.engine.as_mut().unwrap();
        let word = desk::approve(engine, what, "alice");
        self.lab.runtime.block_on(word).ok()
    }

    /// Users whom mattersync is linked to, by the number of their account.
    pub fn linked(&self, snapshot: &Snapshot) -> Vec<(u32, User)> {
        let linked = snapshot.linked.iter();
        linked
            .filter_map(|(number, id)| Some((*number, snapshot.users.get(id)?.clone())))
            .collect()
    }
}

fn locks(setting: &Setting, today: i64, wall: i64) -> Locks {
    Locks {
        lock: setting.lock,
        dates: setting.dates,
        today,
        today_by_clock: wall.div_euclid(DAY),
    }
}

fn users_of(sim: &Mattermost) -> BTreeMap<String, User> {
    let users = sim.users().into_iter();
    users.map(|user| (user.id.clone(), user)).collect()
}

//! A small world in memory: a directory, a Mattermost, what is remembered, and a clock. Plans are
//! made and carried out in it as the product does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mattersync::model::{
    Account, AccountKey, AccountState, Approval, Directories, Directory, DirectoryId, Dn,
    EmailCandidates, Gap, HoldKey, IdAttribute, LeftAlone, Link, Lookup, Memory, Nonce, Now, Order,
    Plan, Precondition, ProfileField, ProviderName, Rejected, Remember, Roster, Shape,
    SourceIdentity, Step, StepId, Timestamp, User, UserId,
};
use mattersync::plan::{
    AdoptRule, Authority, Effect, LifecyclePolicy, Limit, Policy, Settled, TeamPolicy, World,
    before, begun, keep_usernames, outcome_by_reading, plan, remember,
};

use crate::server::{Made, Server, proof};

pub const HOUR: Duration = Duration::from_secs(3600);
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// Everything.
#[derive(Clone, Debug)]
pub struct MiniWorld {
    pub accounts: BTreeMap<DirectoryId, Account>,
    pub rejected: Vec<Rejected<DirectoryId>>,
    /// Accounts that the reading does not show although they are there.
    pub hidden: BTreeSet<DirectoryId>,
    /// Lock attributes that nobody shows and that may have been hidden.
    pub hidden_locks: BTreeSet<String>,
    /// Lock attributes that nobody shows, whether or not they may have been hidden.
    pub unseen_locks: BTreeSet<String>,
    /// Why the reading proves nothing.
    pub gaps: Vec<Gap>,
    /// What the look-up by id says instead of "nowhere"; `None` for a look-up that was not made.
    pub lookups: BTreeMap<DirectoryId, Option<Result<Lookup, Gap>>>,
    pub identity: SourceIdentity,
    /// The id attribute that the configuration names now, if it is another than before.
    pub new_ids: Option<IdAttribute>,
    /// Numbers of the mapping's attributes besides `mail`.
    pub attributes: BTreeMap<String, usize>,
    pub server: Server,
    pub memory: Memory,
    pub policy: Policy,
    pub now: Now,
    /// Steps whose outcome was lost with the process.
    pub unsettled: Vec<Step>,
    /// Writes (counted from zero over the world's life) that the server refuses.
    pub refuse: BTreeSet<usize>,
    /// The write after which the process dies before it can note the outcome.
    pub die_after: Option<usize>,
}

/// What happened when a plan was carried out.
#[derive(Debug, Default)]
pub struct Run {
    pub done: Vec<Step>,
    /// Steps that the server refused, or that did not find what they expect, with the reason.
    pub surprises: Vec<(Step, String)>,
    /// Steps that were not begun because one that they wait for was not done.
    pub skipped: Vec<Step>,
}

pub fn provider() -> ProviderName {
    ProviderName::new("company")
}

pub fn id(name: &str) -> DirectoryId {
    DirectoryId::new(name)
}

pub fn key(name: &str) -> AccountKey {
    AccountKey {
        provider: provider(),
        id: id(name),
    }
}

/// An active account `name` with the address `name@example.org`, in `ou=people`.
pub fn account(the_id: &str, name: &str) -> Account {
    Account {
        id: id(the_id),
        dn: format!("uid={name},ou=people,dc=example"),
        username: name.into(),
        other_usernames: Vec::new(),
        emails: emails(&[&format!("{name}@example.org")]),
        profile: BTreeMap::from([(ProfileField::FirstName, name.to_uppercase())]),
        state: AccountState::Active,
        expires: None,
        groups: BTreeSet::new(),
        unreadable: BTreeMap::new(),
        anchor: None,
        new_id: None,
    }
}

/// Candidates from the attribute `mail`.
pub fn emails(values: &[&str]) -> Vec<EmailCandidates> {
    vec![EmailCandidates {
        source: "mail".into(),
        values: values.iter().map(|v| (*v).to_owned()).collect(),
    }]
}

pub fn locked() -> AccountState {
    AccountState::Locked {
        attribute: "loginshell".into(),
        value: "/sbin/nologin".into(),
        expired: None,
    }
}

/// All fields decided by the directory, one team, no limits but on adoptions.
pub fn policy() -> Policy {
    use mattersync::model::Class;
    let free = Class::ALL.into_iter().filter(|c| *c != Class::Adopt);
    Policy {
        adopt: AdoptRule::UsernameAndEmail,
        grace: DAY,
        protect: BTreeSet::new(),
        first_admin: None,
        seat_order: Vec::new(),
        fields: ProfileField::ALL
            .into_iter()
            .map(|f| (f, Authority::Directory))
            .collect(),
        username: Authority::Directory,
        email: Authority::Directory,
        teams: vec![TeamPolicy {
            name: "example".into(),
            display_name: "Example Org".into(),
        }],
        lifecycle: LifecyclePolicy::default(),
        guard: free.map(|c| (c, Limit::Off)).collect(),
        scopes: BTreeMap::new(),
    }
}

impl MiniWorld {
    /// Nobody in the directory, one administrator on the server.
    pub fn new() -> Self {
        Self {
            accounts: BTreeMap::new(),
            rejected: Vec::new(),
            hidden: BTreeSet::new(),
            hidden_locks: BTreeSet::new(),
            unseen_locks: BTreeSet::new(),
            gaps: Vec::new(),
            lookups: BTreeMap::new(),
            new_ids: None,
            identity: SourceIdentity {
                name: "ldaps://dc1".into(),
                context: "dc=example".into(),
                server: Some("one".into()),
                ..SourceIdentity::default()
            },
            attributes: BTreeMap::new(),
            server: Server::new(),
            memory: Memory::default(),
            policy: policy(),
            now: Now {
                wall: Timestamp(1_700_000_000_000),
                boot: HOUR,
                boot_id: "boot-1".into(),
            },
            unsettled: Vec::new(),
            refuse: BTreeSet::new(),
            die_after: None,
        }
    }

    /// A world in which these people (id and name are the same) have users already.
    pub fn with(names: &[&str]) -> Self {
        let mut world = Self::new();
        for name in names {
            world.join(name, name);
        }
        let run = world.cycle().1;
        assert_eq!(run.done.len(), names.len() * 2 + 1, "{run:?}");
        world.cycle();
        world
    }

    pub fn join(&mut self, the_id: &str, name: &str) {
        self.accounts.insert(id(the_id), account(the_id, name));
    }

    pub fn account(&mut self, the_id: &str) -> &mut Account {
        self.accounts.get_mut(&id(the_id)).expect("an account")
    }

    pub fn lock(&mut self, the_id: &str) {
        self.account(the_id).state = locked();
    }

    pub fn unlock(&mut self, the_id: &str) {
        self.account(the_id).state = AccountState::Active;
    }

    pub fn leave(&mut self, the_id: &str) -> Account {
        self.accounts.remove(&id(the_id)).expect("an account")
    }

    pub fn link(&self, the_id: &str) -> &Link {
        self.memory.link(&key(the_id)).expect("a link")
    }

    /// The user of an account.
    pub fn user(&self, the_id: &str) -> &User {
        &self.server.users[&self.link(the_id).user]
    }

    pub fn user_id(&self, the_id: &str) -> UserId {
        self.link(the_id).user.clone()
    }

    /// Lets time pass on every clock.
    pub fn tick(&mut self, span: Duration) {
        self.now.wall = self.now.wall.after(span);
        self.now.boot += span;
    }

    pub fn order(&mut self, the_id: &str) {
        let order = Order {
            by: "alice".into(),
            at: self.now.wall,
        };
        let user = self.user_id(the_id);
        self.memory.users.entry(user).or_default().order = Some(order);
    }

    /// What one reading of the directory says.
    pub fn directory(&self) -> Directory {
        let shown = self
            .accounts
            .iter()
            .filter(|(id, _)| !self.hidden.contains(id));
        let items: BTreeMap<_, _> = shown.map(|(id, a)| (id.clone(), a.clone())).collect();
        let mut shape = Shape {
            accounts: items.len(),
            attributes: self.attributes.clone(),
            ..Shape::default()
        };
        let with_mail = items.values().filter(|a| has_mail(a)).count();
        shape.attributes.insert("mail".into(), with_mail);
        for account in items.values() {
            let parent = account.dn.split_once(',').map_or("", |(_, parent)| parent);
            *shape.containers.entry(Dn::of(parent)).or_default() += 1;
        }
        let absence = match self.gaps.is_empty() {
            true => Ok(proof(items.len())),
            false => Err(self.gaps.clone()),
        };
        let linked = self
            .memory
            .links()
            .map(|(key, _)| key)
            .map(|key| key.id.clone());
        let gone: Vec<_> = linked.filter(|id| !items.contains_key(id)).collect();
        let rejected = self.rejected.clone();
        let mut accounts = Roster::new(items, rejected, absence, self.identity.clone());
        for id in gone {
            let said = match self.lookups.get(&id) {
                Some(said) => said.clone(),
                None if self.gaps.is_empty() => Some(Ok(Lookup::Nowhere)),
                None => None,
            };
            if let Some(said) = said {
                accounts.add_lookup(id, said);
            }
        }
        let mut directory = Directory {
            accounts,
            groups: Roster::unread(),
            shape,
            state_unknown: 0,
            hidden_locks: self.hidden_locks.clone(),
            unseen_locks: self.unseen_locks.clone(),
            new_ids: self.new_ids.clone(),
        };
        keep_usernames(
            &mut directory,
            &provider(),
            &self.server.roster(),
            &self.memory,
        );
        directory
    }

    pub fn directories(&self) -> Directories {
        BTreeMap::from([(provider(), self.directory())])
    }

    /// The plan of now. Making it changes nothing.
    pub fn plan(&self) -> Plan {
        self.plan_of(&self.directories())
    }

    pub fn plan_of(&self, directories: &Directories) -> Plan {
        let (users, places, server) = (
            self.server.roster(),
            self.server.places(),
            self.server.facts(),
        );
        let world = World {
            directories,
            users: &users,
            places: &places,
            server: &server,
            memory: &self.memory,
            counted: None,
        };
        plan(&world, &self.policy, &self.now)
    }

    /// Settles what is unsettled, plans, and carries the plan out.
    pub fn cycle(&mut self) -> (Plan, Run) {
        for step in std::mem::take(&mut self.unsettled) {
            let (users, places) = (self.server.roster(), self.server.places());
            match outcome_by_reading(&step, &users, &places, &self.memory, &self.now) {
                Settled::Done(delta) | Settled::Perhaps { delta, .. } => self.learn(&delta),
                Settled::NotDone => {}
                Settled::Unknown => self.unsettled.push(step),
            }
        }
        let plan = self.plan();
        let run = self.carry_out(&plan);
        (plan, run)
    }

    fn learn(&mut self, delta: &[Remember]) {
        for change in delta {
            self.memory.remember(change);
        }
    }

    /// Carries the released steps out in their order.
    pub fn carry_out(&mut self, plan: &Plan) -> Run {
        self.learn(&plan.learned);
        let mut run = Run::default();
        let mut made = Made::default();
        let mut done: BTreeSet<StepId> = BTreeSet::new();
        for step in plan.released() {
            if !step.after.iter().all(|id| done.contains(id)) {
                run.skipped.push(step.clone());
                continue;
            }
            if let Err(why) = self.expected(step) {
                run.surprises.push((step.clone(), why));
                continue;
            }
            self.learn(&before(step, &self.memory));
            let nonce = format!("nonce-{}-{}", self.server.writes, step.id.0);
            let new = || Ok::<_, std::convert::Infallible>(Nonce::new(nonce));
            let Ok(begun) = begun(step, &self.memory, new);
            self.learn(Vec::from_iter(begun).as_slice());
            let nonce = step
                .action
                .account()
                .and_then(|key| self.memory.account(key).begun.as_ref());
            let nonce = nonce.map_or_else(String::new, |begun| begun.nonce.to_string());
            if self.refuse.contains(&self.server.writes) {
                self.server.writes += 1;
                run.surprises.push((step.clone(), "told to".into()));
                continue;
            }
            let write = self.server.writes;
            match self.server.execute(&step.action, &made, &nonce) {
                Err(why) => run.surprises.push((step.clone(), why)),
                Ok(_) if self.die_after == Some(write) => {
                    self.unsettled.push(step.clone());
                    return run;
                }
                Ok(effect) => {
                    match &effect {
                        Effect::Created(user) => {
                            made.users.insert(step.id, user.id.clone());
                        }
                        Effect::TeamMade(team) => {
                            made.teams.insert(step.id, team.clone());
                        }
                        _ => {}
                    }
                    self.learn(&remember(step, &effect, &self.memory, &self.now));
                    done.insert(step.id);
                    run.done.push(step.clone());
                }
            }
        }
        run
    }

    /// What the applier checks right before a step.
    fn expected(&self, step: &Step) -> Result<(), String> {
        let user = step.action.user().and_then(|id| self.server.users.get(id));
        let promoted = user.is_some_and(|user| user.is_privileged() && !step.privileged);
        if promoted && step.expects != Precondition::Nothing {
            return Err("the user has more rights than before".into());
        }
        let met = match (&step.expects, user) {
            (Precondition::Nothing, _) => true,
            (_, None) => false,
            (Precondition::Active, Some(user)) => user.is_active(),
            (Precondition::DeactivatedAt(at), Some(user)) => user.deactivated_at == Some(*at),
            (Precondition::Username(name), Some(user)) => &user.username == name,
            (Precondition::Email(email), Some(user)) => &user.email == email,
            (Precondition::Profile(fields), Some(user)) => fields
                .iter()
                .all(|(field, value)| user.field(*field) == value),
            (Precondition::BotOwner(owner), _) => self.server.bot_owner.as_ref() == Some(owner),
        };
        met.then_some(())
            .ok_or_else(|| format!("{:?} is not so", step.expects))
    }

    /// Approves what a plan shows as held under this key.
    pub fn approve(&mut self, plan: &Plan, key: &HoldKey) {
        let hold = plan.holds.iter().find(|h| &h.key == key).expect("a hold");
        let approval = Approval {
            steps: hold.fingerprints.clone(),
            by: "alice".into(),
            at: self.now.wall,
            until: self.now.wall.after(3 * DAY),
        };
        self.memory.holds.entry(key.clone()).or_default().approval = Some(approval);
    }
}

fn has_mail(account: &Account) -> bool {
    let mut candidates = account.emails.iter();
    candidates.any(|c| c.source == "mail" && !c.values.is_empty())
}

/// What the plan says about leaving an account alone.
pub fn left<'p>(plan: &'p Plan, the_id: &str) -> Vec<&'p LeftAlone> {
    let about = plan.left_alone.iter();
    about
        .filter(|l| l.subject.account.as_ref() == Some(&key(the_id)))
        .collect()
}

/// The kinds of an account's steps, in order, held ones in brackets.
pub fn kinds(plan: &Plan, the_id: &str) -> Vec<String> {
    let held = plan.held();
    let about = plan
        .steps
        .iter()
        .filter(|s| s.action.account() == Some(&key(the_id)));
    about
        .map(|s| match held.contains(&s.id) {
            true => format!("({})", s.action.kind()),
            false => s.action.kind().to_string(),
        })
        .collect()
}

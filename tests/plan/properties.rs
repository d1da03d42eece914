//! What holds for every plan, whatever happened before: checked on random histories of a small
//! organisation, its Mattermost, its administrators and its misfortunes.

use std::collections::{BTreeMap, BTreeSet};

use mattersync::model::{
    AccountChange, AccountKey, AccountState, Action, Class, Directory, Evidence, Fingerprint,
    HoldKey, Memory, Plan, Reason, Remember, Roster, User, UserId,
};
use mattersync::plan::{legal_username, limit};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, RngSeed};

use testkit::history::{Event, history, limited};
use testkit::world::{MiniWorld, Run, provider};

fn config() -> Config {
    Config {
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(20_260_101),
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    }
}

/// Lets the history happen; `check` sees each world before a cycle and what the cycle did.
fn live(
    mut world: MiniWorld,
    events: &[Event],
    mut check: impl FnMut(&MiniWorld, &Plan, &Run, &MiniWorld) -> Result<(), TestCaseError>,
) -> Result<MiniWorld, TestCaseError> {
    for event in events {
        for part in world.parts(event) {
            if world.happen(&part) {
                let before = world.clone();
                let (plan, run) = world.cycle();
                check(&before, &plan, &run, &world)?;
            }
        }
    }
    Ok(world)
}

fn nothing_to_check(_: &MiniWorld, _: &Plan, _: &Run, _: &MiniWorld) -> Result<(), TestCaseError> {
    Ok(())
}

/// Whether `protect` names a user: by the directory's name if one is known, else by the present.
fn is_protected(world: &MiniWorld, user: &User) -> bool {
    let mut links = world.memory.links();
    let linked = links.find(|(_, link)| link.user == user.id);
    let raw = linked.map(|(key, link)| {
        let account = world.directory().accounts.get(&key.id).cloned();
        account.map_or_else(|| link.last_username.clone(), |a| a.username)
    });
    let name = raw.map(|raw| legal_username(&raw).unwrap_or(raw));
    let protect = &world.policy.protect;
    protect.contains(name.as_ref().unwrap_or(&user.username))
}

/// Nothing unexpected happens any more.
fn calm(world: &mut MiniWorld) {
    world.refuse.clear();
    world.die_after = None;
}

proptest! {
    #![proptest_config(config())]

    /// With nothing new in the world, the second plan may only do what needs two readings (who
    /// returns, what that makes room for); from the third on nothing is left to do.
    #[test]
    fn carried_out_plans_leave_nothing_to_do((world, events) in history()) {
        let mut world = live(world, &events, nothing_to_check)?;
        calm(&mut world);
        world.cycle();
        // Limits grow with the number of users: with a guard there is more to wait for.
        let rounds = if limited(&world, Class::Create) { 8 } else { 2 };
        for _ in 0..rounds {
            world.cycle();
        }
        let server = format!("{:?}", world.server);
        for _ in 0..3 {
            let (plan, run) = world.cycle();
            prop_assert_eq!(plan.released().count(), 0, "still wanted: {:#?}", plan.steps);
            prop_assert!(run.done.is_empty());
        }
        prop_assert_eq!(server, format!("{:?}", world.server));
    }

    /// What the steady state learns, it learns once: only the count of absences goes on.
    #[test]
    fn a_steady_world_teaches_nothing((world, events) in history()) {
        let mut world = live(world, &events, nothing_to_check)?;
        calm(&mut world);
        for _ in 0..10 {
            world.cycle();
        }
        for change in world.plan().learned {
            let counts = matches!(&change, Remember::Account(_, AccountChange::Absence(Some(_))));
            prop_assert!(counts, "learned again: {change:?}");
        }
    }

    /// The server never refuses, and nothing is found other than expected, unless something was
    /// made to fail: no two users get one name or address, no seat is overdrawn.
    #[test]
    fn nothing_surprises_a_released_step((world, events) in history()) {
        live(world, &events, |_, plan, run, after| {
            let told: Vec<_> = run.surprises.iter().filter(|(_, why)| why != "told to").collect();
            let failed = run.surprises.iter().any(|(_, why)| why == "told to");
            prop_assert!(told.is_empty() || failed, "{told:#?}\n{:#?}", plan.steps);
            prop_assert!(run.skipped.is_empty() || failed, "{:#?}", run.skipped);
            let mut names = BTreeSet::new();
            let mut emails = BTreeSet::new();
            for user in after.server.users.values() {
                prop_assert!(names.insert(&user.username), "two {}", user.username);
                prop_assert!(emails.insert(&user.email), "two {}", user.email);
            }
            Ok(())
        })?;
    }

    /// Steps come after those that they wait for, and wait for steps of the same plan.
    #[test]
    fn the_order_of_steps_is_one_in_which_they_can_be_done((world, events) in history()) {
        live(world, &events, |_, plan, _, _| {
            let mut seen = BTreeSet::new();
            for step in &plan.steps {
                prop_assert!(step.after.iter().all(|id| seen.contains(id)), "{step:#?}");
                prop_assert!(seen.insert(step.id));
            }
            Ok(())
        })?;
    }

    /// An unproven reading takes nothing from anybody, whatever it shows.
    #[test]
    fn an_unproven_reading_takes_nothing((world, events) in history(), hidden in any::<u8>()) {
        let mut world = live(world, &events, nothing_to_check)?;
        world.happen(&Event::Gap(true));
        world.happen(&Event::Hide(hidden));
        let directory = world.directory();
        for step in world.plan().steps {
            match &step.action {
                Action::Deactivate { account, .. } => {
                    let ordered = matches!(step.reason, Reason::Ordered { .. });
                    let seen = account.as_ref().is_some_and(|key| seen_locked(&directory, key));
                    prop_assert!(ordered || seen, "{step:#?}");
                }
                Action::UpdateProfile { changes, .. } => {
                    prop_assert!(changes.values().all(|v| !v.to.is_empty()), "{step:#?}");
                }
                Action::ChangeEmail { account, email, .. } => {
                    let Evidence::Present(read) = directory.accounts.look(&account.id) else {
                        return Err(TestCaseError::fail("changed unseen"));
                    };
                    let best = read.emails.first().map(|c| c.values.clone()).unwrap_or_default();
                    prop_assert!(best.contains(&email.to), "a fall-back: {step:#?}");
                }
                Action::Reactivate { .. } => prop_assert!(false, "{step:#?}"),
                _ => {}
            }
        }
    }

    /// Users whom we neither created nor adopted are in no step but their adoption, those that
    /// wait for it, and a person's order; some users are in none at all.
    #[test]
    fn strangers_are_left_alone((world, events) in history()) {
        live(world, &events, |before, plan, _, after| {
            let links = before.memory.links().map(|(_, link)| link);
            let mut ours: BTreeSet<&UserId> = links.map(|l| &l.user).collect();
            // Created in a run whose outcome was lost, and found again.
            ours.extend(after.created());
            let adoptions: BTreeMap<_, _> = plan.steps.iter().filter_map(|s| match &s.action {
                Action::Adopt { user, .. } => Some((user.clone(), s.id)),
                _ => None,
            }).collect();
            for step in &plan.steps {
                let Some(id) = step.action.user() else { continue };
                let user = &before.server.users[id];
                prop_assert!(!user.is_bot, "{step:#?}");
                prop_assert!(!is_protected(before, user), "{step:#?}");
                if matches!(step.action, Action::Adopt { .. }) {
                    prop_assert!(!user.is_admin() && !user.is_guest(), "{step:#?}");
                    prop_assert!(!before.memory.links().map(|(_, link)| link).any(|l| &l.user == id));
                } else if !ours.contains(id) {
                    let waits = adoptions.get(id).is_some_and(|a| step.after.contains(a));
                    let ordered = matches!(step.reason, Reason::Ordered { .. });
                    prop_assert!(waits || ordered, "{step:#?}");
                }
            }
            Ok(())
        })?;
    }

    /// A user stands for one account for ever, and a last active human administrator stays.
    #[test]
    fn nobody_gets_another_persons_user((world, events) in history()) {
        let mut persons: BTreeMap<UserId, AccountKey> = BTreeMap::new();
        live(world, &events, |before, _, _, after| {
            for (key, link) in after.memory.links() {
                let person = persons.entry(link.user.clone()).or_insert_with(|| key.clone());
                prop_assert_eq!(&*person, key, "{} changed hands", &link.user);
            }
            let (had, has) = (before.server.human_admins(), after.server.human_admins());
            prop_assert!(had == 0 || has > 0, "the last administrator is gone");
            Ok(())
        })?;
    }

    /// A class is held whole or not at all; what was approved, and only that, is released.
    #[test]
    fn approvals_release_exactly_what_was_shown((world, events) in history()) {
        let mut world = live(world, &events, nothing_to_check)?;
        world.memory.holds.values_mut().for_each(|m| m.approval = None);
        let plan = world.plan();
        let active = active_linked(&world);
        for class in Class::ALL {
            let of_class: Vec<_> = plan.steps.iter().filter(|s| s.class() == Some(class)).collect();
            let hold = plan.holds.iter().find(|h| h.key == HoldKey::Class(class));
            if let Some(hold) = hold {
                prop_assert_eq!(hold.steps.len(), of_class.len(), "half a class is held");
            } else if class != Class::Create {
                let most = limit(&world.policy, class, active).unwrap_or(u64::MAX);
                prop_assert!(of_class.len() as u64 <= most, "{class} above its limit");
            }
        }
        for hold in &plan.holds {
            let mut world = world.clone();
            world.approve(&plan, &hold.key);
            let approved = world.plan();
            let others = |p: &Plan| p.holds.iter().filter(|h| h.key != hold.key).cloned()
                .map(|h| h.key).collect::<Vec<_>>();
            prop_assert!(!approved.holds.iter().any(|h| h.key == hold.key));
            prop_assert_eq!(others(&approved), others(&plan));
            let wishes = |p: &Plan| p.steps.iter().map(|s| s.action.fingerprint())
                .collect::<BTreeSet<Fingerprint>>();
            let shown: BTreeSet<_> = wishes(&plan);
            prop_assert!(hold.fingerprints.iter().all(|f| wishes(&approved).contains(f)));
            // A seat or a membership may come with it; nothing of a guarded class does.
            for step in approved.steps.iter().filter(|s| s.class().is_some()) {
                let arrival = matches!(step.class(), Some(Class::Create | Class::Reactivate));
                prop_assert!(shown.contains(&step.action.fingerprint()) || arrival, "{step:#?}");
            }
        }
    }

    /// Whoever loses the state file deactivates nobody and makes nobody twice: each person is an
    /// adoption that waits, a conflict, or new for want of any user of that name or address.
    #[test]
    fn a_lost_memory_harms_nobody((world, events) in history()) {
        let mut world = live(world, &events, nothing_to_check)?;
        calm(&mut world);
        world.unsettled.clear();
        for _ in 0..4 {
            world.cycle();
        }
        let had = world.memory.links();
        let had: BTreeMap<_, _> = had.map(|(k, l)| (k.clone(), l.clone())).collect();
        let same_as_read: BTreeSet<AccountKey> = had.iter().filter(|(key, link)| {
            let user = &world.server.users[&link.user];
            world.accounts.get(&key.id).is_some_and(|account| {
                account.emails.iter().any(|c| c.values.contains(&user.email))
            })
        }).map(|(key, _)| key.clone()).collect();
        world.memory = Memory::default();
        world.unsettled.clear();
        let users = world.server.users.clone();
        for _ in 0..4 {
            let (plan, run) = world.cycle();
            prop_assert!(run.surprises.is_empty(), "{:#?}", run.surprises);
            for step in plan.released() {
                match &step.action {
                    Action::CreateUser { account, .. } => {
                        prop_assert!(!same_as_read.contains(account), "made twice: {step:#?}");
                    }
                    Action::CreateTeam { .. } => {}
                    Action::JoinTeam { .. } => {}
                    // Who was made new in this world's second life is kept in step again.
                    action => {
                        let user = action.user().cloned();
                        prop_assert!(user.is_some_and(|u| !users.contains_key(&u)), "{step:#?}");
                    }
                }
            }
        }
        for (id, user) in &users {
            prop_assert_eq!(user, &world.server.users[id]);
        }
    }

    /// The ids that the server chose, and the order in which anything was read, decide nothing.
    #[test]
    fn the_order_of_input_does_not_matter((world, events) in history(), seed in any::<u64>()) {
        let mut world = live(world, &events, nothing_to_check)?;
        world.memory.users.values_mut().for_each(|m| m.order = None); // of two orders against the last two administrators one wins
        let plan = world.plan();

        let mut shuffled = world.clone();
        let directory = world.directory();
        let mut items: Vec<_> = directory.accounts.iter()
            .map(|(k, v)| (k.clone(), v.clone())).collect();
        items.sort_by_key(|(k, _)| k.as_str().bytes().fold(seed, |h, b| h.rotate_left(9) ^ u64::from(b)));
        shuffled.accounts = items.into_iter().chain(world.accounts.clone()).collect();
        shuffled.memory.done.reverse();
        let mut read: BTreeMap<_, Directory> = shuffled.directories();
        let again = read.remove(&provider()).into_iter().map(|d| (provider(), d)).collect();
        prop_assert_eq!(&plan, &shuffled.plan_of(&again));

        world.memory.holds.values_mut().for_each(|m| m.approval = None); // they name the ids
        let plan = world.plan();
        let other = with_other_user_ids(&world, seed);
        prop_assert_eq!(wishes(&plan, &world), wishes(&other.plan(), &other));
    }
}

fn seen_locked(directory: &Directory, key: &AccountKey) -> bool {
    let locked = |state: &AccountState| matches!(state, AccountState::Locked { .. });
    match directory.accounts.look(&key.id) {
        Evidence::Present(account) => locked(&account.state),
        _ => {
            let found = directory.accounts.found_elsewhere(&key.id);
            found.is_some_and(|(_, state)| locked(state))
        }
    }
}

fn active_linked(world: &MiniWorld) -> u64 {
    let links = world.memory.links().map(|(_, link)| link);
    let active = links.filter(|l| world.server.users[&l.user].is_active());
    active.count() as u64
}

/// The same world, had the server chosen other ids.
fn with_other_user_ids(world: &MiniWorld, seed: u64) -> MiniWorld {
    let new = |id: &UserId| {
        let number: u64 = id.as_str()[1..].parse().unwrap_or_default();
        UserId::new(format!(
            "u{:05}",
            (number * 7919 + seed % 100_003) % 100_003
        ))
    };
    let mut other = world.clone();
    other.server.users = world
        .server
        .users
        .values()
        .map(|user| {
            let mut user = user.clone();
            user.id = new(&user.id);
            (user.id.clone(), user)
        })
        .collect();
    for members in other.server.members.values_mut() {
        *members = members.iter().map(|(id, m)| (new(id), m.clone())).collect();
    }
    for link in other
        .memory
        .accounts
        .values_mut()
        .filter_map(|m| m.link.as_mut())
    {
        link.user = new(&link.user);
    }
    other
}

/// What a plan wants, in words that do not name the ids of users.
fn wishes(plan: &Plan, world: &MiniWorld) -> BTreeSet<String> {
    let held = plan.held();
    let steps = plan.steps.iter().map(|step| {
        let mut text = format!(
            "{:?} {:?} {}",
            step.action,
            step.reason,
            held.contains(&step.id)
        );
        for user in world.server.users.values() {
            text = text.replace(user.id.as_str(), &format!("<{}>", user.username));
        }
        // The numbers of steps follow the order in which they were thought of.
        let mut words: Vec<&str> = text.split("StepId(").collect();
        for word in words.iter_mut().skip(1) {
            *word = word.split_once(')').map_or("", |(_, rest)| rest);
        }
        words.join("step")
    });
    steps.collect()
}

#[test]
fn a_roster_that_was_not_read_proves_nothing_about_anybody() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    world.policy.grace = std::time::Duration::ZERO;
    let mut directories = world.directories();
    let directory = directories.get_mut(&provider()).expect("the provider");
    directory.accounts = Roster::unread();
    assert_eq!(world.plan_of(&directories).steps, []);
}

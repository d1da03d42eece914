//! What the plan does not believe: settings that drop people, and a state that is older than what
//! was done.

use std::time::Duration;

use mattersync::model::{
    ChangeStamp, Class, HoldCause, HoldKey, Kept, LeftAlone, Lookup, Memory, Plan, ScopeKey,
    ScopeValue, Unlinked, Why,
};
use mattersync::plan::{ByHand, Setting};

use testkit::world::{DAY, HOUR, MiniWorld, id, key, kinds, left, locked, provider};

const FILTER: ScopeKey = ScopeKey::Filter;

fn configuration() -> HoldKey {
    HoldKey::Configuration(provider())
}

fn set(world: &mut MiniWorld, key: ScopeKey, value: ScopeValue, line: u32) {
    let setting = Setting {
        value,
        place: Some(format!("/etc/mattersync/config.toml line {line}")),
    };
    let scope = world.policy.scopes.entry(provider()).or_default();
    scope.insert(key, setting);
}

fn text(said: &str) -> ScopeValue {
    ScopeValue::Text(said.to_owned())
}

fn list(words: &[&str]) -> ScopeValue {
    ScopeValue::List(words.iter().map(|word| (*word).to_owned()).collect())
}

fn company(names: &[&str]) -> MiniWorld {
    let mut world = MiniWorld::with(names);
    set(&mut world, FILTER, text("(uid=*)"), 7);
    set(&mut world, ScopeKey::Lock, list(&[]), 8);
    set(&mut world, ScopeKey::Protect, list(&["ada", "bo"]), 9);
    world.cycle();
    world
}

/// The new filter leaves somebody out.
fn filtered(world: &mut MiniWorld, who: &str) {
    set(world, FILTER, text("(uid=a*)"), 7);
    let gone = world.leave(who);
    let found = Lookup::Elsewhere {
        dn: gone.dn,
        state: gone.state,
        new_id: None,
    };
    world.lookups.insert(id(who), Some(Ok(found)));
}

fn holds(plan: &Plan) -> Vec<HoldKey> {
    plan.holds.iter().map(|h| h.key.clone()).collect()
}

/// Leavers of long ago, who never had a user, look like newcomers to a configuration that no longer
/// asks for the lock.
#[test]
fn a_lock_rule_that_was_taken_out_makes_nobody_until_a_person_looked() {
    let mut world = company(&["ada", "bo"]);
    set(&mut world, ScopeKey::Lock, list(&["loginShell"]), 8);
    world.cycle();
    world.join("old", "old");
    world.lock("old");
    world.cycle();
    world.unlock("old");
    set(&mut world, ScopeKey::Lock, list(&[]), 8);
    for _ in 0..3 {
        let (plan, run) = world.cycle();
        assert_eq!(run.done, []);
        assert_eq!(holds(&plan), [configuration()]);
        assert_eq!(kinds(&plan, "old"), ["(create)", "(join-team)"]);
    }
    let plan = world.plan();
    world.approve(&plan, &configuration());
    world.cycle();
    assert!(world.user("old").is_active());
    // One more rule lets nobody in.
    world.join("new", "new");
    set(&mut world, ScopeKey::Lock, list(&["loginShell"]), 8);
    assert_eq!(kinds(&world.plan(), "new"), ["create", "join-team"]);
}

#[test]
fn who_drops_out_because_of_a_changed_filter_is_held_with_the_line() {
    let mut world = company(&["ada", "bo", "cy"]);
    world.policy.grace = Duration::ZERO;
    filtered(&mut world, "cy");
    let plan = world.cycle().0;
    assert_eq!(holds(&plan), [configuration()]);
    assert_eq!(kinds(&plan, "cy"), ["(deactivate)"]);
    let words = plan.holds[0].cause.to_string();
    let said = "accounts.filter (/etc/mattersync/config.toml line 7) was \"(uid=*)\", is \
                \"(uid=a*)\"";
    assert!(words.contains(said), "{words}");
    // It does not go away by waiting.
    world.tick(5 * DAY);
    assert_eq!(holds(&world.cycle().0), [configuration()]);
    assert!(world.user("cy").is_active());
    // A person says yes; then the new filter is the known one.
    let shown = world.plan();
    world.approve(&shown, &configuration());
    world.cycle();
    assert!(!world.user("cy").is_active());
    world.cycle();
    assert_eq!(
        world.memory.provider(&provider()).scope.as_ref().unwrap()[&FILTER],
        text("(uid=a*)"),
        "learned"
    );
}

#[test]
fn who_is_in_the_grace_is_held_when_it_ends_and_that_is_foretold() {
    let mut world = company(&["ada", "bo", "cy"]);
    filtered(&mut world, "cy");
    let plan = world.cycle().0;
    assert_eq!(holds(&plan), []);
    let said = plan.left_alone.iter().find_map(|l| match &l.why {
        why @ Why::DroppedByConfiguration { people: 1, .. } => Some(why.to_string()),
        _ => None,
    });
    assert!(said.unwrap().contains("config.toml line 7"));
    for _ in 0..4 {
        world.tick(HOUR * 12);
        world.cycle();
    }
    assert!(world.user("cy").is_active());
    assert_eq!(holds(&world.plan()), [configuration()]);
    // The change was a mistake: undone, nobody ever knew.
    let back = testkit::world::account("cy", "cy");
    world.accounts.insert(id("cy"), back);
    set(&mut world, FILTER, text("(uid=*)"), 7);
    world.cycle();
    assert_eq!(holds(&world.plan()), []);
    assert!(left(&world.plan(), "cy").is_empty());
}

#[test]
fn a_change_that_takes_nothing_away_is_learned() {
    let mut world = company(&["ada", "bo", "cy"]);
    world.policy.grace = Duration::ZERO;
    set(&mut world, FILTER, text("(cn=*)"), 7);
    world.cycle();
    assert_eq!(
        world.memory.provider(&provider()).scope.as_ref().unwrap()[&FILTER],
        text("(cn=*)")
    );
    // Who leaves later leaves.
    let gone = world.leave("cy");
    let state = gone.state;
    let dn = gone.dn;
    let found = Lookup::Elsewhere {
        dn,
        state,
        new_id: None,
    };
    world.lookups.insert(id("cy"), Some(Ok(found)));
    world.cycle();
    assert!(!world.user("cy").is_active());
}

#[test]
fn an_incomplete_reading_teaches_no_filter() {
    let mut world = company(&["ada", "bo", "cy"]);
    world.policy.grace = Duration::ZERO;
    filtered(&mut world, "cy");
    world.gaps = vec![mattersync::model::Gap::Empty];
    world.cycle();
    world.gaps.clear();
    assert_eq!(holds(&world.cycle().0), [configuration()]);
}

/// Whoever is found nowhere by id is not gone because of a filter, and whoever is locked is so
/// under any.
#[test]
fn who_leaves_for_another_reason_leaves() {
    let mut world = company(&["ada", "bo", "cy", "di"]);
    world.policy.grace = Duration::ZERO;
    filtered(&mut world, "cy");
    world.leave("di");
    world.account("bo").state = locked();
    let plan = world.cycle().0;
    assert_eq!(holds(&plan), [configuration()]);
    assert_eq!(plan.holds[0].steps.len(), 1);
    assert!(!world.user("di").is_active() && !world.user("bo").is_active());
    assert!(world.user("cy").is_active());
}

#[test]
fn another_lock_rule_holds_who_is_locked_by_it_and_who_comes_back() {
    let mut world = company(&["ada", "bo", "cy"]);
    world.lock("cy");
    world.cycle();
    set(&mut world, ScopeKey::Lock, list(&["loginShell"]), 8);
    world.unlock("cy");
    world.lock("bo");
    let first = world.cycle().0;
    // Nobody is missing, and the provider is nobody's name.
    let about = |l: &&LeftAlone| matches!(l.why, Why::BackByConfiguration { people: 1, .. });
    let said = first.left_alone.iter().find(about).unwrap();
    assert_eq!(said.subject.name, "configuration:company");
    let dropped = |l: &LeftAlone| matches!(l.why, Why::DroppedByConfiguration { .. });
    assert!(!first.left_alone.iter().any(dropped));
    let plan = world.cycle().0;
    assert_eq!(holds(&plan), [configuration()]);
    assert_eq!(kinds(&plan, "bo"), ["(deactivate)"]);
    assert_eq!(kinds(&plan, "cy"), ["(reactivate)"]);
}

#[test]
fn who_is_no_longer_protected_is_held() {
    let mut world = company(&["ada", "bo", "cy"]);
    world.account("bo").state = locked();
    world.account("cy").state = locked();
    set(&mut world, ScopeKey::Protect, list(&["ada"]), 9);
    let plan = world.cycle().0;
    assert_eq!(kinds(&plan, "bo"), ["(deactivate)"]);
    assert!(!world.user("cy").is_active(), "was not protected before");
}

#[test]
fn who_was_not_a_person_by_a_rule_that_is_gone_is_held() {
    const RULES: ScopeKey = ScopeKey::NotAPerson;
    let mut world = company(&["ada", "bo", "cy"]);
    set(&mut world, RULES, list(&["svc-*", "root"]), 9);
    world.cycle();
    // One more rule takes nobody away, and is learned.
    set(&mut world, RULES, list(&["svc-*", "root", "pc*"]), 9);
    world.lock("cy");
    assert_eq!(holds(&world.cycle().0), []);
    set(&mut world, RULES, list(&["root", "pc*"]), 9);
    world.lock("bo");
    world.unlock("cy");
    world.cycle();
    let plan = world.cycle().0;
    assert_eq!(holds(&plan), [configuration()]);
    assert_eq!(kinds(&plan, "bo"), ["(deactivate)"]);
    assert_eq!(kinds(&plan, "cy"), ["(reactivate)"]);
    let words = plan.holds[0].cause.to_string();
    assert!(words.contains("accounts.not-a-person"), "{words}");
}

#[test]
fn a_shorter_grace_holds_who_would_still_be_within_the_old_one() {
    const GRACE: ScopeKey = ScopeKey::Grace;
    let mut world = company(&["ada", "bo", "cy"]);
    world.policy.grace = DAY;
    set(&mut world, GRACE, ScopeValue::Duration(DAY), 9);
    world.cycle();
    world.leave("cy");
    for _ in 0..6 {
        world.cycle();
        world.tick(HOUR * 2);
    }
    world.policy.grace = HOUR;
    set(&mut world, GRACE, ScopeValue::Duration(HOUR), 9);
    let plan = world.cycle().0;
    assert_eq!(holds(&plan), [configuration()]);
    assert_eq!(kinds(&plan, "cy"), ["(deactivate)"]);
    let words = plan.holds[0].cause.to_string();
    assert!(words.contains("was \"24h\", is \"1h\""), "{words}");
    // When the old grace is over, the change takes nobody away any more.
    for _ in 0..6 {
        world.tick(HOUR * 2);
        world.cycle();
    }
    assert!(!world.user("cy").is_active());
    assert_eq!(
        world.memory.provider(&provider()).scope.as_ref().unwrap()[&GRACE],
        ScopeValue::Duration(HOUR)
    );
    // A longer one takes nobody away either.
    world.policy.grace = DAY;
    set(&mut world, GRACE, ScopeValue::Duration(DAY), 9);
    world.leave("bo");
    world.cycle();
    assert_eq!(holds(&world.cycle().0), []);
    assert_eq!(
        world.memory.provider(&provider()).scope.as_ref().unwrap()[&GRACE],
        ScopeValue::Duration(DAY)
    );
}

#[test]
fn who_was_reactivated_by_hand_is_not_taken_out_by_another_rule_for_that() {
    const BY_HAND: ScopeKey = ScopeKey::ReactivatedByHand;
    let mut world = company(&["ada", "bo", "cy"]);
    set(&mut world, BY_HAND, text("respect"), 9);
    world.lock("cy");
    world.cycle();
    let user = world.user_id("cy");
    world.server.user(&user).deactivated_at = None;
    world.cycle();
    assert!(world.user("cy").is_active(), "respected");
    world.policy.lifecycle.reactivated_by_hand = ByHand::Enforce;
    set(&mut world, BY_HAND, text("enforce"), 9);
    world.lock("bo");
    let plan = world.cycle().0;
    assert_eq!(holds(&plan), [configuration()]);
    assert_eq!(kinds(&plan, "cy"), ["(deactivate)"]);
    assert!(!world.user("bo").is_active(), "was locked anyway");
}

#[test]
fn a_state_without_known_settings_learns_them() {
    let mut world = MiniWorld::with(&["ada", "bo", "cy"]);
    world.policy.grace = Duration::ZERO;
    filtered(&mut world, "cy");
    world.cycle();
    assert!(!world.user("cy").is_active(), "nothing is known to differ");
    assert!(world.memory.provider(&provider()).scope.is_some());
}

fn older(plan: &Plan) -> Option<String> {
    plan.holds.iter().find_map(|hold| match &hold.cause {
        HoldCause::OlderState { how } => Some(how.clone()),
        _ => None,
    })
}

#[test]
fn an_older_state_is_noticed_by_the_users_whom_it_does_not_know() {
    let mut world = MiniWorld::with(&["ada", "bo", "cy"]);
    world.policy.grace = Duration::ZERO;
    let copy = world.memory.clone();
    world.tick(DAY);
    world.join("di", "di");
    world.join("du", "du");
    world.cycle();
    let users = world.server.users.len();
    world.memory = copy;
    world.leave("cy");
    world.lock("bo");
    world.join("ed", "ed");
    let plan = world.cycle().0;
    let how = older(&plan).unwrap();
    assert!(how.contains("di"), "{how}");
    assert_eq!(kinds(&plan, "cy"), ["(deactivate)"]);
    assert_eq!(kinds(&plan, "bo"), ["deactivate"], "a lock is seen today");
    assert_eq!(kinds(&plan, "ed"), ["(create)", "(join-team)"]);
    assert_eq!(kinds(&plan, "di")[0], "(adopt)");
    assert_eq!(world.server.users.len(), users, "nobody is made twice");
    assert!(
        world.memory.server.restored.is_some(),
        "and it is not forgotten"
    );
    // A person looks at the adoption, too.
    world.approve(&plan, &HoldKey::Class(Class::Adopt));
    world.approve(&plan, &HoldKey::Restored);
    world.cycle();
    world.cycle();
    assert_eq!(world.server.users.len(), users + 1);
    assert!(!world.user("cy").is_active() && !world.user("bo").is_active());
    assert!(world.memory.server.restored.is_none());
    assert_eq!(older(&world.plan()), None);
}

#[test]
fn a_lost_state_makes_nobody_twice() {
    let mut world = MiniWorld::with(&["ada", "bo", "cy"]);
    let users = world.server.users.len();
    world.memory = Memory::default();
    world.join("di", "di");
    let plan = world.cycle().0;
    assert_eq!(kinds(&plan, "di")[0], "(create)");
    let adopt = plan
        .holds
        .iter()
        .find(|h| h.key == HoldKey::Class(Class::Adopt));
    assert_eq!(adopt.unwrap().steps.len(), 3);
    let step = plan
        .steps
        .iter()
        .find(|s| s.action.account() == Some(&key("ada")));
    let why = step.unwrap().reason.to_string();
    assert!(why.contains("a mark like that of a creation"), "{why}");
    assert_eq!(world.server.users.len(), users);
    world.approve(&plan, &HoldKey::Class(Class::Adopt));
    world.cycle();
    assert_eq!(world.memory.links().count(), 3);
}

/// Absences that an older copy knows are shown to a person before they count.
#[test]
fn what_an_older_state_says_of_who_is_missing_waits_for_a_person() {
    let mut world = MiniWorld::with(&["ada", "bo", "cy"]);
    let gone = world.leave("cy");
    for _ in 0..3 {
        world.tick(HOUR);
        world.cycle();
    }
    let copy = world.memory.clone();
    assert_eq!(
        copy.account(&key("cy")).absence.as_ref().unwrap().readings,
        3
    );
    world.accounts.insert(id("cy"), gone);
    world.tick(2 * DAY);
    world.join("di", "di");
    world.join("du", "du");
    world.cycle();
    world.memory = copy;
    world.leave("cy");
    for _ in 0..2 {
        let plan = world.cycle().0;
        assert_eq!(kinds(&plan, "cy"), ["(deactivate)"]);
    }
}

/// Anybody can write the mark into their own props.
#[test]
fn a_mark_that_the_user_wrote_holds_nothing() {
    let mut world = MiniWorld::with(&["ada", "bo", "cy"]);
    let zoe = world.server.stranger("zoe", "zoe@elsewhere");
    let mark = ("mattersync".to_owned(), "mine".to_owned());
    world.server.user(&zoe).props.extend([mark]);
    world.join("di", "di");
    let plan = world.cycle().0;
    assert_eq!(older(&plan), None);
    assert_eq!(holds(&plan), []);
}

fn come_so_far(world: &mut MiniWorld, server: &str, count: i64) {
    let progress = &mut world.identity.progress;
    progress.clear();
    progress.insert(server.to_owned(), ChangeStamp::Count(count));
}

/// A backup of the directory was put back: who came since is missing, who was locked since is not.
#[test]
fn a_directory_that_went_back_holds_what_that_takes_away_also_later() {
    let mut world = MiniWorld::with(&["ada", "bo", "cy"]);
    world.lock("bo");
    come_so_far(&mut world, "dc1", 50000);
    world.cycle();
    assert!(!world.user("bo").is_active());
    come_so_far(&mut world, "dc1", 40000);
    world.leave("cy");
    world.unlock("bo");
    world.cycle();
    // By now the server has come beyond where it was.
    come_so_far(&mut world, "dc1", 60000);
    world.tick(DAY);
    world.cycle();
    world.tick(DAY);
    let plan = world.cycle().0;
    let identity = HoldKey::Identity(provider());
    assert_eq!(holds(&plan).first(), Some(&identity));
    let words = plan.holds[0].cause.to_string();
    assert!(words.contains("dc1") && words.contains("50000") && words.contains("40000"));
    assert_eq!(kinds(&plan, "cy"), ["(deactivate)"]);
    assert_eq!(kinds(&plan, "bo"), ["(reactivate)"]);
    world.approve(&plan, &identity);
    world.cycle();
    world.cycle();
    assert!(!world.user("cy").is_active() && world.user("bo").is_active());
    assert_eq!(holds(&world.plan()), []);
    assert!(
        world
            .memory
            .provider(&provider())
            .identity
            .as_ref()
            .unwrap()
            .went_back
            .is_none()
    );
}

#[test]
fn a_fail_over_to_another_server_of_the_domain_is_no_alarm() {
    let mut world = MiniWorld::with(&["ada", "bo", "cy"]);
    world.policy.grace = Duration::ZERO;
    come_so_far(&mut world, "dc1", 50000);
    world.cycle();
    come_so_far(&mut world, "dc2", 70);
    world.leave("cy");
    let plan = world.cycle().0;
    assert_eq!(holds(&plan), []);
    assert!(!world.user("cy").is_active());
    // And back again.
    come_so_far(&mut world, "dc1", 50001);
    assert_eq!(holds(&world.cycle().0), []);
}

#[test]
fn a_directory_that_went_back_and_takes_nothing_away_is_believed() {
    let mut world = MiniWorld::with(&["ada", "bo", "cy"]);
    come_so_far(&mut world, "dc1", 50000);
    world.cycle();
    come_so_far(&mut world, "dc1", 40000);
    world.cycle();
    assert_eq!(
        world
            .memory
            .provider(&provider())
            .identity
            .as_ref()
            .unwrap()
            .progress["dc1"],
        ChangeStamp::Count(40000)
    );
    world.policy.grace = Duration::ZERO;
    world.leave("cy");
    assert_eq!(holds(&world.cycle().0), []);
}

/// A user who is marked as made by mattersync, and of whom nothing is remembered, tells of an older
/// state: only while nothing else explains that.
#[test]
fn an_unknown_mark_says_nothing_where_something_else_explains_it() {
    let mut world = MiniWorld::with(&["ada", "di"]);
    for who in ["bo", "cy"] {
        world.tick(DAY);
        world.server.clock = world.now.wall.0;
        world.join(who, who);
        let other = format!("{who}2");
        world.join(&other, &other);
        world.cycle();
    }
    // Of an older state nobody who is missing is deactivated.
    world.policy.grace = Duration::ZERO;
    world.leave("di");
    let cy = world.user_id("cy");
    let without = |who: &str| {
        let mut world = world.clone();
        for who in [who.to_owned(), format!("{who}2")] {
            world
                .memory
                .accounts
                .get_mut(&key(&who))
                .and_then(|m| m.link.take());
            world
                .memory
                .accounts
                .get_mut(&key(&who))
                .and_then(|m| m.begun.take());
        }
        world
    };
    let older = |world: &MiniWorld| older(&world.plan()).is_some();
    assert!(older(&without("cy")));
    // Those who were made later are all known: the link was lost in another way.
    assert!(!older(&without("ada")));
    assert!(!older(&without("bo")));
    // Nobody who is known was made by us: any mark will do.
    let mut none = without("cy");
    for who in ["ada", "bo", "bo2", "di"] {
        let user = none.user_id(who);
        none.server.user(&user).props.clear();
    }
    assert!(older(&none));
    let mut address = without("cy");
    address.account("cy").emails = testkit::world::emails(&["other@example.org"]);
    assert!(!older(&address), "another person of that name");
    let mut kept = without("cy");
    let word = Kept {
        by: "alice".into(),
        at: kept.now.wall,
        witness: false,
    };
    kept.memory.users.entry(cy.clone()).or_default().kept = Some(word);
    assert!(!older(&kept), "somebody looked at the user");
    let mut unlinked = without("cy");
    let word = Unlinked {
        user: cy.clone(),
        by: "alice".into(),
        at: unlinked.now.wall,
    };
    unlinked
        .memory
        .accounts
        .entry(key("cy"))
        .or_default()
        .unlinked = Some(word);
    assert!(!older(&unlinked), "somebody took them apart");
    let mut forgotten = without("cy");
    let at = forgotten.now.wall;
    forgotten.memory.users.entry(cy).or_default().forgotten = Some(at);
    assert!(!older(&forgotten), "somebody had the account forgotten");
}

/// Whom a lock rule says nothing about is not missing because of it.
#[test]
fn who_is_missing_when_lock_rules_change_is_missing() {
    let mut world = company(&["ada", "bo", "cy"]);
    world.policy.grace = Duration::ZERO;
    set(&mut world, ScopeKey::Lock, list(&["loginShell"]), 8);
    world.leave("cy");
    let plan = world.cycle().0;
    assert_eq!(holds(&plan), []);
    assert!(!world.user("cy").is_active());
}

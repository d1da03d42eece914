//! What people took back: one test a rule of the design.

use mattersync::model::{
    AccountChange, Class, Gap, Made, Outcome, ProfileField, Remember, RunId, StepRecord, Timestamp,
    Undoing, Undone, ValueOf, Why,
};
use mattersync::plan::{Limit, inverse};

use testkit::world::{HOUR, MiniWorld, key, kinds, left};

/// A person says that something of an account is taken back.
fn take_back(world: &mut MiniWorld, who: &str, what: Undoing) {
    let undone = Undone {
        what,
        user: world.user_id(who),
        run: RunId(3),
        by: "alice".into(),
        at: world.now.wall,
        done: false,
    };
    let wish = Remember::Account(key(who), AccountChange::Undone(vec![undone]));
    world.memory.remember(&wish);
}

fn name(made: &str, back: &str, directory: &str) -> Undoing {
    Undoing::Value {
        of: ValueOf::Username,
        made: made.into(),
        back: back.into(),
        directory: Some(directory.into()),
    }
}

#[test]
fn who_is_out_of_reach_gets_nothing_back() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    take_back(&mut world, "anna", name("anna", "ann", "anna"));
    assert_eq!(kinds(&world.plan(), "anna"), ["rename"]);
    world.policy.protect.insert("anna".into());
    let plan = world.plan();
    assert_eq!(kinds(&plan, "anna"), [""; 0]);
    let why = |l: &&mattersync::model::LeftAlone| matches!(l.why, Why::NotUndone { .. });
    assert_eq!(left(&plan, "anna").into_iter().filter(why).count(), 1);
    world.cycle();
    assert!(
        world.memory.accounts.values().all(|m| m.undone.is_empty()),
        "it is no wish any more"
    );
}

/// Right after the run, before a cycle has seen that both sides agree on what it made.
#[test]
fn what_a_person_takes_back_at_once_is_not_what_people_changed_on_mattermost() {
    let mut world = MiniWorld::with(&["anna", "ben", "cleo"]);
    world.policy.guard.insert(Class::Rename, Limit::Number(1));
    world.cycle();
    for (who, name) in [("anna", "annabel"), ("cleo", "cleopatra"), ("ben", "benno")] {
        world.account(who).username = name.into();
        world.cycle();
    }
    assert_eq!(world.user("ben").username, "benno");
    take_back(&mut world, "ben", self::name("benno", "ben", "benno"));
    let (plan, _) = world.cycle();
    assert!(plan.holds.is_empty(), "{:?}", plan.holds);
    assert_eq!(world.user("ben").username, "ben");
}

#[test]
fn whose_link_is_taken_apart_nothing_else_is_done_to() {
    let mut world = MiniWorld::with(&["anna"]);
    world.account("anna").username = "annabel".into();
    assert_eq!(kinds(&world.plan(), "anna")[0], "rename");
    take_back(&mut world, "anna", Undoing::Unlink);
    let (plan, run) = world.cycle();
    assert_eq!(kinds(&plan, "anna"), ["unlink"]);
    assert!(run.surprises.is_empty(), "{run:?}");
    assert!(world.memory.links().next().is_none());
}

/// The directory's word counts for less where the reading may lack some of it.
#[test]
fn an_address_that_a_poor_reading_lacks_is_not_another_word_of_the_directory() {
    let mut world = MiniWorld::with(&["anna"]);
    let undoing = Undoing::Value {
        of: ValueOf::Email,
        made: "anna@example.org".into(),
        back: "ann@example.org".into(),
        directory: Some("anna@example.org".into()),
    };
    take_back(&mut world, "anna", undoing);
    world.cycle();
    assert_eq!(world.user("anna").email, "ann@example.org");
    let emails = std::mem::take(&mut world.account("anna").emails);
    world.gaps.push(Gap::Empty);
    world.cycle();
    assert!(!world.memory.account(&key("anna")).undone.is_empty());
    world.gaps.clear();
    world.account("anna").emails = emails;
    world.tick(HOUR);
    assert_eq!(kinds(&world.cycle().0, "anna"), [""; 0]);
    assert_eq!(world.user("anna").email, "ann@example.org");
}

#[test]
fn what_the_server_stored_is_what_is_taken_back() {
    let mut world = MiniWorld::with(&["anna"]);
    let first = ProfileField::FirstName;
    let account = world.account("anna");
    account.profile.insert(first, "Anna Bella".into());
    let step = world.plan().steps.remove(0);
    let mut record = StepRecord {
        step,
        outcome: Some(Outcome::Done),
        intended: Some(Timestamp(1)),
        settled: Some(Timestamp(2)),
        made: None,
    };
    let made = |record: &StepRecord| {
        let (_, _, undoing) = inverse(record, &world.memory).unwrap().unwrap();
        match undoing.as_slice() {
            [Undoing::Value { made, .. }] => made.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(made(&record), "Anna Bella");
    record.made = Some(Made {
        stored: [(first, "Anna".to_owned())].into(),
        ..Made::default()
    });
    assert_eq!(made(&record), "Anna");
    for outcome in [None, Some(Outcome::NotDone("full".into()))] {
        record.outcome = outcome;
        assert_eq!(inverse(&record, &world.memory), Ok(None));
    }
    record.outcome = Some(Outcome::Unknown("cut".into()));
    assert!(inverse(&record, &world.memory).is_err());
}

#[test]
fn a_name_that_is_about_to_be_given_back_is_promised_to_nobody_else() {
    let mut world = MiniWorld::with(&["annabel"]);
    take_back(&mut world, "annabel", name("annabel", "anna", "annabel"));
    world.join("new", "anna");
    let (plan, run) = world.cycle();
    assert_eq!(kinds(&plan, "annabel"), ["rename"]);
    assert!(run.surprises.is_empty(), "{run:?}");
    assert_eq!(world.user("annabel").username, "anna");
    assert_eq!(world.user("new").username, "anna2");
}

#[test]
fn what_a_person_takes_back_is_no_flip() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    take_back(&mut world, "anna", Undoing::Deactivate { lasting: true });
    world.cycle();
    assert!(!world.user("anna").is_active());
    assert!(world.memory.accounts.values().all(|m| m.flips.is_empty()));
}

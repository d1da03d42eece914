//! What strangers, members and self-written attributes may delay, and that they hold nobody else.

use std::time::Duration;

use mattersync::model::{
    AccountChange, AccountState, ActionKind, Class, Gap, HoldCause, HoldKey, Kept, Lookup, Nonce,
    Plan, Reason, Rejected, Remember, User, UserId, Why,
};
use mattersync::plan::{AdoptRule, Limit, forget_absences, unknown_marks};

use testkit::world::{DAY, HOUR, MiniWorld, emails, id, key, kinds, left, locked};

/// Somebody signs up with the name and address of an account, and writes the mark of a creation.
fn forge(world: &mut MiniWorld, name: &str) -> UserId {
    world.server.clock += 1;
    let user = world.server.stranger(name, &format!("{name}@example.org"));
    let mark = (User::NONCE_PROP.to_owned(), "x".to_owned());
    world.server.user(&user).props.extend([mark]);
    user
}

fn held(plan: &Plan) -> Vec<HoldKey> {
    plan.holds.iter().map(|hold| hold.key.clone()).collect()
}

fn limited(world: &mut MiniWorld, class: Class, limit: u64) {
    world.policy.guard.insert(class, Limit::Number(limit));
}

fn people(n: usize) -> Vec<String> {
    (0..n).map(|n| format!("p{n:02}")).collect()
}

fn company(n: usize) -> MiniWorld {
    let names = people(n);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    MiniWorld::with(&names)
}

/// Reads as often as nobody who is missing can be within the grace any more.
fn let_grace_pass(world: &mut MiniWorld) {
    for _ in 0..2 {
        world.cycle();
        world.tick(DAY);
    }
}

#[test]
fn forged_marks_of_a_few_show_nothing() {
    let mut world = company(11);
    world.leave("p00");
    let_grace_pass(&mut world);
    // One ex-colleague who is locked, and two who have only just come into the directory.
    world.join("ex", "ex");
    world.lock("ex");
    for name in ["ex", "new1", "new2"] {
        forge(&mut world, name);
    }
    world.join("new1", "new1");
    world.join("new2", "new2");
    let (plan, _) = world.cycle();
    assert_eq!(held(&plan), [HoldKey::Class(Class::Adopt)]);
    assert!(world.memory.server.restored.is_none());
    assert!(!world.user("p00").is_active(), "who is missing goes");
}

#[test]
fn marks_of_many_hold_what_is_missing_and_never_a_lock() {
    let mut world = company(10);
    world.leave("p00");
    let_grace_pass(&mut world);
    let absence = world
        .memory
        .account(&key("p00"))
        .absence
        .as_ref()
        .unwrap()
        .clone();
    world.leave("p01");
    let marked: Vec<UserId> = ["new1", "new2"].map(|n| forge(&mut world, n)).into();
    for name in ["new1", "new2"] {
        world.join(name, name);
    }
    world.lock("p02");
    let (plan, _) = world.cycle();
    assert!(held(&plan).contains(&HoldKey::Restored), "{:?}", plan.holds);
    assert_eq!(kinds(&plan, "p00"), ["(deactivate)"]);
    assert_eq!(kinds(&plan, "p02"), ["deactivate"]);
    let kept = &world.memory.account(&key("p00")).absence.as_ref().unwrap();
    assert!(kept.certain > absence.certain, "the count goes on");
    let restored = world.memory.server.restored.clone().unwrap();
    assert_eq!(restored.witnesses, marked.iter().cloned().collect());
    assert!(restored.how.contains("write such a mark"), "{restored:?}");

    // A person looked: what was shown stays counted, and the same users show nothing again.
    let shown = [key("p00")].into();
    let forgotten = forget_absences(&world.memory, &shown);
    assert_eq!(
        forgotten,
        [Remember::Account(key("p01"), AccountChange::Absence(None))]
    );
    world.memory.server.restored = None;
    for user in &marked {
        let by = "alice".to_owned();
        let at = world.now.wall;
        let witness = true;
        world.memory.users.entry(user.clone()).or_default().kept = Some(Kept { by, at, witness });
    }
    let (plan, _) = world.cycle();
    assert!(!held(&plan).contains(&HoldKey::Restored));
    assert!(!world.user("p00").is_active());
    let users = world.server.roster();
    assert_eq!(unknown_marks(&users, &world.memory), [] as [UserId; 0]);
}

#[test]
fn an_older_state_is_told_also_where_nothing_is_planned() {
    let mut world = company(5);
    for name in ["new1", "new2"] {
        forge(&mut world, name);
        world.join(name, name);
    }
    let plan = world.plan();
    assert_eq!(held(&plan), [HoldKey::Class(Class::Adopt)]);
    let told = |why: &Why| matches!(why, Why::OlderState { .. });
    assert_eq!(plan.left_alone.iter().filter(|l| told(&l.why)).count(), 1);
}

#[test]
fn accounts_that_are_not_in_use_and_a_few_of_many_are_no_sign_of_an_older_state() {
    let mut world = company(5);
    for name in people(10).split_off(5) {
        forge(&mut world, &name);
        world.join(&name, &name);
        world.lock(&name);
    }
    assert!(!held(&world.plan()).contains(&HoldKey::Restored));
    let mut world = MiniWorld::new();
    for name in people(11) {
        world.join(&name, &name);
    }
    for name in people(2) {
        forge(&mut world, &name);
    }
    let (plan, _) = world.cycle();
    assert_eq!(held(&plan), [HoldKey::Class(Class::Adopt)]);
    assert_eq!(kinds(&plan, "p10"), ["create", "join-team"]);
}

/// Users see each other's props: whoever copies a nonce keeps nobody from their own user.
#[test]
fn a_copied_nonce_is_nobodys() {
    let mut world = MiniWorld::with(&["anna"]);
    world.join("ben", "ben");
    world.memory.accounts.entry(key("ben")).or_default().begun = Some(Nonce::new("n").into());
    for name in ["mallory", "ben", "eve"] {
        let user = forge(&mut world, name);
        let user = world.server.user(&user);
        user.props.insert(User::NONCE_PROP.into(), "n".into());
    }
    let (plan, _) = world.cycle();
    assert_eq!(held(&plan), []);
    assert_eq!(world.user("ben").username, "ben");
}

#[test]
fn a_locked_account_is_offered_no_user() {
    let mut world = MiniWorld::with(&["anna"]);
    limited(&mut world, Class::Locked, 1);
    for name in people(5) {
        world.join(&name, &name);
        world.lock(&name);
        world.server.stranger(&name, &format!("{name}@example.org"));
    }
    world.lock("anna");
    let (plan, _) = world.cycle();
    assert_eq!(held(&plan), []);
    assert!(!world.user("anna").is_active());
    let [alone] = left(&plan, "p00")[..] else {
        panic!("{plan:#?}")
    };
    let text = alone.why.to_string();
    assert!(text.contains("mattersync deactivate p00"), "{text}");
}

#[test]
fn what_waits_behind_a_held_step_does_not_count() {
    let mut world = MiniWorld::with(&["anna"]);
    world.policy.adopt = AdoptRule::Username;
    limited(&mut world, Class::Email, 1);
    for name in people(5) {
        world.join(&name, &name);
        world.server.stranger(&name, &format!("{name}@other.org"));
    }
    world.account("anna").emails = emails(&["married@example.org"]);
    let (plan, _) = world.cycle();
    assert_eq!(kinds(&plan, "p00")[..2], ["(adopt)", "(change-email)"]);
    assert_eq!(held(&plan), [HoldKey::Class(Class::Adopt)]);
    assert_eq!(world.user("anna").email, "married@example.org");
    // Once they are adopted they count.
    world.approve(&plan, &HoldKey::Class(Class::Adopt));
    assert_eq!(held(&world.plan()), [HoldKey::Class(Class::Email)]);
}

#[test]
fn names_addresses_and_returns_of_who_has_more_rights_wait_for_a_person() {
    for role in ["system_admin", "system_manager", "system_user_access_token"] {
        let mut world = MiniWorld::with(&["anna", "ben"]);
        world.policy.guard.clear();
        world.lock("anna");
        limited(&mut world, Class::Locked, 9);
        world.cycle();
        let user = world.user_id("anna");
        world.server.user(&user).roles.insert(role.into());
        world.unlock("anna");
        world.cycle();
        let plan = world.plan();
        assert_eq!(kinds(&plan, "anna")[..1], ["(reactivate)"], "{role}");
        assert_eq!(held(&plan), [HoldKey::Class(Class::Privileged)]);
        world.approve(&plan, &HoldKey::Class(Class::Privileged));
        world.cycle();
        assert!(world.user("anna").is_active());
        for who in ["anna", "ben"] {
            world.account(who).username = format!("{who}.new");
            world.account(who).emails = emails(&[&format!("{who}@evil.org")]);
        }
        let (plan, _) = world.cycle();
        assert_eq!(kinds(&plan, "anna"), ["(rename)", "(change-email)"]);
        assert_eq!(kinds(&plan, "ben"), ["rename", "change-email"]);
        let [hold] = &plan.holds[..] else {
            panic!("{:?}", plan.holds)
        };
        assert_eq!(
            hold.cause,
            HoldCause::Limit {
                limit: 0,
                wanted: 1
            }
        );
        // What else is held, and what was approved of it, says nothing about these.
        for class in [Class::Rename, Class::Email, Class::Reactivate] {
            let mut other = hold.clone();
            other.key = HoldKey::Class(class);
            let mut shown = plan.clone();
            shown.holds = vec![other];
            world.approve(&shown, &HoldKey::Class(class));
        }
        assert_eq!(kinds(&world.plan(), "anna"), ["(rename)", "(change-email)"]);
        // Other fields are no way in.
        world.account("anna").profile.clear();
        assert!(kinds(&world.plan(), "anna").contains(&"update".to_owned()));
    }
}

#[test]
fn who_was_given_more_rights_meanwhile_is_judged_anew() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    world.account("anna").username = "anna.new".into();
    world.lock("ben");
    let plan = world.plan();
    for who in ["anna", "ben"] {
        let user = world.user_id(who);
        world.server.user(&user).roles.insert("system_admin".into());
    }
    let run = world.carry_out(&plan);
    assert_eq!((run.done.len(), run.surprises.len()), (0, 2), "{run:#?}");
}

#[test]
fn a_name_that_only_looks_the_same_gets_no_right_of_it() {
    let alike = [
        "аlice",
        "ａlice",
        "al\u{fffd}ice",
        "alıce",
        "al'ice",
        "alicé",
        "alice\u{fffd}",
    ];
    for name in alike {
        let mut world = MiniWorld::new();
        world.server = testkit::server::Server::empty();
        world.policy.first_admin = Some("alice".into());
        world.join("0", name);
        let (plan, _) = world.cycle();
        assert_eq!(kinds(&plan, "0"), [""; 0], "{name}");
        assert!(matches!(left(&plan, "0").last().unwrap().why, Why::NoAdmin));
        // The one who is called so, whatever the id.
        world.join("1", "Alice");
        let emails = emails(&["real@example.org"]);
        world.account("1").emails = emails;
        let (plan, _) = world.cycle();
        let first = plan
            .steps
            .iter()
            .find(|s| s.action.kind() == ActionKind::Create)
            .unwrap();
        assert_eq!(first.action.account(), Some(&key("1")), "{name}");
        assert_eq!(world.user("1").username, "alice");
        assert_ne!(world.user("0").username, "alice", "{name}");
    }
}

#[test]
fn nobody_inherits_protection_by_a_name_that_looks_the_same() {
    let mut world = MiniWorld::with(&["anna"]);
    world.account("anna").username = "breakglаss".into();
    world.cycle();
    assert_eq!(world.user("anna").username, "breakglass");
    world.policy.protect = ["breakglass", "jürgen", "root2"].map(String::from).into();
    world.lock("anna");
    world.cycle();
    assert!(!world.user("anna").is_active());

    // Nor gets anybody a name that is protected, also not by a number.
    let mut world = MiniWorld::with(&["anna"]);
    world.policy.protect = ["breakglass", "jürgen", "root2"].map(String::from).into();
    world.join("new", "breakglаss");
    world.account("anna").username = "breakglａss".into();
    let (plan, _) = world.cycle();
    for who in ["new", "anna"] {
        assert_eq!(kinds(&plan, who), [""; 0]);
        let why = &left(&plan, who).last().unwrap().why;
        assert!(why.to_string().contains("policy.protect"), "{why}");
    }
    for who in ["a", "b"] {
        world.join(who, "karl");
        world.account(who).username = "root".into();
        world.account(who).emails = emails(&[&format!("{who}@example.org")]);
    }
    let root = world.server.by_name("root").unwrap().id.clone();
    world.server.user(&root).username = "chief".into();
    world.cycle();
    assert_eq!(world.user("a").username, "root");
    assert_eq!(world.user("b").username, "root3");
    // The directory's own spelling is meant, with all its marks.
    world.join("j", "Jürgen");
    world.cycle();
    world.lock("j");
    world.cycle();
    assert!(world.user("j").is_active());
}

#[test]
fn the_exact_name_goes_first_also_before_an_older_link() {
    let mut world = MiniWorld::with(&["anna"]);
    world.account("anna").username = "аlice".into();
    world.join("z", "alice");
    world.account("z").emails = emails(&["z@example.org"]);
    world.cycle();
    assert_eq!(world.user("z").username, "alice");
    assert_eq!(world.user("anna").username, "alice2");
    let told = |who: &str| {
        let plan = world.plan();
        let told = left(&plan, who).into_iter().map(|l| l.why.to_string());
        told.collect::<String>()
    };
    assert!(told("anna").contains("mixes letters"), "{}", told("anna"));
    assert_eq!(told("z"), "");
}

fn rename(world: &mut MiniWorld, who: &str, name: &str) {
    let user = world.user_id(who);
    world.server.user(&user).username = name.into();
}

#[test]
fn who_fights_about_a_name_is_held_alone() {
    let mut world = company(10);
    limited(&mut world, Class::Rename, 2);
    for n in 0..5 {
        rename(&mut world, "p00", &format!("false{n}"));
        let (plan, _) = world.cycle();
        assert_eq!(held(&plan), [], "{n}");
        assert_eq!(world.user("p00").username, "p00");
        world.tick(Duration::from_secs(300));
    }
    let people: std::collections::BTreeSet<_> =
        world.memory.done.iter().map(|done| &done.whom).collect();
    assert_eq!(people.len(), 1, "one person");
    rename(&mut world, "p00", "false5");
    for who in ["p01", "p02"] {
        world.account(who).username = format!("{who}.married");
    }
    let (plan, _) = world.cycle();
    assert_eq!(held(&plan), [HoldKey::Flapping]);
    assert_eq!(kinds(&plan, "p00"), ["(rename)"]);
    assert_eq!(world.user("p01").username, "p01.married");
    let text = plan.holds[0].cause.to_string();
    assert!(text.contains("p00") || text.contains("false5"), "{text}");
    // Who does not mind that goes on.
    world.policy.lifecycle.flap_limit = None;
    assert_eq!(held(&world.plan()), []);
}

/// What some change on Mattermost waits for a person once it is too much; what the directory changed
/// goes first, and the others' changes leave room for it also in the sum of a day.
#[test]
fn many_who_change_their_own_names_and_addresses_hold_nobody_else() {
    let mut world = company(20);
    limited(&mut world, Class::Rename, 2);
    limited(&mut world, Class::Email, 2);
    world.cycle();
    let change = |world: &mut MiniWorld, who: &str, n: usize| {
        let user = world.user_id(who);
        let user = world.server.user(&user);
        user.username = format!("{who}.own{n}");
        user.email = format!("{who}.own{n}@example.org");
    };
    for who in ["p01", "p02", "p03"] {
        change(&mut world, who, 0);
    }
    world.account("p10").username = "p10.married".into();
    world.account("p10").emails = emails(&["married@example.org"]);
    let (plan, _) = world.cycle();
    let both = [HoldKey::Class(Class::Rename), HoldKey::Class(Class::Email)];
    assert_eq!(held(&plan), both);
    for hold in &plan.holds {
        let cause = HoldCause::GivenBack {
            limit: 1,
            wanted: 3,
        };
        assert_eq!((&hold.cause, hold.steps.len()), (&cause, 3));
    }
    assert_eq!(world.user("p10").username, "p10.married");
    assert_eq!(world.user("p10").email, "married@example.org");
    // A person's word gives them back; and a few at a time need none.
    for key in &both {
        world.approve(&plan, key);
    }
    let (plan, _) = world.cycle();
    assert_eq!(held(&plan), []);
    assert_eq!(world.user("p01").username, "p01");
    world.tick(2 * DAY);
    // However many do so one after the other, a third of the day is the directory's.
    for (n, who) in ["p04", "p05", "p06", "p07", "p08"].into_iter().enumerate() {
        change(&mut world, who, n);
        world.cycle();
        world.tick(HOUR);
    }
    assert_eq!(held(&world.plan()), both);
    assert_eq!(world.user("p08").username, "p08.own4");
    for who in ["p11", "p12"] {
        world.account(who).username = format!("{who}.married");
    }
    let (plan, _) = world.cycle();
    assert_eq!(held(&plan), both);
    assert_eq!(world.user("p11").username, "p11.married");
    assert_eq!(world.user("p12").username, "p12.married");
    // Above their own limit the directory's changes wait as ever.
    for who in ["p13", "p14", "p15"] {
        world.account(who).username = format!("{who}.married");
    }
    world.cycle();
    assert_eq!(world.user("p13").username, "p13");
}

#[test]
fn the_same_for_addresses_and_names_and_nobody_waits_for_what_such_a_person_took() {
    let mut world = company(4);
    limited(&mut world, Class::Email, 2);
    let user = world.user_id("p00");
    for n in 0..6 {
        let server = world.server.user(&user);
        server.email = format!("false{n}@example.org");
        let field = mattersync::model::ProfileField::FirstName;
        server.profile.insert(field, format!("False {n}"));
        let (plan, _) = world.cycle();
        let want: &[HoldKey] = match n {
            5 => &[HoldKey::Flapping],
            _ => &[],
        };
        assert_eq!(held(&plan), want);
        assert_eq!(world.user("p00").email == "p00@example.org", n < 5);
        world.tick(HOUR / 6);
    }
    // Somebody else is to get the address that was taken.
    world.account("p01").emails = emails(&["false5@example.org"]);
    world.cycle();
    assert_eq!(world.user("p01").email, "false5@example.org");
    assert_eq!(world.user("p00").email, "p00@example.org");
}

#[test]
fn the_names_and_addresses_of_rings_can_be_taken_by_nobody() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    let swap = |world: &mut MiniWorld, names: [&str; 2]| {
        for (who, name) in ["anna", "ben"].into_iter().zip(names) {
            world.account(who).username = name.into();
            world.account(who).emails = emails(&[&format!("{name}@example.org")]);
        }
    };
    // What a ring is opened with is known once one was.
    swap(&mut world, ["ben", "anna"]);
    let plan = world.plan();
    let opened = plan.steps.iter().filter(|s| s.action.opens_ring());
    let opened: Vec<_> = opened.map(|s| s.action.clone()).collect();
    assert_eq!(opened.len(), 2);
    for action in &opened {
        for n in 0..3 {
            use mattersync::model::Action::{ChangeEmail, Rename};
            match action {
                Rename { username, .. } => {
                    let name = match n {
                        0 => username.to.clone(),
                        n => format!("{}-{}", username.to, n + 1),
                    };
                    world.server.stranger(&name, &format!("s{n}@example.org"));
                }
                ChangeEmail { email, .. } => {
                    let mail = format!("{}{}", "again-".repeat(n), email.to);
                    world.server.stranger(&format!("t{n}"), &mail);
                }
                _ => panic!("{action:?}"),
            }
        }
    }
    world.cycle();
    for (who, name) in [("anna", "ben"), ("ben", "anna")] {
        assert_eq!(world.user(who).username, name);
        assert_eq!(world.user(who).email, format!("{name}@example.org"));
    }
}

#[test]
fn strangers_with_all_the_numbers_hold_no_suffix_up() {
    let mut world = MiniWorld::with(&["anna"]);
    for n in 2..30 {
        let name = format!("anna{n}");
        world.server.stranger(&name, &format!("{name}@evil.org"));
    }
    world.join("second", "anna");
    world.account("second").emails = emails(&["second@example.org"]);
    world.cycle();
    assert_eq!(world.user("second").username, "anna30");
}

#[test]
fn an_administrator_who_cannot_act_as_one_does_not_count() {
    let how: [fn(&mut User); 4] = [
        |u| u.roles.extend(["system_guest".to_owned()]),
        |u| u.is_bot = true,
        |u| u.is_remote = true,
        |u| u.deactivated_at = Some(u.created_at),
    ];
    for change in how {
        let mut world = MiniWorld::with(&["anna"]);
        let root = world.server.by_name("root").unwrap().id.clone();
        change(world.server.user(&root));
        let anna = world.user_id("anna");
        world.server.user(&anna).roles.insert("system_admin".into());
        world.account("anna").state = locked();
        world.cycle();
        assert!(world.user("anna").is_active());
    }
}

/// What a reading in between says, and how.
type Between = (&'static str, fn(&mut MiniWorld));

/// Two readings in a row must say that somebody is back, whatever one in between says otherwise.
#[test]
fn two_readings_that_agree_are_two_in_a_row() {
    let between: [Between; 6] = [
        ("missing", |w| drop(w.leave("anna"))),
        ("locked", |w| w.lock("anna")),
        ("unknown", |w| {
            w.account("anna").state = AccountState::Unknown {
                why: "hidden".into(),
            };
        }),
        ("no person's", |w| {
            w.account("anna").state = AccountState::NotAPerson {
                rule: "svc-*".into(),
                state: AccountState::Active.into(),
            };
        }),
        ("unusable", |w| {
            let anna = w.leave("anna");
            w.rejected.push(Rejected {
                key: Some(anna.id),
                name: anna.dn,
                why: "no address".into(),
            });
        }),
        ("locked elsewhere, in a reading that was cut", |w| {
            w.leave("anna");
            w.gaps.push(Gap::Empty);
            let found = Lookup::Elsewhere {
                dn: "uid=anna,ou=left".into(),
                state: locked(),
                new_id: None,
            };
            w.lookups.insert(id("anna"), Some(Ok(found)));
        }),
    ];
    for (what, otherwise) in between {
        let mut world = MiniWorld::with(&["anna", "ben"]);
        let anna = world.account("anna").clone();
        let back = |world: &mut MiniWorld| {
            world.gaps.clear();
            world.rejected.clear();
            world.lookups.clear();
            world.accounts.insert(id("anna"), anna.clone());
            world.cycle();
            world.user("anna").is_active()
        };
        world.lock("anna");
        world.cycle();
        assert!(!back(&mut world), "{what}: seen once");
        otherwise(&mut world);
        world.cycle();
        assert!(
            !back(&mut world),
            "{what}: once more, and not twice in a row"
        );
        assert!(back(&mut world), "{what}");
    }
}

/// The reason of an adoption does not lean on what the user wrote.
#[test]
fn a_mark_is_told_as_what_it_is() {
    let mut world = MiniWorld::with(&["anna"]);
    world.join("ben", "ben");
    forge(&mut world, "ben");
    let plan = world.plan();
    let adopt = plan
        .steps
        .iter()
        .find(|s| s.action.kind() == ActionKind::Adopt)
        .unwrap();
    assert!(matches!(&adopt.reason, Reason::SamePerson { by } if by.marked));
}

//! Addresses and fields: one test a rule of the design.

use mattersync::model::{AccountState, Action, EmailCandidates, ProfileField, Why};
use mattersync::plan::{AdoptRule, Authority};

use testkit::world::{MiniWorld, emails, key, kinds, left};

fn why(world: &MiniWorld, who: &str) -> Vec<Why> {
    left(&world.plan(), who)
        .into_iter()
        .map(|l| l.why.clone())
        .collect()
}

#[test]
fn one_field_is_named_once() {
    let mut world = MiniWorld::with(&["anna"]);
    let profile = &mut world.account("anna").profile;
    profile.insert(ProfileField::LastName, "T01".into());
    let reason = world.plan().steps[0].reason.to_string();
    assert_eq!(
        reason,
        "last name is \"T01\" in the directory, \"\" on Mattermost"
    );
}

#[test]
fn of_several_addresses_the_one_in_use_is_kept() {
    let mut world = MiniWorld::with(&["anna"]);
    world.account("anna").emails = emails(&["aaa@example.org", "anna@example.org"]);
    assert_eq!(world.plan().steps, []);
}

#[test]
fn of_several_addresses_a_free_one_is_taken() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    world.account("ben").emails = emails(&["anna@example.org", "benjamin@example.org"]);
    world.join("1", "cleo");
    world.account("1").emails = emails(&["anna@example.org", "cleo@example.org"]);
    world.cycle();
    assert_eq!(world.user("ben").email, "benjamin@example.org");
    assert_eq!(world.user("1").email, "cleo@example.org");
}

#[test]
fn an_address_of_another_account_is_a_duplicate_not_an_adoption() {
    let mut world = MiniWorld::with(&["anna"]);
    world.policy.adopt = AdoptRule::Email;
    world.join("2", "ben");
    world.account("2").emails = emails(&["anna@example.org"]);
    assert!(matches!(&why(&world, "2")[..],
        [Why::Duplicate { other, dn, .. }]
            if *other == key("anna") && dn == "uid=anna,ou=people,dc=example"));
}

#[test]
fn an_address_that_is_given_up_goes_to_a_new_account_in_the_same_run() {
    let mut world = MiniWorld::with(&["anna"]);
    world.account("anna").emails = emails(&["rossi@example.org"]);
    world.join("2", "ben");
    world.account("2").emails = emails(&["anna@example.org"]);
    let (_, run) = world.cycle();
    assert!(run.surprises.is_empty());
    assert_eq!(world.user("2").email, "anna@example.org");
}

#[test]
fn addresses_that_are_swapped_are_a_conflict_where_they_are_verified() {
    let mut world = MiniWorld::with(&["anna", "ben", "cleo"]);
    world.server.verifies_email = true;
    world.account("anna").emails = emails(&["ben@example.org"]);
    world.account("ben").emails = emails(&["anna@example.org"]);
    world.account("cleo").emails = emails(&["ben@example.org"]);
    let plan = world.plan();
    assert_eq!(plan.steps, []);
    for who in ["anna", "ben"] {
        assert!(matches!(why(&world, who)[..], [Why::EmailSwap { .. }]));
    }
    assert!(matches!(why(&world, "cleo")[..], [Why::Duplicate { .. }]));
}

#[test]
fn where_the_server_verifies_addresses_a_person_is_asked_once() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    world.server.verifies_email = true;
    world.account("anna").emails = emails(&["rossi@example.org"]);
    world.account("ben").emails = emails(&["anna@example.org"]);
    let plan = world.cycle().0;
    assert_eq!(kinds(&plan, "anna"), ["change-email"]);
    assert_eq!(
        kinds(&plan, "ben"),
        [""; 0],
        "the old address is not free yet"
    );
    assert_eq!(
        why(&world, "anna"),
        [Why::EmailWaiting {
            email: "rossi@example.org".into()
        }]
    );
    world.join("3", "rossi");
    assert!(
        matches!(why(&world, "3")[..], [Why::Duplicate { .. }]),
        "promised to anna"
    );
    world.leave("3");
    world.server.click(&world.user_id("anna"));
    assert_eq!(kinds(&world.cycle().0, "ben"), ["change-email"]);
    assert_eq!(world.link("anna").email_waiting, None);
}

#[test]
fn a_crash_does_not_ask_a_person_twice() {
    let mut world = MiniWorld::with(&["anna"]);
    world.server.verifies_email = true;
    world.account("anna").emails = emails(&["rossi@example.org"]);
    world.die_after = Some(world.server.writes);
    world.cycle();
    world.cycle();
    world.cycle();
    let asked: Vec<_> = world.server.asked.values().flatten().collect();
    assert_eq!(asked, ["rossi@example.org"]);
}

#[test]
fn a_domain_that_the_server_refuses_is_foreseen() {
    let mut world = MiniWorld::with(&["anna"]);
    world.server.domains = vec!["example.org".into()];
    world.account("anna").emails = emails(&["anna@else.net"]);
    world.join("2", "ben");
    world.account("2").emails = emails(&["ben@else.net"]);
    world.join("3", "cleo");
    world.account("3").emails = emails(&["cleo@else.net", "cleo@example.org"]);
    for who in ["anna", "2"] {
        assert!(matches!(why(&world, who)[..], [Why::DomainRefused { .. }]));
    }
    world.cycle();
    assert_eq!(world.user("3").email, "cleo@example.org");
}

#[test]
fn a_user_of_a_login_service_keeps_the_fields_but_not_the_seat() {
    let mut world = MiniWorld::with(&["anna"]);
    let user = world.user_id("anna");
    world.server.user(&user).auth_service = "gitlab".into();
    let account = world.account("anna");
    account.username = "rossi".into();
    account.emails = emails(&["rossi@example.org"]);
    account
        .profile
        .insert(ProfileField::LastName, "Rossi".into());
    assert_eq!(world.plan().steps, []);
    assert_eq!(why(&world, "anna").len(), 2);
    world.lock("anna");
    assert_eq!(kinds(&world.plan(), "anna"), ["deactivate"]);
}

#[test]
fn fields_follow_their_authority() {
    let mut world = MiniWorld::new();
    let fields = &mut world.policy.fields;
    fields.insert(ProfileField::Nickname, Authority::Initial);
    fields.insert(ProfileField::Position, Authority::Off);
    world.join("1", "anna");
    let set = |world: &mut MiniWorld, value: &str| {
        for field in ProfileField::ALL {
            world.account("1").profile.insert(field, value.into());
        }
    };
    set(&mut world, "de");
    world.cycle();
    let user = world.user("1").clone();
    assert_eq!(user.field(ProfileField::LastName), "de");
    assert_eq!(user.field(ProfileField::Nickname), "de");
    assert_eq!(user.field(ProfileField::Position), "");
    set(&mut world, "it");
    let plan = world.plan();
    let Action::UpdateProfile { changes, .. } = &plan.steps[0].action else {
        panic!("{plan:?}")
    };
    let fields: Vec<_> = changes.keys().copied().collect();
    let decided = [
        ProfileField::FirstName,
        ProfileField::LastName,
        ProfileField::Locale,
    ];
    assert_eq!(fields, decided, "only those that differ");
}

#[test]
fn a_locale_that_the_server_replaced_is_not_sent_again() {
    let mut world = MiniWorld::with(&["anna"]);
    world
        .account("anna")
        .profile
        .insert(ProfileField::Locale, "zz".into());
    assert_eq!(kinds(&world.cycle().0, "anna"), ["update"]);
    assert_eq!(world.user("anna").field(ProfileField::Locale), "en");
    assert_eq!(world.plan().steps, []);
}

#[test]
fn only_what_we_gave_is_emptied() {
    let mut world = MiniWorld::with(&["anna"]);
    let user = world.user_id("anna");
    world
        .server
        .user(&user)
        .profile
        .insert(ProfileField::Nickname, "Nanni".into());
    world.account("anna").profile.clear();
    let plan = world.cycle().0;
    assert_eq!(kinds(&plan, "anna"), ["update"]);
    assert_eq!(world.user("anna").field(ProfileField::FirstName), "");
    assert_eq!(world.user("anna").field(ProfileField::Nickname), "Nanni");
    assert_eq!(world.plan().steps, []);
}

#[test]
fn an_unproven_reading_empties_no_field_and_falls_back_to_no_other_address() {
    let mut world = MiniWorld::with(&["anna"]);
    world.gaps.push(mattersync::model::Gap::Empty);
    let account = world.account("anna");
    account.profile.clear();
    account.emails = emails(&[]);
    account.emails.push(EmailCandidates {
        source: "{uid}@example.net".into(),
        values: vec!["anna@example.net".into()],
    });
    let plan = world.plan();
    assert_eq!(plan.steps, []);
    let unproven = why(&world, "anna");
    assert!(
        unproven
            .iter()
            .all(|w| matches!(w, Why::FieldUnproven { .. })),
        "{unproven:?}"
    );
    assert_eq!(unproven.len(), 2);
    world.gaps.clear();
    assert_eq!(kinds(&world.plan(), "anna"), ["change-email", "update"]);
}

#[test]
fn an_unknown_state_creates_and_updates() {
    let mut world = MiniWorld::with(&["anna"]);
    let unknown = AccountState::Unknown {
        why: "no right".into(),
    };
    world.account("anna").state = unknown.clone();
    world.account("anna").username = "rossi".into();
    world.join("2", "ben");
    world.account("2").state = unknown;
    let plan = world.plan();
    assert_eq!(kinds(&plan, "anna"), ["rename"]);
    assert_eq!(kinds(&plan, "2"), ["create", "join-team"]);
}

//! The rows hold what the struct holds, whatever is remembered in whatever order.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;

use super::*;
use crate::model::{
    Absence, AccountChange, Agreed, Announcement, Approval, ChangedPart, ChosenName, Class,
    ClockSeen, Deactivation, Dn, Done, Fingerprint, Given, HoldChange, HoldKey, Kept, Newest,
    Nonce, Older, Order, OwnChange, PlaceChange, PlaceId, ProfileField, ProviderChange, Remember,
    Restored, Return, ScopeKey, ScopeValue, ScopeValues, SeatRefusal, SeatWait, ServerChange,
    Shape, SourceIdentity, TeamId, Undoing, Undone, Unlinked, UserChange, ValueOf,
};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "\\PC{0,5}",
        1 => Just("nul\0and more".to_owned()),
        1 => Just("'; DROP TABLE links; --".to_owned()),
    ]
}

fn moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        4 => (0_i64..20).prop_map(Timestamp),
        1 => any::<i64>().prop_map(Timestamp),
    ]
}

fn duration() -> impl Strategy<Value = Duration> {
    (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(s, n)| Duration::new(s, n))
}

fn now() -> impl Strategy<Value = Now> {
    (moment(), duration(), text()).prop_map(|(wall, boot, boot_id)| Now {
        wall,
        boot,
        boot_id,
    })
}

/// Few names, so that changes meet; the last are easily mixed up.
fn provider() -> impl Strategy<Value = ProviderName> {
    prop::sample::select(vec!["company", "a:b", "a", ""]).prop_map(ProviderName::new)
}

fn account() -> impl Strategy<Value = AccountKey> {
    let id = prop::sample::select(vec!["1", "2", "c", "b:c", "A", "a"]).prop_map(DirectoryId::new);
    (provider(), id).prop_map(|(provider, id)| AccountKey { provider, id })
}

fn user() -> impl Strategy<Value = UserId> {
    prop::sample::select(vec!["u1", "u2", "u3", "u4", "u5", "U5"]).prop_map(UserId::new)
}

fn place() -> impl Strategy<Value = (PlaceId, Option<String>)> {
    let team = prop::sample::select(vec!["t1", "t2"]).prop_map(TeamId::new);
    (team.prop_map(PlaceId::Team), of(text()))
}

fn class() -> impl Strategy<Value = Class> {
    prop::sample::select(Class::ALL.to_vec())
}

fn a_link() -> impl Strategy<Value = Link> {
    let deactivation =
        (of(moment()), text(), of(text())).prop_map(|(delete_at, why, ordered_by)| Deactivation {
            delete_at,
            why,
            ordered_by,
        });
    (
        user(),
        prop::sample::select(vec![LinkOrigin::Created, LinkOrigin::Adopted]),
        moment(),
        (text(), text()),
        of(deactivation),
        of(text()),
        (
            btree_map(
                prop::sample::select(ProfileField::ALL.to_vec()),
                given(),
                0..5,
            ),
            of(text()),
            agreed(),
        ),
    )
        .prop_map(
            |(
                user,
                origin,
                since,
                (last_dn, last_username),
                deactivated,
                email_waiting,
                (given, anchor, agreed),
            )| {
                Link {
                    user,
                    origin,
                    since,
                    last_dn,
                    last_username,
                    deactivated,
                    email_waiting,
                    given,
                    anchor,
                    agreed,
                }
            },
        )
}

fn agreed() -> impl Strategy<Value = Agreed> {
    let value = || proptest::option::of(text());
    (value(), value()).prop_map(|(username, email)| Agreed { username, email })
}

fn given() -> impl Strategy<Value = Given> {
    (text(), text()).prop_map(|(sent, stored)| Given { sent, stored })
}

fn absence() -> impl Strategy<Value = Absence> {
    (now(), now(), duration(), any::<u32>()).prop_map(|(first, last, certain, readings)| Absence {
        first,
        last,
        certain,
        readings,
    })
}

fn scope() -> impl Strategy<Value = ScopeValues> {
    let value = prop_oneof![
        text().prop_map(ScopeValue::Text),
        btree_set(text(), 0..3).prop_map(ScopeValue::List),
        duration().prop_map(ScopeValue::Duration),
    ];
    let keys = vec![ScopeKey::Base, ScopeKey::Lock, ScopeKey::Grace];
    btree_map(prop::sample::select(keys), value, 0..3)
}

fn hold() -> impl Strategy<Value = HoldKey> {
    prop_oneof![
        class().prop_map(HoldKey::Class),
        provider().prop_map(HoldKey::Shrank),
        (provider(), text()).prop_map(|(name, dn)| HoldKey::Container(name, Dn::of(&dn))),
        Just(HoldKey::Container(
            ProviderName::new("company"),
            Dn::of("dc=example")
        )),
        Just(HoldKey::Field(
            ProviderName::new("company"),
            ProfileField::Nickname
        )),
        Just(HoldKey::Attribute(
            ProviderName::new("company"),
            "dc=example".into()
        )),
        provider().prop_map(HoldKey::NewIds),
        provider().prop_map(HoldKey::Identity),
        provider().prop_map(HoldKey::Configuration),
        Just(HoldKey::Restored),
        Just(HoldKey::Flapping),
        Just(HoldKey::Clock),
    ]
}

/// Of few, so that what is used up was released before.
fn released() -> impl Strategy<Value = Fingerprint> {
    "f[0-2]".prop_map(Fingerprint::new)
}

fn approval() -> impl Strategy<Value = Approval> {
    let steps = btree_set(released(), 0..3);
    (steps, text(), moment(), moment()).prop_map(|(steps, by, at, until)| Approval {
        steps,
        by,
        at,
        until,
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    let numbers = || btree_map(text(), any::<usize>(), 0..3);
    (any::<usize>(), numbers(), numbers()).prop_map(|(accounts, containers, attributes)| Shape {
        accounts,
        containers: containers.iter().map(|(dn, n)| (Dn::of(dn), *n)).collect(),
        attributes,
        ..Shape::default()
    })
}

fn identity() -> impl Strategy<Value = SourceIdentity> {
    (text(), text(), of(text())).prop_map(|(name, context, server)| SourceIdentity {
        name,
        context,
        server,
        ..SourceIdentity::default()
    })
}

fn done() -> impl Strategy<Value = Done> {
    (class(), moment(), text()).prop_map(|(class, at, whom)| Done {
        class,
        at,
        whom: Fingerprint::new(whom),
    })
}

fn flip() -> impl Strategy<Value = OwnChange> {
    let of = prop_oneof![
        Just(ChangedPart::State),
        Just(ChangedPart::Reactivated),
        Just(ChangedPart::Username)
    ];
    (moment(), of).prop_map(|(at, of)| OwnChange { at, of })
}

fn change() -> impl Strategy<Value = Remember> {
    let a_return =
        (moment(), any::<u32>()).prop_map(|(first, readings)| Return { first, readings });
    let name = (text(), text()).prop_map(|(base, name)| ChosenName { base, name });
    let order = (text(), moment()).prop_map(|(by, at)| Order { by, at });
    let kept = (text(), moment(), any::<bool>());
    let kept = kept.prop_map(|(by, at, witness)| Kept { by, at, witness });
    let unlinked = (user(), text(), moment()).prop_map(|(user, by, at)| Unlinked { user, by, at });
    let older = (moment(), 0..1_000_u64, now(), any::<u32>());
    let older = older.prop_map(|(seen, certain, last, readings)| Older {
        seen,
        certain: Duration::from_millis(certain),
        last,
        readings,
    });
    let newest = (moment(), of(older)).prop_map(|(at, older)| Newest { at, older });
    let restored = (moment(), text()).prop_map(|(at, how)| Restored {
        at,
        how,
        witnesses: Default::default(),
    });
    let announcement = (moment(), now()).prop_map(|(date, at)| Announcement { date, at });
    let clock = (now(), any::<i64>()).prop_map(|(at, ahead)| ClockSeen { at, ahead });
    let refusal = (0..1_000_u64, moment()).prop_map(|(active, at)| SeatRefusal { active, at });
    let wait = (moment(), of(moment())).prop_map(|(since, turn)| SeatWait { since, turn });
    prop_oneof![
        4 => (account(), a_link()).prop_map(|(k, v)| Remember::Account(k, AccountChange::Link(Some(v)))),
        2 => account().prop_map(|k| Remember::Account(k, AccountChange::Link(None))),
        1 => (account(), of(absence())).prop_map(|(k, v)| Remember::Account(k, AccountChange::Absence(v))),
        1 => (account(), of(a_return)).prop_map(|(k, v)| Remember::Account(k, AccountChange::Returning(v))),
        1 => (account(), of(name)).prop_map(|(k, v)| Remember::Account(k, AccountChange::Name(v))),
        1 => (account(), of(text().prop_map(|text| Nonce::new(text).into()))).prop_map(|(k, v)| Remember::Account(k, AccountChange::Begun(v))),
        1 => (account(), of(wait)).prop_map(|(k, v)| Remember::Account(k, AccountChange::Waiting(v))),
        1 => (user(), of(order)).prop_map(|(k, v)| Remember::User(k, UserChange::Order(v))),
        1 => (hold(), of(btree_set(text().prop_map(Fingerprint::new), 0..3)))
            .prop_map(|(k, v)| Remember::Hold(k, HoldChange::Shown(v))),
        2 => (hold(), of(approval())).prop_map(|(k, v)| Remember::Hold(k, HoldChange::Approval(v))),
        2 => (hold(), released()).prop_map(|(k, v)| Remember::Used(k, v)),
        1 => (provider(), shape()).prop_map(|(k, v)| Remember::Provider(k, ProviderChange::Shape(Some(v)))),
        1 => (provider(), identity()).prop_map(|(k, v)| Remember::Provider(k, ProviderChange::Identity(Some(v)))),
        1 => provider().prop_map(|k| Remember::Provider(k, ProviderChange::Filled(true))),
        2 => done().prop_map(Remember::Done),
        1 => moment().prop_map(Remember::ForgetDone),
        1 => (account(), vec(flip(), 0..3)).prop_map(|(k, v)| Remember::Account(k, AccountChange::Flips(v))),
        1 => (account(), of(announcement)).prop_map(|(k, v)| Remember::Account(k, AccountChange::Announced(v))),
        1 => (account(), of(moment())).prop_map(|(k, v)| Remember::Account(k, AccountChange::Gone(v))),
        1 => clock.prop_map(|v| Remember::Server(ServerChange::Clock(Some(v)))),
        1 => of(refusal).prop_map(|v| Remember::Server(ServerChange::SeatRefusal(v))),
        1 => (provider(), scope()).prop_map(|(k, v)| Remember::Provider(k, ProviderChange::Scope(Some(v)))),
        1 => (user(), of(kept)).prop_map(|(k, v)| Remember::User(k, UserChange::Kept(v))),
        1 => (account(), of(unlinked)).prop_map(|(k, v)| Remember::Account(k, AccountChange::Unlinked(v))),
        1 => (account(), vec(undone(), 0..3)).prop_map(|(k, v)| Remember::Account(k, AccountChange::Undone(v))),
        1 => (account(), of(moment())).prop_map(|(k, v)| Remember::Account(k, AccountChange::Duplicate(v))),
        1 => (user(), of(moment())).prop_map(|(k, v)| Remember::User(k, UserChange::Forgotten(v))),
        1 => account().prop_map(Remember::forget_account),
        1 => user().prop_map(Remember::forget_user),
        1 => place().prop_map(|(k, v)| Remember::Place(k, PlaceChange::Configured(v))),
        1 => (user(), of(newest)).prop_map(|(k, v)| Remember::User(k, UserChange::Newest(v))),
        1 => of(restored).prop_map(|v| Remember::Server(ServerChange::Restored(v))),
        1 => of(now()).prop_map(|v| Remember::Server(ServerChange::OldRuns(v))),
    ]
}

fn undone() -> impl Strategy<Value = Undone> {
    let value = (text(), text(), of(text())).prop_map(|(made, back, directory)| Undoing::Value {
        of: ValueOf::Field(ProfileField::Nickname),
        made,
        back,
        directory,
    });
    let what = prop_oneof![
        value,
        of(moment()).prop_map(|delete_at| Undoing::Reactivate { delete_at }),
        any::<bool>().prop_map(|lasting| Undoing::Deactivate { lasting }),
        Just(Undoing::Unlink),
        text().prop_map(|directory_username| Undoing::Link { directory_username }),
    ];
    (what, user(), any::<i64>(), text(), moment(), any::<bool>()).prop_map(
        |(what, user, run, by, at, done)| Undone {
            what,
            user,
            run: RunId(run),
            by,
            at,
            done,
        },
    )
}

/// The struct after a delta; `None` if a user would stand for two accounts at any moment.
fn expected(memory: &Memory, delta: &[Remember]) -> Option<Memory> {
    let mut memory = memory.clone();
    for change in delta {
        memory.remember(change);
        let users: BTreeMap<_, _> = memory.accounts_by_user();
        if users.len() != memory.links().count() {
            return None;
        }
    }
    Some(memory)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn rows_and_struct_remember_the_same(deltas in vec(vec(change(), 0..8), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let place = tempfile::tempdir().unwrap();
        let mut memory = Memory::default();
        let volatile = State::in_memory().unwrap();
        let mut file = open(place.path());
        for (number, delta) in deltas.into_iter().enumerate() {
            let after = expected(&memory, &delta);
            let answers = runtime.block_on(async {
                (file.observe(delta.clone()).await, volatile.observe(delta).await)
            });
            prop_assert_eq!(&answers.0, &answers.1);
            prop_assert_eq!(answers.0.is_ok(), after.is_some());
            memory = after.unwrap_or(memory);
            if number % 8 == 7 {
                drop(file);
                file = open(place.path());
            }
            let loaded = runtime.block_on(async {
                (file.load().await, volatile.load().await)
            });
            prop_assert_eq!(loaded.0.unwrap(), memory.clone());
            prop_assert_eq!(loaded.1.unwrap(), memory.clone());
        }
        let counts = runtime.block_on(async { (file.counts().await, volatile.counts().await) });
        prop_assert_eq!(counts.0, counts.1);
    }
}

#[tokio::test]
async fn an_approval_is_used_up_step_by_step() {
    let place = tempfile::tempdir().unwrap();
    let file = open(place.path());
    let hold = HoldKey::Class(Class::Adopt);
    let [first, second] = ["f1", "f2"].map(Fingerprint::new);
    let approval = Approval {
        steps: [first.clone(), second.clone()].into(),
        by: "root".into(),
        at: Timestamp(1),
        until: Timestamp(2),
    };
    let given = Remember::Hold(hold.clone(), HoldChange::Approval(Some(approval)));
    let used = |step: &Fingerprint| Remember::Used(hold.clone(), step.clone());
    file.observe(vec![given, used(&first)]).await.unwrap();
    let left = file.load().await.unwrap();
    let left = left.hold(&hold).approval.as_ref().unwrap();
    assert_eq!(left.steps, [second.clone()].into());
    file.observe(vec![used(&first), used(&second), used(&second)])
        .await
        .unwrap();
    assert!(file.load().await.unwrap().holds.is_empty());
}

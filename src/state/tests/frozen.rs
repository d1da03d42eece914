//! A file of schema version 1 as it was first written, with every kind of row. Whatever changes
//! in the program's types, this has to stay readable: by `serde` defaults, or by a migration.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::*;
use crate::model::{
    Absence, Agreement, Approval, BegunCreation, ChangedPart, ChosenName, Class, Deactivation, Dn,
    Done, Fingerprint, Given, HoldKey, NewUser, Order, OwnChange, PlaceChange, PlaceId, Profile,
    ProfileField, Return, SeatRefusal, ServerChange, Shape, SourceIdentity, TeamId, Undoing,
    Undone, ValueOf, Values,
};

const SCHEMA: &str = include_str!("../migrations/v1.sql");
const ROWS: &str = include_str!("v1_rows.sql");

pub(super) fn memory() -> MemoryDelta {
    let company = || ProviderName::new("company");
    let adopted = Link {
        origin: LinkOrigin::Adopted,
        deactivated: Some(Deactivation {
            delete_at: Some(Timestamp(77)),
            why: "locked: shadowExpire is 0".into(),
            ordered_by: Some("root".into()),
        }),
        email_waiting: Some("new@example.org".into()),
        given: BTreeMap::from([(
            ProfileField::Locale,
            Given {
                sent: "xx".into(),
                stored: "en".into(),
            },
        )]),
        ..link("v")
    };
    let absence = Absence {
        first: at(1),
        last: at(2),
        certain: Duration::new(3, 4),
        readings: 5,
    };
    let approval = || Approval {
        steps: BTreeSet::from([Fingerprint::new("f1"), Fingerprint::new("f2")]),
        by: "root".into(),
        at: Timestamp(6),
        until: Timestamp(7),
    };
    let mut delta = vec![
        Remember::Account(key("a"), AccountChange::Link(Some(link("u")))),
        Remember::Account(key("b"), AccountChange::Link(Some(adopted))),
        Remember::Account(key("a"), AccountChange::Absence(Some(absence))),
        Remember::Account(
            key("a"),
            AccountChange::Returning(Some(Return {
                first: Timestamp(8),
                readings: 1,
            })),
        ),
        Remember::Account(
            key("a"),
            AccountChange::Name(Some(ChosenName {
                base: "anna".into(),
                name: "anna2".into(),
            })),
        ),
        Remember::Account(
            key("a"),
            AccountChange::Begun(Some(BegunCreation {
                nonce: Nonce::new("n0nce"),
                sent: BTreeMap::from([(ProfileField::Position, "Head".into())]),
            })),
        ),
        Remember::Account(key("a"), AccountChange::Waiting(Some(Timestamp(9).into()))),
        Remember::Account(
            key("a"),
            AccountChange::Flips(vec![OwnChange {
                at: Timestamp(13),
                of: ChangedPart::Reactivated,
            }]),
        ),
        Remember::Account(key("b"), AccountChange::Gone(Some(Timestamp(14)))),
        Remember::Account(
            key("b"),
            AccountChange::Undone(vec![Undone {
                what: Undoing::Value {
                    of: ValueOf::Field(ProfileField::Nickname),
                    made: "new".into(),
                    back: "old".into(),
                    directory: Some("new".into()),
                },
                user: UserId::new("v"),
                run: RunId(1),
                by: "root".into(),
                at: Timestamp(15),
                done: true,
            }]),
        ),
        Remember::Place(
            PlaceId::Team(TeamId::new("t")),
            PlaceChange::Configured(Some("red".into())),
        ),
        Remember::Server(ServerChange::SeatRefusal(Some(SeatRefusal {
            active: 250,
            at: Timestamp(16),
        }))),
        Remember::User(
            UserId::new("w"),
            UserChange::Order(Some(Order {
                by: "root".into(),
                at: Timestamp(10),
            })),
        ),
        Remember::Hold(
            HoldKey::Class(Class::Adopt),
            HoldChange::Shown(Some(BTreeSet::from([Fingerprint::new("f1")]))),
        ),
        Remember::Provider(
            company(),
            ProviderChange::Shape(Some(Shape {
                accounts: 3,
                containers: BTreeMap::from([(Dn::of("ou=people"), 3)]),
                attributes: BTreeMap::from([("mail".into(), 2)]),
                fields: BTreeMap::from([(ProfileField::FirstName, 3)]),
                lost_locks: BTreeSet::from(["nsaccountlock".into()]),
            })),
        ),
        Remember::Provider(
            company(),
            ProviderChange::Identity(Some(SourceIdentity {
                name: "ldaps://dc1".into(),
                context: "dc=example".into(),
                server: Some("s".into()),
                ..SourceIdentity::default()
            })),
        ),
        Remember::Provider(company(), ProviderChange::Filled(true)),
    ];
    let holds = [
        HoldKey::Class(Class::MembershipRemoval),
        HoldKey::Shrank(company()),
        HoldKey::Container(ProviderName::new("company"), Dn::of("ou=people")),
        HoldKey::Attribute(ProviderName::new("company"), "mail".into()),
        HoldKey::Field(ProviderName::new("company"), ProfileField::FirstName),
        HoldKey::Identity(company()),
    ];
    delta.extend(
        holds.map(|hold| Remember::Hold(hold.clone(), HoldChange::Approval(Some(approval())))),
    );
    // These came later.
    let later = [Class::Move, Class::Purge, Class::Privileged];
    let known = Class::ALL.into_iter().filter(|c| !later.contains(c));
    delta.extend(known.map(|class| {
        Remember::Done(Done {
            class,
            at: Timestamp(11),
            whom: Fingerprint::new(class.name()),
        })
    }));
    delta
}

/// Steps of nine actions, each with another reason, and with another precondition where there are
/// enough.
pub(super) fn steps() -> Vec<Step> {
    let (account, user) = (|| key("a"), || UserId::new("u"));
    let directory_username = || "Anna".to_owned();
    let values = || Values {
        from: "old".into(),
        to: "new".into(),
    };
    let actions = vec![
        Action::CreateUser {
            account: account(),
            user: NewUser {
                username: "anna".into(),
                email: "anna@example.org".into(),
                profile: Profile::default(),
            },
            directory_username: directory_username(),
            verified: true,
        },
        Action::Adopt {
            account: account(),
            user: user(),
            directory_username: directory_username(),
        },
        Action::Rename {
            account: account(),
            user: user(),
            username: values(),
        },
        Action::ChangeEmail {
            account: account(),
            user: user(),
            email: values(),
            waits_for_click: true,
        },
        Action::UpdateProfile {
            account: account(),
            user: user(),
            changes: BTreeMap::from([(ProfileField::Nickname, values())]),
        },
        Action::Deactivate {
            account: None,
            user: user(),
            class: Some(Class::Missing),
            ordered_by: Some("root".into()),
        },
        Action::Reactivate {
            account: account(),
            user: user(),
        },
        Action::CreateTeam {
            name: "red".into(),
            display_name: "Red".into(),
        },
        Action::JoinTeam {
            account: account(),
            user: UserRef::Existing(user()),
            team: TeamRef::Made(StepId(7)),
            team_name: "red".into(),
        },
    ];
    let text = || "x".to_owned();
    let reasons = [
        Reason::NoUserYet,
        Reason::SamePerson {
            by: Agreement {
                username: true,
                email: true,
                marked: false,
            },
        },
        Reason::MakesRoom { name: text() },
        Reason::Differs {
            attribute: text(),
            directory: text(),
            mattermost: text(),
        },
        Reason::Locked {
            attribute: text(),
            value: text(),
        },
        Reason::Missing {
            certain: Duration::new(1, 2),
            readings: 3,
            last_dn: text(),
            now_at: Some(text()),
        },
        Reason::Returned {
            deactivated_because: text(),
        },
        Reason::Ordered { by: text() },
        Reason::EveryoneIsMember { team: text() },
    ];
    let preconditions = [
        Precondition::Nothing,
        Precondition::Active,
        Precondition::Username(text()),
        Precondition::Email(text()),
        Precondition::Profile(BTreeMap::from([(ProfileField::Nickname, text())])),
        Precondition::Active,
        Precondition::DeactivatedAt(Timestamp(12)),
        Precondition::Nothing,
        Precondition::Nothing,
    ];
    let parts = actions.into_iter().zip(reasons).zip(preconditions);
    (0..)
        .zip(parts)
        .map(|(number, ((action, reason), expects))| Step {
            reason,
            expects,
            mails: 1,
            after: vec![StepId(0)],
            privileged: false,
            ..step(number, action)
        })
        .collect()
}

/// What wrote the rows (then `sqlite3 state.sqlite .dump`, and of that the INSERTs).
async fn write(store: &State) {
    store.observe(memory()).await.unwrap();
    let run = store
        .begin(&plan(steps()), "digest", &at(20))
        .await
        .unwrap();
    let begun: Vec<StepId> = (0..4).map(StepId).collect();
    store
        .intend(run, &begun, vec![], Timestamp(21))
        .await
        .unwrap();
    let outcomes = [
        Outcome::Done,
        Outcome::NotDone("refused".into()),
        Outcome::Unknown("cut".into()),
    ];
    for (step, outcome) in begun.iter().zip(outcomes) {
        let settlement = Settlement {
            outcome,
            made: None,
            at: Timestamp(1_795_353_074_326),
        };
        store
            .conclude(run, *step, settlement, vec![])
            .await
            .unwrap();
    }
    store.finish(run, true, Timestamp(22)).await.unwrap();
}

/// A state file of that version: its schema, step by step, and its rows.
pub(super) fn file_of(version: i64, texts: &[&str]) -> TempDir {
    let place = place();
    let file = place.path().join(FILE_NAME);
    let db = Connection::open(&file).unwrap();
    for text in texts {
        db.execute_batch(text).unwrap();
    }
    db.pragma_update(None, "application_id", 0x6d73_796e)
        .unwrap();
    db.pragma_update(None, "user_version", version).unwrap();
    drop(db);
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    place
}

#[tokio::test]
async fn what_version_1_wrote_stays_readable() {
    let place = file_of(1, &[SCHEMA, ROWS]);
    let fresh = State::in_memory().unwrap();
    write(&fresh).await;

    let old = open(place.path());
    assert_eq!(old.load().await, fresh.load().await);
    assert_eq!(old.runs(9).await, fresh.runs(9).await);
    assert_eq!(old.unsettled().await, fresh.unsettled().await);
    assert_eq!(old.counts().await, fresh.counts().await);
}

//! A file of schema version 2 as it was first written, with every kind of row: those of version 1,
//! and what came with version 2. As there: whatever changes in the program's types, it stays
//! readable.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::frozen::{self, file_of};
use super::*;
use crate::model::{
    Announcement, Approval, Class, ClockSeen, Done, Fingerprint, Flip, Flipped, HeldBack, HoldKey,
    Kept, MattermostProof, Origin, ProfileField, ReadingProof, Released, Restored, RunKind,
    SeatRefusal, SourceIdentity, TeamId, Undoing, Undone, Unlinked, ValueOf, WentBack,
};

const SCHEMA: [&str; 2] = [
    include_str!("../migrations/v1.sql"),
    include_str!("../migrations/v2.sql"),
];
const ROWS: &str = include_str!("v2_rows.sql");

fn text() -> String {
    "x".to_owned()
}

/// What version 1 did not remember.
fn memory() -> MemoryDelta {
    let company = || ProviderName::new("company");
    let anchored = Link {
        anchor: Some("employeenumber=7".into()),
        ..link("w")
    };
    let identity = SourceIdentity {
        name: "ldaps://dc1".into(),
        context: "dc=example by objectguid".into(),
        server: Some("s".into()),
        progress: BTreeMap::from([("s".into(), "41".into())]),
        went_back: Some(WentBack {
            server: "s".into(),
            from: "42".into(),
            to: "41".into(),
        }),
    };
    let undoings = [
        Undoing::Value {
            of: ValueOf::Username,
            made: "new".into(),
            back: "old".into(),
            directory: Some("new".into()),
        },
        Undoing::Value {
            of: ValueOf::Email,
            made: "new".into(),
            back: "old".into(),
            directory: None,
        },
        Undoing::Value {
            of: ValueOf::Field(ProfileField::LastName),
            made: "new".into(),
            back: "old".into(),
            directory: None,
        },
        Undoing::Reactivate {
            delete_at: Some(Timestamp(77)),
        },
        Undoing::Deactivate { lasting: true },
        Undoing::Unlink,
        Undoing::Link {
            directory_username: "Anna".into(),
        },
    ];
    let undone = undoings.into_iter().map(|what| Undone {
        what,
        user: UserId::new("u"),
        run: RunId(1),
        by: "root".into(),
        at: Timestamp(50),
        done: true,
    });
    let unlinked = Unlinked {
        user: UserId::new("x"),
        by: "root".into(),
        at: Timestamp(51),
    };
    let kept = Kept {
        by: "root".into(),
        at: Timestamp(52),
        witness: false,
    };
    let restored = Restored {
        at: Timestamp(53),
        how: "a copy".into(),
        witnesses: BTreeSet::new(),
    };
    let refusal = SeatRefusal {
        active: 250,
        at: Timestamp(54),
    };
    let announced = Announcement {
        date: Timestamp(60),
        at: at(55),
    };
    let clock = ClockSeen {
        at: at(56),
        ahead: -3,
    };
    let scope = BTreeMap::from([("accounts.filter".into(), "(uid=*)".into())]);
    let mut delta = vec![
        Remember::Link(key("c"), anchored),
        Remember::Identity(company(), identity),
        Remember::Flips(
            key("a"),
            Some(
                [40, 41]
                    .map(|at| Flip {
                        at: Timestamp(at),
                        of: Flipped::State,
                    })
                    .into(),
            ),
        ),
        Remember::Announced(key("a"), Some(announced)),
        Remember::Gone(key("b"), Some(Timestamp(57))),
        Remember::Clock(clock),
        Remember::SeatRefusal(Some(refusal)),
        Remember::Scope(company(), scope),
        Remember::Kept(UserId::new("k"), Some(kept)),
        Remember::Unlinked(key("d"), Some(unlinked)),
        Remember::Undone(key("a"), Some(undone.collect())),
        Remember::Forgotten(UserId::new("f"), Some(Timestamp(58))),
        Remember::Restored(Some(restored)),
    ];
    let holds = [
        HoldKey::Class(Class::Move),
        HoldKey::Configuration(company()),
        HoldKey::Restored,
        HoldKey::Flapping,
        HoldKey::Clock,
    ];
    for hold in holds {
        let steps = BTreeSet::from([Fingerprint::new("f1"), Fingerprint::new("f2")]);
        delta.push(Remember::Held(hold.clone(), Some(steps.clone())));
        let approval = Approval {
            hold: hold.clone(),
            steps,
            by: "root".into(),
            at: Timestamp(6),
            until: Timestamp(7),
        };
        delta.push(Remember::Approval(hold, Some(approval)));
    }
    delta.extend([Class::Move, Class::Purge].map(|class| {
        Remember::Done(Done {
            class,
            at: Timestamp(11),
            whom: Fingerprint::new(class.name()),
        })
    }));
    delta
}

/// One step of each action that version 1 did not have, and more for the other new reasons.
fn steps() -> Vec<Step> {
    let user = || UserId::new("u");
    let actions = vec![
        Action::MoveLink {
            account: key("a"),
            from: key("z"),
            user: user(),
            directory_username: "Anna".into(),
            anchor: Some("employeenumber=7".into()),
        },
        Action::Unlink {
            account: key("a"),
            user: user(),
            as_new: true,
        },
        Action::Purge {
            account: key("b"),
            user: user(),
        },
        Action::Reactivate {
            account: key("a"),
            user: user(),
        },
        Action::Reactivate {
            account: key("b"),
            user: user(),
        },
        Action::Reactivate {
            account: key("c"),
            user: user(),
        },
        Action::CreateTeam {
            name: "blue".into(),
            display_name: "Blue".into(),
        },
    ];
    let reasons = [
        Reason::SameAnchor {
            anchor: text(),
            was: text(),
        },
        Reason::ByHand {
            by: text(),
            command: text(),
        },
        Reason::GoneFor {
            since: Timestamp(1),
            deactivated: Timestamp(2),
            after: Duration::new(3, 4),
            last_dn: text(),
        },
        Reason::Undone {
            run: RunId(1),
            by: text(),
            lasting: true,
        },
        Reason::Expired {
            attribute: text(),
            at: Timestamp(1),
            announced: Some(Timestamp(2)),
        },
        Reason::Again { because: text() },
        Reason::TeamConfigured,
    ];
    let parts = actions.into_iter().zip(reasons);
    (0..)
        .zip(parts)
        .map(|(number, (action, reason))| Step {
            reason,
            ..step(number, action)
        })
        .collect()
}

fn about() -> About {
    let reading = ReadingProof {
        provider: "company".into(),
        source: "ldaps://dc1".into(),
        context: "dc=example by objectguid".into(),
        server: Some("s".into()),
        accounts: 3,
        rejected: 1,
        groups: 2,
        proves_absence: false,
        gaps: vec![text()],
    };
    About {
        origin: Origin::asked(RunKind::Undo, "root"),
        program: "0.1.0".into(),
        readings: vec![reading],
        mattermost: MattermostProof {
            version: "11.0.0".into(),
            users: 5,
            linked: 3,
        },
        approvals: vec![Released {
            hold: "adopt".into(),
            by: "root".into(),
            at: Timestamp(6),
            steps: vec![StepId(1)],
        }],
        held: vec![HeldBack {
            hold: "missing".into(),
            why: text(),
            steps: 4,
        }],
        held_steps: None,
        left_alone: BTreeMap::from([("conflict".into(), 2)]),
    }
}

fn made() -> Made {
    Made {
        user: Some(UserId::new("made")),
        delete_at: Some(Timestamp(78)),
        team: Some(TeamId::new("team")),
        stored: BTreeMap::from([(ProfileField::Locale, "en".into())]),
        asked: true,
    }
}

fn notes() -> [Note; 2] {
    let note = Note {
        run: Some(RunId(1)),
        at: Timestamp(70),
        account: Some(key("a")),
        user: Some(UserId::new("u")),
        kind: "leaves".into(),
        value: json!({"tokens": ["build"]}),
    };
    let loose = Note {
        run: None,
        account: None,
        user: None,
        kind: "forgotten".into(),
        value: json!("by root"),
        ..note.clone()
    };
    [note, loose]
}

/// What wrote the rows (then `sqlite3 state.sqlite .dump`, and of that the INSERTs).
async fn write(store: &dyn Store) {
    store.observe(frozen::memory()).await.unwrap();
    store.observe(memory()).await.unwrap();
    for (number, steps) in [(1, frozen::steps()), (2, steps())] {
        let about = (number == 2).then(about);
        let run = store
            .open_run(&plan(steps), "digest", about.as_ref(), &at(20))
            .await
            .unwrap();
        assert_eq!(run, RunId(number));
        let begun: Vec<StepId> = (0..4).map(StepId).collect();
        store
            .intend(run, &begun, vec![], Timestamp(21))
            .await
            .unwrap();
        let outcomes = [
            (Outcome::Done, Some(made())),
            (Outcome::NotDone("refused".into()), None),
            (Outcome::Unknown("cut".into()), Some(Made::default())),
        ];
        for (step, (outcome, made)) in begun.iter().zip(outcomes) {
            let settlement = Settlement {
                outcome,
                made,
                at: Timestamp(1_795_353_074_326),
            };
            store
                .conclude(run, *step, settlement, vec![])
                .await
                .unwrap();
        }
    }
    store.finish(RunId(2), true, Timestamp(22)).await.unwrap();
    for note in notes() {
        store.note(note).await.unwrap();
    }
}

#[tokio::test]
async fn what_version_2_wrote_stays_readable() {
    let place = file_of(2, &[SCHEMA[0], SCHEMA[1], ROWS]);
    let fresh = MemoryStore::default();
    write(&fresh).await;

    let old = open(place.path());
    assert_eq!(old.load().await, fresh.load().await);
    assert_eq!(old.runs(9).await, fresh.runs(9).await);
    assert_eq!(old.unsettled().await, fresh.unsettled().await);
    assert_eq!(old.counts().await, fresh.counts().await);
    let [note, loose] = notes();
    assert_eq!(old.notes(RunId(1)).await.unwrap(), [note]);
    assert_eq!(old.loose_notes().await.unwrap(), [loose]);
}

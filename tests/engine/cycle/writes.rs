//! What is sent to Mattermost, and in which order.

use std::time::Duration;

use mattermost_sim::Version;
use mattersync::cycle;
use mattersync::model::{Class, HoldKey};
use tokio::sync::watch;

use testkit::file::File;
use testkit::stage::{Stage, cycle as one_cycle, try_cycle};

/// Somebody marries: surname and address change in one cycle. Over the socket each of the two
/// steps writes the whole user.
#[tokio::test]
async fn a_new_surname_and_a_new_address_do_not_undo_each_other() {
    for version in [Version::V5_38, Version::V11] {
        let stage = Stage::new(version);
        let mut file = File::new(3);
        let mut engine = file.socket_engine(&stage);
        one_cycle(&stage, &mut engine).await;
        stage.sim.set_latency(Duration::from_millis(20));
        file.edit(1, |person| {
            person.mail = "married@example.org".into();
            person.sn = "Married".into();
        });
        let done = try_cycle(&stage, &mut engine).await.unwrap();
        assert!(done.summary.facts.is_clean(), "{:?}", done.summary.facts);
        let user = stage.user("user001");
        assert_eq!(
            (user.email.as_str(), user.last_name.as_str()),
            ("married@example.org", "Married")
        );
        let mails = stage.sim.mails().len();
        let again = try_cycle(&stage, &mut engine).await.unwrap();
        assert_eq!(again.kinds(), []);
        assert_eq!(stage.sim.mails().len(), mails);
    }
}

/// What is held is not written down again in each cycle.
#[tokio::test]
async fn the_state_does_not_grow_by_what_is_held() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(60);
    let rest = "[policy]\ngrace = \"0s\"\n[guard]\nlocked = 0\n";
    let mut engine = file.engine(&stage, rest);
    one_cycle(&stage, &mut engine).await;
    file.lock(0..50);
    for n in 100..103 {
        file.add(n..n + 1);
        let done = one_cycle(&stage, &mut engine).await;
        assert_eq!(done.summary.facts.held(), 50);
        let run = &stage.store.runs(1).await.unwrap()[0];
        let kinds: Vec<&str> = run
            .steps
            .iter()
            .map(|s| s.step.action.kind().name())
            .collect();
        assert_eq!(kinds, ["create", "join-team"]);
    }
}

/// What the plan did not know of somebody it does not do to them: the next one judges anew.
#[tokio::test]
async fn who_was_promoted_since_the_plan_was_made_is_left_to_the_next() {
    for version in [Version::V5_38, Version::V11] {
        let stage = Stage::new(version);
        let mut file = File::new(3);
        let mut engine = file.engine(&stage, "");
        one_cycle(&stage, &mut engine).await;
        file.lock(0..1);
        file.edit(1, |person| person.mail = "other@example.org".into());
        let promote = |now: cycle::Stage| {
            if matches!(now, cycle::Stage::Applying { settled: 0, .. }) {
                for name in ["user000", "user001"] {
                    let id = stage.user(name).id;
                    let roles = |user: &mut mattermost_sim::User| {
                        user.roles = "system_user system_admin".into();
                    };
                    assert!(stage.sim.edit_user(&id, roles));
                }
            }
        };
        let never = watch::channel(false).1;
        let summary = engine.run(never, &promote, &|_| {}).await.unwrap();
        assert_eq!(summary.facts.not_done.len(), 2, "{:?}", summary.facts);
        assert!(stage.is_active("user000"));
        assert_eq!(stage.user("user001").email, "user001@example.org");
        // Now it is known what they are: one leaves, and the address of the other is looked at.
        let done = try_cycle(&stage, &mut engine).await.unwrap();
        assert!(!stage.is_active("user000"));
        assert_eq!(done.holds(), [&HoldKey::Class(Class::Privileged)]);
    }
}

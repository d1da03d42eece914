//! What is done with one Mattermost or one directory is not done with another.

use mattermost_sim::Version;
use mattersync::cycle::{Asker, Errand as _, SavePlan, SavedPlan, SyncSaved, WordError};
use mattersync::model::{SourceIdentity, Why};

use crate::file::{File, NO_GRACE};
use crate::stage::{Stage, cycle};

fn first(saved: &mut SavedPlan) -> &mut SourceIdentity {
    saved.directories.values_mut().next().unwrap()
}

#[tokio::test]
async fn one_user_who_is_gone_makes_no_other_server_of_it() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(4);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    for name in ["user001", "user002", "user003"] {
        stage.sim.delete_for_good(&stage.user(name).id);
    }
    file.add(4..5);
    let next = cycle(&stage, &mut engine).await;
    assert_eq!(next.kinds()[0], ("create", 1));
    assert_eq!(next.left(|l| l.why == Why::UserGone), 3);
}

/// A configuration may lead to another directory without a letter of it changing.
#[tokio::test]
async fn a_plan_that_was_made_of_another_directory_is_not_carried_out() {
    let stage = Stage::new(Version::V11);
    let file = File::new(3);
    let mut engine = file.engine(&stage, NO_GRACE);
    let asker = Asker {
        by: "alice",
        stages: &|_| {},
        listener: &|_| {},
    };
    let made = SavePlan {}.run(&mut engine, &asker).await.unwrap().saved;
    let mut other_base = made.clone();
    first(&mut other_base).context = "dc=other by entryuuid".into();
    let mut other_server = made.clone();
    first(&mut other_server).server = Some("another".into());
    for saved in [other_base, other_server] {
        let refused = SyncSaved { saved }.run(&mut engine, &asker).await;
        let Err(WordError::Refused(why)) = refused else {
            panic!("{refused:?}");
        };
        assert!(why.contains("made of another directory"), "{why}");
        assert_eq!(stage.sim.writes(), 0);
    }
    // Where it was found may be another replica of the same.
    let mut replica = made;
    first(&mut replica).name = "another address".into();
    let done = SyncSaved { saved: replica }.run(&mut engine, &asker).await;
    assert_eq!(done.unwrap().report.done["create"], 3);
}

//! How long runs are kept.

use std::time::Duration;

use mattermost_sim::Version;
use mattersync::desk::Undo;
use mattersync::model::RunId;

use testkit::desk;
use testkit::file::{File, NO_GRACE};
use testkit::stage::{HOUR, Stage, cycle};

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Old runs are forgotten, but for those of which something was taken back and stays so.
#[tokio::test]
async fn a_run_that_was_taken_back_outlives_the_others() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(3);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    for n in 0..2 {
        file.edit(n, |person| person.sn = format!("Other{n}"));
        cycle(&stage, &mut engine).await;
    }
    let undo = Undo {
        run: RunId(2),
        person: None,
        yes: true,
    };
    desk::ask(&mut engine, "alice", undo).await.unwrap();
    let runs = async || -> Vec<i64> {
        let runs = stage.store.runs(9).await.unwrap();
        runs.iter().map(|run| run.id.0).collect()
    };
    assert_eq!(runs().await, [4, 3, 2, 1]);
    stage.clock.advance(2 * YEAR);
    file.edit(2, |person| person.sn = "Last".into());
    cycle(&stage, &mut engine).await;
    assert_eq!(runs().await, [5, 4, 3, 2, 1], "the clock may be wrong");
    stage.clock.advance(6 * HOUR);
    cycle(&stage, &mut engine).await;
    assert_eq!(runs().await, [5, 2]);
}

/// A clock that jumped ahead and was set right is no reason to forget anything.
#[tokio::test]
async fn a_clock_that_jumped_ahead_costs_no_record() {
    let stage = Stage::new(Version::V11);
    let file = File::new(3);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    let two_years = i64::try_from((2 * YEAR).as_millis()).unwrap();
    for _ in 0..2 {
        stage.clock.set_wall(two_years);
        for _ in 0..5 {
            stage.clock.advance(HOUR);
            cycle(&stage, &mut engine).await;
        }
        assert_eq!(stage.store.runs(9).await.unwrap().len(), 1);
        stage.clock.set_wall(-two_years);
        stage.clock.advance(HOUR);
        cycle(&stage, &mut engine).await;
    }
    assert_eq!(stage.memory().await.server.old_runs, None);
}

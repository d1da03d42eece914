//! A team that cannot be read.

use mattermost_sim::{Effect, Fault, Version};

use crate::file::{File, NO_GRACE};
use crate::stage::{Stage, cycle, try_cycle};

/// Nobody stays active because of it, and nobody is added to what may not be there.
#[tokio::test]
async fn a_team_that_cannot_be_read_keeps_nobody_active() {
    for path in ["/api/v4/teams/*/members", "/api/v4/teams/name/*"] {
        let stage = Stage::new(Version::V11);
        let mut file = File::new(10);
        let mut engine = file.engine(&stage, NO_GRACE);
        cycle(&stage, &mut engine).await;
        file.lock(3..4);
        file.add(10..11);
        stage
            .sim
            .add_fault(Fault::new(Effect::status(500)).method("GET").path(path));
        let done = try_cycle(&stage, &mut engine).await.unwrap();
        assert!(!stage.is_active("user003"), "{path}");
        assert!(stage.is_active("user010"), "{path}");
        assert_eq!(done.plan().left_alone, [], "{path}");
        let kinds: Vec<&str> = done.kinds().into_iter().map(|(kind, _)| kind).collect();
        assert!(!kinds.contains(&"create-team"), "{path} {kinds:?}");
        assert_eq!(done.summary.view.places.unread.len(), 1, "{path}");
        stage.sim.clear_faults();
        cycle(&stage, &mut engine).await;
        let rest = cycle(&stage, &mut engine).await;
        stage.assert_rests(&rest);
    }
}

//! Teams that cannot be read, were renamed or deleted, or take nobody.

use mattermost_sim::{Effect, Fault, Version};
use mattersync::desk::note_shown;
use mattersync::model::{HoldKey, LeftAlone, Why};

use testkit::desk;
use testkit::file::{File, NO_GRACE};
use testkit::stage::{Cycle, Stage, cycle, try_cycle};

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

const TEAM: &str = "everybody";

fn team(stage: &Stage) -> String {
    let teams = stage.sim.teams();
    let team = teams.iter().find(|team| team.name == TEAM);
    team.expect("the team of the configuration").id.clone()
}

fn members(stage: &Stage, team: &str) -> usize {
    let members = stage.sim.team_members();
    let inside = members
        .iter()
        .filter(|m| m.team_id == team && m.delete_at == 0);
    inside.count()
}

fn told(cycle: &Cycle) -> Vec<String> {
    let left = cycle.plan().left_alone.iter();
    let of_team = left.filter(|left| left.subject.name == TEAM);
    of_team.map(|left| left.why.to_string()).collect()
}

fn causes(cycle: &Cycle) -> Vec<String> {
    let holds = cycle.plan().holds.iter();
    holds.map(|hold| hold.cause.to_string()).collect()
}

fn held() -> HoldKey {
    HoldKey::Team(TEAM.to_owned())
}

#[tokio::test]
async fn a_renamed_team_is_not_made_again() {
    for archived in [0, 1] {
        let stage = Stage::new(Version::V5_38);
        let mut file = File::new(5);
        let mut engine = file.engine(&stage, NO_GRACE);
        cycle(&stage, &mut engine).await;
        let ours = team(&stage);
        let (teams, inside) = (stage.sim.teams().len(), members(&stage, &ours));
        assert!(stage.sim.edit_team(&ours, |team| {
            team.name = "staff".into();
            team.delete_at = archived;
        }));
        file.add(5..6);
        for _ in 0..2 {
            let done = try_cycle(&stage, &mut engine).await.unwrap();
            assert_eq!(done.holds(), [&held()]);
            assert!(stage.is_active("user005"), "everything else goes on");
            assert_eq!(stage.sim.teams().len(), teams);
            assert_eq!(members(&stage, &ours), inside);
            let cause = causes(&done).join("");
            assert!(cause.contains("is called staff now"), "{cause}");
            assert!(
                cause.contains("write name = \"staff\" in [[team]]"),
                "{cause}"
            );
            assert_eq!(cause.contains("archived"), archived > 0, "{cause}");
        }
        // The name back, or the configuration after it, and all goes on.
        assert!(stage.sim.edit_team(&ours, |team| {
            team.name = TEAM.into();
            team.delete_at = 0;
        }));
        cycle(&stage, &mut engine).await;
        assert_eq!(members(&stage, &ours), inside + 1);
    }
}

#[tokio::test]
async fn another_team_with_the_old_name_is_not_ours() {
    let stage = Stage::new(Version::V11);
    let file = File::new(5);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    let ours = team(&stage);
    assert!(
        stage
            .sim
            .edit_team(&ours, |team| team.name = "staff".into())
    );
    let other = stage.sim.add_team(TEAM, "Another").unwrap();
    let done = cycle(&stage, &mut engine).await;
    assert_eq!(done.holds(), [&held()]);
    assert_eq!(members(&stage, &other), 0);
    let cause = causes(&done).join("");
    assert!(cause.contains("another team has the old name"), "{cause}");
    // Where nobody would be added nothing is held, and still it is said.
    for n in 0..5 {
        let user = stage.user(&format!("user{n:03}")).id;
        stage.sim.join_team(&other, &user).unwrap();
    }
    let done = cycle(&stage, &mut engine).await;
    stage.assert_rests(&done);
    assert!(
        told(&done).join("").contains("is called staff now"),
        "{:?}",
        told(&done)
    );
}

#[tokio::test]
async fn a_team_that_was_deleted_for_ever_is_made_again_when_somebody_says_so() {
    let stage = Stage::new(Version::V11);
    let file = File::new(5);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    stage.sim.delete_team(&team(&stage));
    for _ in 0..2 {
        let done = cycle(&stage, &mut engine).await;
        assert_eq!(done.holds(), [&held()]);
        assert!(
            causes(&done)[0].contains("deleted for ever"),
            "{:?}",
            causes(&done)
        );
        note_shown(&engine, &done.summary.view).await.unwrap();
    }
    desk::approve(&mut engine, "team:everybody", "alice")
        .await
        .unwrap();
    let done = cycle(&stage, &mut engine).await;
    assert_eq!(done.kinds(), [("create-team", 1), ("join-team", 5)]);
    let rest = cycle(&stage, &mut engine).await;
    stage.assert_rests(&rest);
}

#[tokio::test]
async fn a_team_that_could_not_be_asked_for_by_its_id_is_filled_by_nobody() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(5);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    let ours = team(&stage);
    assert!(
        stage
            .sim
            .edit_team(&ours, |team| team.name = "staff".into())
    );
    let page = Fault::new(Effect::status(500)).path(&format!("/api/v4/teams/{ours}"));
    stage.sim.add_fault(page);
    file.add(5..6);
    let done = try_cycle(&stage, &mut engine).await.unwrap();
    assert_eq!(done.kinds(), [("create", 1)]);
    assert!(done.holds().is_empty());
}

#[tokio::test]
async fn a_team_that_groups_decide_about_is_told_once_and_asked_nothing() {
    for version in [Version::V5_38, Version::V11] {
        let stage = Stage::new(version);
        let mut file = File::new(3);
        let mut engine = file.engine(&stage, NO_GRACE);
        cycle(&stage, &mut engine).await;
        let ours = team(&stage);
        assert!(
            stage
                .sim
                .edit_team(&ours, |team| team.group_constrained = Some(true))
        );
        file.add(3..6);
        let done = cycle(&stage, &mut engine).await;
        assert_eq!(done.kinds(), [("create", 3)]);
        let words = told(&done);
        assert_eq!(words.len(), 1, "{words:?}");
        assert!(
            words[0].contains("mmctl group team disable everybody"),
            "{words:?}"
        );
        let rest = cycle(&stage, &mut engine).await;
        stage.assert_rests(&rest);
        assert!(
            stage
                .sim
                .edit_team(&ours, |team| team.group_constrained = Some(false))
        );
        let inside = members(&stage, &ours);
        cycle(&stage, &mut engine).await;
        assert_eq!(members(&stage, &ours), inside + 3);
    }
}

#[tokio::test]
async fn a_team_that_takes_other_domains_is_asked_for_nobody_else() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(3);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    let ours = team(&stage);
    let allowed = "example.com, Example.NET";
    assert!(
        stage
            .sim
            .edit_team(&ours, |team| team.allowed_domains = allowed.into())
    );
    file.add(3..5);
    file.edit(4, |person| person.mail = "user004@example.net".into());
    let done = cycle(&stage, &mut engine).await;
    assert_eq!(done.kinds(), [("create", 2), ("join-team", 1)]);
    let is_domain = |left: &LeftAlone| matches!(left.why, Why::TeamDomain { .. });
    assert_eq!(done.left(is_domain), 1);
    let rest = cycle(&stage, &mut engine).await;
    stage.assert_rests(&rest);
    assert_eq!(rest.left(is_domain), 1);
}

/// Who was bound to LDAP in a trial leaves: the server refuses to deactivate them from 10.9 on.
#[tokio::test]
async fn who_is_bound_to_ldap_is_told_of_and_logged_out_once() {
    for version in [Version::V5_38, Version::V11] {
        let stage = Stage::new(version);
        let mut file = File::new(6);
        let mut engine = file.engine(&stage, NO_GRACE);
        cycle(&stage, &mut engine).await;
        for (name, service) in [
            ("user000", "ldap"),
            ("user001", "saml"),
            ("user002", "gitlab"),
        ] {
            let id = stage.user(name).id;
            assert!(stage.sim.edit_user(&id, |user| {
                user.auth_service = service.into();
                user.auth_data = Some(name.into());
            }));
        }
        let session = stage.sim.token_for(&stage.user("user000").id);
        file.lock(0..2);
        let done = cycle(&stage, &mut engine).await;
        let refuses = version == Version::V11;
        let managed = |left: &LeftAlone| matches!(left.why, Why::StateManaged { .. });
        assert_eq!(done.left(managed), usize::from(refuses));
        assert_eq!(stage.is_active("user000"), refuses);
        assert!(!stage.is_active("user001"));
        if !refuses {
            continue;
        }
        assert_eq!(done.kinds(), [("deactivate", 1), ("end-sessions", 1)]);
        assert!(!stage.sim.knows_session(&session));
        let rest = cycle(&stage, &mut engine).await;
        stage.assert_rests(&rest);
        assert_eq!(rest.left(managed), 1);
        let refusal = desk::deactivate(&mut engine, "user000", "alice").await;
        let refusal = refusal.unwrap_err().to_string();
        assert!(
            refusal.contains("mmctl user change-password user000"),
            "{refusal}"
        );
        // What the message says to type takes the binding away.
        let id = stage.user("user000").id;
        assert!(stage.sim.edit_user(&id, |user| {
            user.auth_service.clear();
            user.auth_data = None;
        }));
        cycle(&stage, &mut engine).await;
        assert!(!stage.is_active("user000"));
        // Deactivated by us, bound again, and back: the server lets nobody in either.
        assert!(
            stage
                .sim
                .edit_user(&id, |user| user.auth_service = "ldap".into())
        );
        file.edit(0, |person| person.locked = false);
        for _ in 0..3 {
            let done = cycle(&stage, &mut engine).await;
            assert!(done.kinds().is_empty(), "{:?}", done.kinds());
            assert_eq!(done.left(managed), 1);
        }
    }
}

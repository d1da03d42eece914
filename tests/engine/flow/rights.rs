//! A right that is lost on the directory looks exactly like deletion: result 0, and fewer entries
//! or values.

use mattermost_sim::Version;
use mattersync::cycle::Engine;
use mattersync::model::{Class, Dn, HoldKey, ProfileField, ProviderName, Why};
use servers::{Slapd, SlapdOptions};

use crate::flow::openldap::{BASE, LOCK, LOCKED, people, provider, start, unlimited};
use testkit::stage::{Stage, cycle};

/// Without grace, so that nothing but the guard stands between a reading and a deactivation.
/// Where there is no `mail`, another address would do.
const HASTY: &str = "[accounts]\nemail = [\"mail\", \"{uid}@elsewhere.example.org\"]\n\
                     [policy]\ngrace = \"0s\"\n\
                     [policy.attributes]\nposition = \"directory\"\n";

struct Scene {
    stage: Stage,
    slapd: Slapd,
    engine: Engine,
    open: SlapdOptions,
}

impl Scene {
    /// 1,200 people, of whom 50 are in `ou=Sales` and 5 in `ou=Board`, after the first fill. Four
    /// at home are locked, and four have expired.
    async fn new() -> Self {
        let units = |i: u32| match i {
            0..50 => "Sales",
            50..55 => "Board",
            _ => "People",
        };
        let mut people = people(1_200);
        for (i, person) in (0..).zip(&mut people) {
            person.unit = units(i).into();
        }
        let open = SlapdOptions {
            units: vec!["Sales".into(), "Board".into()],
            ..unlimited()
        };
        let slapd = start(&people, open.clone());
        let stage = Stage::new(Version::V11);
        let over_tls = provider(&stage, &slapd, &slapd.ldaps_url(), BASE);
        let mut engine = stage.engine(&over_tls, HASTY);
        let filled = cycle(&stage, &mut engine).await;
        assert_eq!(filled.kinds()[0], ("create", 1_200));
        for person in &people[100..104] {
            slapd.set(&person.dn(), LOCK, &[LOCKED]).unwrap();
        }
        for person in &people[200..204] {
            slapd.set(&person.dn(), "shadowExpire", &["1"]).unwrap();
        }
        let locked = cycle(&stage, &mut engine).await;
        assert_eq!(locked.kinds(), [("deactivate", 8)]);
        stage.assert_rests(&cycle(&stage, &mut engine).await);
        Self {
            stage,
            slapd,
            engine,
            open,
        }
    }

    fn rule(&mut self, access: &str) {
        let options = SlapdOptions {
            access: access.into(),
            ..self.open.clone()
        };
        self.slapd.restart_with(options).unwrap();
    }

    /// Nothing is left of a rule that was taken back.
    async fn without_the_rule(&mut self) {
        self.rule("");
        let rests = cycle(&self.stage, &mut self.engine).await;
        self.stage.assert_rests(&rests);
        let memory = self.stage.store.load().await.unwrap();
        assert_eq!(
            memory.holds.values().filter(|m| m.shown.is_some()).count(),
            0
        );
        assert_eq!(
            memory
                .accounts
                .values()
                .filter(|m| m.absence.is_some())
                .count(),
            0
        );
        assert_eq!(
            memory
                .accounts
                .values()
                .filter(|m| m.returning.is_some())
                .count(),
            0
        );
        assert_eq!(self.stage.active(), 1_192);
        let next = cycle(&self.stage, &mut self.engine).await;
        assert_eq!(next.plan().learned, [], "and nothing is learned any more");
    }
}

#[tokio::test]
async fn what_a_rule_hides_is_not_gone() {
    let mut scene = Scene::new().await;
    a_container(&mut scene, "Sales", 50).await;
    // So few that no limit of a class would hold them.
    a_container(&mut scene, "Board", 5).await;
    the_addresses(&mut scene).await;
    names_and_titles(&mut scene).await;
    for (attribute, right) in [(LOCK, "none"), (LOCK, "search"), ("shadowExpire", "none")] {
        a_lock(&mut scene, attribute, right).await;
    }
}

/// Hides a container, in several readings.
async fn a_container(scene: &mut Scene, unit: &str, people: usize) {
    scene.rule(&format!(
        "access to dn.subtree=\"ou={unit},{BASE}\" by * none"
    ));
    for _ in 0..4 {
        let hidden = cycle(&scene.stage, &mut scene.engine).await;
        let directory = hidden.summary.view.directories.values().next().unwrap();
        assert_eq!(directory.accounts.len(), 1_200 - people);
        assert_eq!(
            directory.accounts.gaps(),
            [],
            "the directory says that this is all"
        );
        let container = HoldKey::Container(
            ProviderName::new("default"),
            Dn::of(&format!("ou={unit},{BASE}")),
        );
        assert!(hidden.holds().contains(&&container), "{:?}", hidden.holds());
        let class = HoldKey::Class(Class::Missing);
        assert_eq!(hidden.holds().contains(&&class), people > 9);
        assert!(hidden.summary.facts.held() >= people);
        assert_eq!((hidden.kinds(), hidden.writes), (vec![], 0));
        assert_eq!(scene.stage.active(), 1_192);
        scene
            .stage
            .clock
            .advance(std::time::Duration::from_secs(25 * 60 * 60));
    }
    scene.without_the_rule().await;
}

/// Everybody would get the address that comes next.
async fn the_addresses(scene: &mut Scene) {
    let before = scene.stage.sim.users();
    scene.rule("access to attrs=mail by * none");
    for _ in 0..3 {
        let hidden = cycle(&scene.stage, &mut scene.engine).await;
        assert_eq!((hidden.kinds(), hidden.writes), (vec![], 0));
        let faded = HoldKey::Attribute(ProviderName::new("default"), "mail".into());
        assert!(hidden.holds().contains(&&faded), "{:?}", hidden.holds());
    }
    assert_eq!(scene.stage.sim.users(), before);
    scene.without_the_rule().await;
}

/// Every name and title would be emptied.
async fn names_and_titles(scene: &mut Scene) {
    let before = scene.stage.sim.users();
    scene.rule("access to attrs=givenName,sn,cn,displayName,title by * none");
    for _ in 0..3 {
        let hidden = cycle(&scene.stage, &mut scene.engine).await;
        assert_eq!((hidden.kinds(), hidden.writes), (vec![], 0));
        for field in [
            ProfileField::FirstName,
            ProfileField::LastName,
            ProfileField::Position,
        ] {
            let faded = HoldKey::Field(ProviderName::new("default"), field);
            assert!(hidden.holds().contains(&&faded), "{:?}", hidden.holds());
        }
    }
    assert_eq!(scene.stage.sim.users(), before);
    scene.without_the_rule().await;
}

/// Whoever is locked would be let in again. That nobody has `pwdAccountLockedTime` proves nothing
/// where it may not be read; without `shadowExpire` an account does not expire, so the guard has
/// to doubt.
async fn a_lock(scene: &mut Scene, attribute: &str, right: &str) {
    let before = scene.stage.sim.users();
    scene.rule(&format!("access to attrs={attribute} by * {right}"));
    for reading in 1..=4 {
        let hidden = cycle(&scene.stage, &mut scene.engine).await;
        assert_eq!((hidden.kinds(), hidden.writes), (vec![], 0), "{attribute}");
        let unknown = hidden.left(|l| matches!(l.why, Why::StateUnknown(_)));
        let once = hidden.left(|l| l.why == Why::SeenBackOnce);
        let held = hidden.holds()
            == [&HoldKey::Attribute(
                ProviderName::new("default"),
                attribute.to_lowercase(),
            )];
        if attribute == LOCK {
            assert_eq!((unknown, once, held), (4, 0, false));
        } else {
            assert_eq!(
                (unknown, once, held),
                (0, if reading == 1 { 4 } else { 0 }, reading > 1)
            );
        }
    }
    assert_eq!(scene.stage.sim.users(), before);
    scene.without_the_rule().await;
}

//! Locked, expired, away, back: what an account's state does to its user.

use std::collections::BTreeMap;
use std::time::Duration;

use ldap_fault::Entry;
use mattermost_sim::Version;
use mattersync::cycle::Engine;
use mattersync::model::{HoldKey, ProviderName, Why};
use servers::people::{self, Person};
use servers::{Slapd, SlapdOptions};

use crate::edge::scene::{HASTY, Scene, Set as _, id};
use testkit::desk;
use testkit::stage::{HOUR, Stage, cycle};

const GRACE: &str = "[policy]\ngrace = \"24h\"\n[guard]\nmissing = \"off\"\n";

/// Two readings, after which somebody who is back is active.
async fn twice(scene: &Scene, engine: &mut Engine) {
    cycle(&scene.stage, engine).await;
    cycle(&scene.stage, engine).await;
}

#[tokio::test]
async fn edge_49_a_disabled_account_of_a_domain_is_out_at_once() {
    let mut scene = Scene::domain(6).await;
    let mut engine = scene.engine("");
    scene.fill(&mut engine).await;
    // 0x200 normal account, 0x2 disabled, 0x10000 password does not expire.
    scene.edit(0, |e| e.set("userAccountControl", "514"));
    scene.edit(1, |e| e.set("userAccountControl", "66050"));
    let done = cycle(&scene.stage, &mut engine).await;
    assert_eq!(done.kinds(), [("deactivate", 2)]);
    let words = done.steps("p0000")[0].reason.to_string();
    assert!(words.contains("userAccountControl is 514"), "{words}");
    assert!(!scene.stage.is_active("p0000") && !scene.stage.is_active("p0001"));
    scene.edit(0, |e| e.set("userAccountControl", "512"));
    twice(&scene, &mut engine).await;
    assert!(scene.stage.is_active("p0000"));
}

/// After too many wrong passwords, for a while; and what is left of that when it is over.
#[tokio::test]
async fn edge_50_a_lock_out_for_a_while_takes_nobody_out() {
    let mut scene = Scene::domain(3).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let locked_out = |e: Entry| {
        let e = e.set("userAccountControl", (0x200 | 0x10).to_string());
        e.with("lockoutTime", "133000000000000000")
            .with("badPwdCount", "7")
    };
    scene.edit(0, locked_out);
    let done = cycle(&scene.stage, &mut engine).await;
    scene.stage.assert_rests(&done);

    let mut scene = Scene::of(&["anna", "ben"]).await;
    let locks = "[accounts]\nlock = [\"pwdAccountLockedTime\", \"shadowExpire\"]\n";
    let mut engine = scene.engine(&format!("{locks}{HASTY}"));
    scene.fill(&mut engine).await;
    for time in [
        "20260101120000Z",
        "20260101120000.123Z",
        "19990101120000+0100",
    ] {
        scene.edit(0, |e| e.set("pwdAccountLockedTime", time));
        let done = cycle(&scene.stage, &mut engine).await;
        scene.stage.assert_rests(&done);
        assert_eq!(done.left_alone(), [], "{time}");
    }
}

/// Each rule locks where it is named, and only there.
#[tokio::test]
async fn edge_51_each_lock_rule_can_be_switched() {
    for (rule, value, open) in [
        ("pwdAccountLockedTime", "000001010000Z", None),
        ("nsAccountLock", "true", Some("false")),
        ("loginDisabled", "TRUE", Some("FALSE")),
        ("loginShell", "/sbin/nologin", Some("/bin/bash")),
        ("shadowExpire", "1", Some("99999")),
        ("userPassword", "{CRYPT}!$6$x$y", Some("{CRYPT}$6$x$y")),
    ] {
        let mut scene = Scene::of(&["anna", "ben", "carl"]).await;
        let open = |e: Entry| match open {
            Some(open) => e.set(rule, open),
            None => e,
        };
        for n in 0..3 {
            scene.edit(n, open);
        }
        let other = if rule == "loginShell" {
            "nsAccountLock"
        } else {
            "loginShell"
        };
        let engine = |rule: &str| scene.engine(&format!("[accounts]\nlock = [{rule:?}]\n{HASTY}"));
        let (mut on, mut off) = (engine(rule), engine(other));
        scene.fill(&mut on).await;
        scene.edit(0, |e| e.set(rule, value));
        let plan = off.look(&|_| {}).await.unwrap().plan;
        assert!(plan.steps.is_empty(), "{rule} is not a rule: {plan:?}");
        let done = cycle(&scene.stage, &mut on).await;
        assert_eq!(done.kinds(), [("deactivate", 1)], "{rule}");
        let words = done.steps("anna")[0].reason.to_string();
        assert!(words.contains(rule), "{words}");
        assert!(!scene.stage.is_active("anna"), "{rule}");
        scene.edit(0, |e| open(e.without(rule)));
        twice(&scene, &mut on).await;
        assert!(scene.stage.is_active("anna"), "{rule}");
    }
    let mut scene = Scene::domain(3).await;
    scene.edit(0, |e| e.with("accountExpires", "131000000000000000"));
    scene.edit(1, |e| e.with("accountExpires", "9223372036854775807"));
    scene.edit(2, |e| e.with("accountExpires", "0"));
    cycle(&scene.stage, &mut scene.engine(HASTY)).await;
    assert_eq!(
        scene.stage.active(),
        2,
        "0 and the greatest number are never"
    );
    assert!(scene.stage.sim.user_named("p0000").is_none());
}

/// The only one who is locked shows it no more: unlocked, or a right was lost? A real OpenLDAP is
/// asked which.
#[tokio::test]
async fn edge_51_the_last_lock_that_is_hidden_lets_nobody_in() {
    let options = SlapdOptions {
        seed: people::ldif(&people::people(4)),
        ..SlapdOptions::default()
    };
    let dn = Person::new("p0000", "", 0).dn();
    let mut slapd = Slapd::start(options.clone()).unwrap();
    let stage = Stage::new(Version::V11);
    let (service, password) = slapd.service();
    let provider = format!(
        "urls = [{url:?}]\nca-file = {ca:?}\nschema = \"rfc2307\"\nbase = {base:?}\n\
         bind-dn = {service:?}\nbind-password = {secret}\n",
        url = slapd.ldaps_url(),
        ca = slapd.ca_file().display().to_string(),
        base = slapd.base(),
        secret = stage.secret("ldap", password),
    );
    for (rule, value) in [("shadowExpire", "1"), ("loginShell", "/sbin/nologin")] {
        let lock = format!("[accounts]\nlock = [{rule:?}]\n{HASTY}");
        let mut engine = stage.engine(&provider, &lock);
        cycle(&stage, &mut engine).await;
        for n in 1..4 {
            let dn = Person::new(&format!("p000{n}"), "", 0).dn();
            slapd.set(&dn, rule, &[]).unwrap();
        }
        slapd.set(&dn, rule, &[value]).unwrap();
        cycle(&stage, &mut engine).await;
        assert!(!stage.is_active("p0000"), "{rule}");
        for right in ["none", "search"] {
            let access = format!("access to attrs={rule} by * {right}");
            let options = SlapdOptions {
                access,
                ..options.clone()
            };
            slapd.restart_with(options).unwrap();
            for n in 0..4 {
                let hidden = cycle(&stage, &mut engine).await;
                assert_eq!(
                    (hidden.kinds(), hidden.writes),
                    (vec![], 0),
                    "{rule} {right}"
                );
                let key = HoldKey::Attribute(ProviderName::new("default"), rule.to_lowercase());
                assert_eq!(hidden.holds(), if n == 0 { vec![] } else { vec![&key] });
            }
            assert!(!stage.is_active("p0000"), "{rule} {right}");
            slapd.restart_with(options_of(&slapd)).unwrap();
            let rest = cycle(&stage, &mut engine).await;
            stage.assert_rests(&rest);
        }
        // Unlocked for certain: nobody has it, and that can be seen.
        slapd.set(&dn, rule, &[]).unwrap();
        cycle(&stage, &mut engine).await;
        let back = cycle(&stage, &mut engine).await;
        assert_eq!(back.kinds(), [("reactivate", 1)], "{rule}");
        let memory = stage.store.load().await.unwrap();
        assert!(
            memory.holds.values().all(|m| m.shown.is_none())
                && memory.accounts.values().all(|m| m.returning.is_none())
        );
    }
}

/// The same server without a rule of its own.
fn options_of(slapd: &Slapd) -> SlapdOptions {
    SlapdOptions {
        access: String::new(),
        ..slapd.options().clone()
    }
}

#[tokio::test]
async fn edge_53_an_expired_password_is_no_lock() {
    let mut scene = Scene::domain(3).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    // Must change; has expired.
    scene.edit(0, |e| e.with("pwdLastSet", "0"));
    scene.edit(1, |e| {
        e.set("userAccountControl", (0x200 | 0x80_0000).to_string())
    });
    let done = cycle(&scene.stage, &mut engine).await;
    scene.stage.assert_rests(&done);

    let mut scene = Scene::of(&["anna", "ben", "carl"]).await;
    let locks = "[accounts]\nlock = [\"pwdAccountLockedTime\", \"shadowExpire\", \"loginShell\"]\n";
    let mut engine = scene.engine(&format!("{locks}{HASTY}"));
    scene.fill(&mut engine).await;
    scene.edit(0, |e| e.with("pwdReset", "TRUE"));
    scene.edit(1, |e| {
        e.with("shadowLastChange", "0").with("shadowMax", "90")
    });
    scene.edit(2, |e| e.with("pwdChangedTime", "20000101000000Z"));
    let done = cycle(&scene.stage, &mut engine).await;
    scene.stage.assert_rests(&done);
}

/// A person's decision on Mattermost stays, whatever the directory says before and after.
#[tokio::test]
async fn edge_54_who_was_deactivated_by_hand_stays_so() {
    let mut scene = Scene::of(&["anna", "ben", "carl"]).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let by_hand = scene.stage.user("anna").id;
    scene.stage.sim.set_active(&by_hand, false);
    let at = scene.stage.user("anna").delete_at;
    scene.edit(1, |e| e.set("shadowExpire", "1"));
    cycle(&scene.stage, &mut engine).await;
    assert!(!scene.stage.is_active("ben"));
    let told = |whys: &[&Why]| whys.contains(&&Why::DeactivatedByHand);
    for locked in [false, true, false] {
        scene.edit(0, |e| {
            e.set("shadowExpire", if locked { "1" } else { "99999" })
        });
        for _ in 0..3 {
            scene.stage.clock.advance(HOUR * 24);
            let done = cycle(&scene.stage, &mut engine).await;
            assert_eq!((done.kinds(), done.writes), (vec![], 0));
            assert_eq!(told(&done.whys(&id(0))), !locked);
        }
    }
    assert_eq!(scene.stage.user("anna").delete_at, at);
    // Ours, and then deactivated once more by an administrator: no longer ours.
    let ben = scene.stage.user("ben").id;
    scene.stage.sim.set_active(&ben, true);
    scene.stage.sim.set_active(&ben, false);
    scene.edit(1, |e| e.without("shadowExpire"));
    twice(&scene, &mut engine).await;
    assert!(!scene.stage.is_active("ben"));
    // Ours and nobody else's comes back.
    scene.edit(2, |e| e.set("shadowExpire", "1"));
    cycle(&scene.stage, &mut engine).await;
    assert!(!scene.stage.is_active("carl"));
    scene.edit(2, |e| e.set("shadowExpire", "99999"));
    twice(&scene, &mut engine).await;
    assert!(scene.stage.is_active("carl"));
}

#[tokio::test]
async fn edge_55_a_return_within_the_grace_leaves_no_trace() {
    let mut scene = Scene::of(&["anna", "ben"]).await;
    let mut engine = scene.engine(GRACE);
    scene.fill(&mut engine).await;
    let before = (scene.stage.sim.users(), scene.memory().await);
    for round in 0..3 {
        let anna = scene.remove(0);
        for _ in 0..4 {
            let done = cycle(&scene.stage, &mut engine).await;
            assert_eq!((done.kinds(), done.writes), (vec![], 0), "{round}");
            assert!(matches!(done.whys(&id(0))[..], [Why::Grace { .. }]));
            scene.stage.clock.advance(HOUR * 5);
        }
        scene.put(0, anna);
        let done = cycle(&scene.stage, &mut engine).await;
        scene.stage.assert_rests(&done);
        assert_eq!(
            (scene.stage.sim.users(), scene.memory().await),
            before,
            "{round}"
        );
    }
}

/// Whatever the directory, the configuration or a person says.
#[tokio::test]
async fn edge_58_our_own_account_and_the_last_administrator_are_out_of_reach() {
    let mut scene = Scene::of(&["anna", "ben", "carl"]).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    // A handle of its own on the same server.
    let sim = mattermost_sim::Mattermost::clone(&scene.stage.sim);
    let ids: BTreeMap<_, _> = ["anna", "ben", "root.admin"]
        .map(|name| (name, scene.stage.user(name).id))
        .into();
    let roles =
        |name: &str, roles: &str| assert!(sim.edit_user(&ids[name], |u| u.roles = roles.into()));
    // A person of the directory, whose token we work with.
    roles("anna", "system_user system_admin");
    scene.stage.secret("token", &sim.token_for(&ids["anna"]));
    let mut engine = scene.engine(HASTY);
    scene.remove(0);
    for _ in 0..2 {
        let done = cycle(&scene.stage, &mut engine).await;
        assert_eq!(done.grave(), 0);
        let told = done.whys(&id(0))[0].to_string();
        assert!(told.contains("works with"), "{told}");
    }
    let word = desk::deactivate(&mut engine, "anna", "alice").await;
    assert!(word.is_err());
    // A bot's token now; the only human administrator who is left is locked.
    let bot = sim.make_bot(&ids["root.admin"]);
    scene.stage.secret("token", &bot);
    roles("anna", "system_user");
    roles("ben", "system_user system_admin");
    let mut engine = scene.engine(HASTY);
    scene.edit(1, |e| e.set("shadowExpire", "1"));
    let done = cycle(&scene.stage, &mut engine).await;
    assert!(!done.whys(&id(1)).is_empty(), "{:?}", done.plan());
    let told = done.whys(&id(1))[0].to_string();
    assert!(
        told.contains("last active human system administrator"),
        "{told}"
    );
    assert!(scene.stage.is_active("ben") && !scene.stage.is_active("anna"));
    let word = desk::deactivate(&mut engine, "ben", "alice").await;
    let told = word.err().unwrap().to_string();
    assert!(told.contains("last active human"), "{told}");
    // Somebody else may do without them.
    let carl = scene.stage.user("carl").id;
    assert!(sim.edit_user(&carl, |u| u.roles = "system_user system_admin".into()));
    cycle(&scene.stage, &mut engine).await;
    assert!(!scene.stage.is_active("ben"));
}

/// No clock that is set, and no reboot, makes the grace shorter.
#[tokio::test]
async fn edge_61_a_wrong_clock_shortens_no_grace() {
    const DAYS: i64 = 24 * 60 * 60 * 1000;
    let minute = Duration::from_secs(60);
    let mut scene = Scene::of(&["anna", "ben"]).await;
    let mut engine = scene.engine(GRACE);
    scene.fill(&mut engine).await;
    scene.remove(0);
    let clock = &scene.stage.clock;
    let mut readings = 0;
    let mut certain = 0;
    for jump in [0, 10 * DAYS, -30 * DAYS, 400 * DAYS, -1, 5 * DAYS] {
        clock.set_wall(jump);
        clock.advance(minute);
        let done = cycle(&scene.stage, &mut engine).await;
        let [
            Why::Grace {
                certain: c,
                readings: r,
                ..
            },
        ] = done.whys(&id(0))[..]
        else {
            panic!("{:?}", done.plan());
        };
        (readings, certain) = (*r, c.as_secs());
        assert_eq!((done.grave(), done.writes), (0, 0), "{jump}");
    }
    assert_eq!(readings, 6);
    assert!(certain <= 5 * 60, "{certain} s");
    // Off for a month, as the wall clock says; ten minutes, as is certain.
    clock.set_wall(30 * DAYS);
    clock.reboot(10 * minute);
    for _ in 0..3 {
        let done = cycle(&scene.stage, &mut engine).await;
        assert_eq!(done.grave(), 0);
    }
    // Not even when the machine starts again all the time.
    for _ in 0..20 {
        clock.set_wall(2 * DAYS);
        clock.reboot(minute);
        cycle(&scene.stage, &mut engine).await;
    }
    assert!(scene.stage.is_active("anna"));
    clock.advance(HOUR * 24);
    let done = cycle(&scene.stage, &mut engine).await;
    assert_eq!(done.kinds(), [("deactivate", 1)]);
    // Mattermost's own clock is only compared with itself.
    scene
        .stage
        .sim
        .set_now(scene.stage.sim.now() - 1_000 * DAYS);
    scene.edit(1, |e| e.set("shadowExpire", "1"));
    cycle(&scene.stage, &mut engine).await;
    assert!(!scene.stage.is_active("ben"));
    scene
        .stage
        .sim
        .set_now(scene.stage.sim.now() + 3_000 * DAYS);
    scene.edit(1, |e| e.set("shadowExpire", "99999"));
    twice(&scene, &mut engine).await;
    assert!(scene.stage.is_active("ben"));
}

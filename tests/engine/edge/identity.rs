//! Who is who: names, ids, people who were there before.

use std::collections::BTreeMap;

use ldap_fault::{Entry, TEXTUAL_GUID};
use mattermost_sim::{Answer, Commit, Effect, Fault};
use mattersync::cycle::Engine;
use mattersync::model::{HoldKey, Why};
use serde_json::json;
use servers::{AdPerson, SambaDc};

use crate::edge::scene::{BASE, HASTY, PEOPLE, Scene, Set as _, ad_person, id, person};
use testkit::desk;
use testkit::place::Place;
use testkit::stage::{Stage, cycle, try_cycle};

/// Names as directories have them, and what becomes of each.
const NAMES: [(&str, &str); 9] = [
    ("anna maria", "anna-maria"),
    ("goofy@example.org", "goofy-example.org"),
    ("O'Brien", "obrien"),
    ("Jürgen.Groß", "jurgen.gross"),
    ("ALICE", "alice"),
    ("Łukasz!", "lukasz"),
    ("Мария", "mariya"),
    ("ｗｉｄｅ", "wide"),
    ("_x_", "_x_"),
];

/// Somebody else, with a legal address whatever the name.
fn named(n: u32, uid: &str) -> Entry {
    let entry = Entry::posix_person("x", PEOPLE, n);
    let dn = format!("cn=Number {n},{PEOPLE}");
    let names = ["objectClass", "cn", "entryUUID"];
    let mut named = Entry::new(&dn)
        .with("uid", uid)
        .with("mail", format!("n{n}@example.org"));
    for name in names {
        for value in entry.values(name).unwrap() {
            named = named.with(name, value);
        }
    }
    named
        .with("givenName", "Given")
        .with("sn", format!("Sur{n}"))
}

#[tokio::test]
async fn edge_21_an_illegal_username_is_mapped_the_same_way_for_ever() {
    for turned in [false, true] {
        let mut all: Vec<_> = (0..).zip(NAMES).collect();
        if turned {
            all.reverse();
        }
        let entries = all.iter().map(|(n, (raw, _))| (*n, named(*n, raw)));
        let mut scene = Scene::with("rfc2307", entries.collect(), |s| s).await;
        scene.put(50, named(50, "!!!"));
        let mut engine = scene.engine(HASTY);
        let done = cycle(&scene.stage, &mut engine).await;
        assert_eq!(done.kinds()[0], ("create", NAMES.len()));
        let memory = scene.memory().await;
        for (n, (raw, legal)) in all {
            let user = scene.stage.user(legal);
            let link = memory.links().find(|(key, _)| key.id == id(n)).unwrap().1;
            assert_eq!(
                (link.user.as_str(), link.last_username.as_str()),
                (user.id.as_str(), raw)
            );
        }
        assert!(matches!(done.whys(&id(50))[..], [Why::NoUsername(raw)] if raw == "!!!"));
        let rest = cycle(&scene.stage, &mut engine).await;
        scene.stage.assert_rests(&rest);
    }
    let mut place = Place::new(crate::BINARY);
    place.add("O'Brien", "Ann", "Brien").mail = Some("ann@example.org".into());
    place.write();
    let said = place.run(&["plan"]).exits(0);
    said.says("USERNAME IN THE DIRECTORY")
        .says("O'Brien")
        .says("obrien");
}

/// What the server keeps for itself gets a number; what a group has is told, and stops nobody.
#[tokio::test]
async fn edge_23_a_reserved_name_gets_a_number_and_a_groups_name_stops_nobody_else() {
    let mut scene = Scene::of(&["all", "Channel", "system", "matterbot", "anna"]).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    for name in ["all-1", "channel-1", "system-1", "matterbot-1"] {
        assert!(scene.stage.is_active(name));
    }
    // As a server with a group `sales` answers: without a word.
    let refusal = json!({"id": "<untranslated>", "message": "<untranslated>", "status_code": 400});
    let refusal = Answer {
        status: 400,
        headers: vec![("content-type".into(), "application/json".into())],
        body: refusal.to_string().into_bytes(),
    };
    let fault = Fault::new(Effect::Answer(refusal, Commit::Before));
    scene
        .stage
        .sim
        .add_fault(fault.method("POST").path("/api/v4/users"));
    scene.put(5, person(5, "sales"));
    scene.edit(4, |e| e.set("sn", "Married"));
    let done = try_cycle(&scene.stage, &mut engine).await.unwrap();
    assert_eq!(scene.stage.user("anna").last_name, "Married");
    let report = &done.summary.facts;
    let why = &report.not_done[0].1;
    assert!(
        why.contains("perhaps a group is called sales"),
        "{report:?}"
    );
    assert_eq!(report.stopped, None);
}

#[tokio::test]
async fn edge_25_who_is_renamed_keeps_the_user_and_leaves_nobody_an_inheritance() {
    let mut scene = Scene::of(&["anna", "ben"]).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let anna = scene.stage.user("anna").id;
    scene.put(0, person(0, "anna.married").set("mail", "anna@example.org"));
    scene.put(7, person(7, "anna").set("mail", "another.anna@example.org"));
    let done = cycle(&scene.stage, &mut engine).await;
    assert_eq!(
        done.kinds(),
        [("create", 1), ("join-team", 1), ("rename", 1)]
    );
    assert_eq!(scene.stage.user("anna.married").id, anna);
    assert_ne!(scene.stage.user("anna").id, anna, "somebody new");
    assert_eq!(scene.stage.user("anna").email, "another.anna@example.org");
    let rest = cycle(&scene.stage, &mut engine).await;
    scene.stage.assert_rests(&rest);
    // Where the policy leaves names alone, they are.
    let mut engine = scene.engine(&format!(
        "{HASTY}[policy.attributes]\nusername = \"initial\"\n"
    ));
    scene.put(1, person(1, "benjamin").set("mail", "ben@example.org"));
    let done = cycle(&scene.stage, &mut engine).await;
    assert_eq!((done.kinds(), done.writes), (vec![], 0));
    assert!(scene.stage.is_active("ben"));
}

#[tokio::test]
async fn edge_26_a_move_within_the_base_has_no_effect() {
    let mut scene = Scene::of(&["anna", "ben"]).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let moved = Entry::posix_person("anna", &format!("ou=Berlin,ou=Branches,{BASE}"), 0);
    scene.put(0, moved.with("givenName", "Given").set("sn", "Sur0"));
    let before = scene.stage.sim.users();
    for _ in 0..2 {
        let done = cycle(&scene.stage, &mut engine).await;
        scene.stage.assert_rests(&done);
        assert_eq!(done.left_alone(), []);
    }
    assert_eq!(scene.stage.sim.users(), before);
    let memory = scene.memory().await;
    assert!(
        memory
            .links()
            .map(|(_, link)| link)
            .any(|l| l.last_dn.contains("ou=Berlin"))
    );
}

/// Each is named; none is taken for another, and who lost the id is not out.
#[tokio::test]
async fn edge_31_an_entry_without_id_is_named_and_never_merged() {
    let mut scene = Scene::of(&["anna", "ben"]).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let blank = |entry: Entry, value: Option<&str>| {
        let entry = entry.without("entryUUID");
        match value {
            Some(value) => entry.with("entryUUID", value),
            None => entry,
        }
    };
    for (n, value) in [(10, None), (11, None), (12, Some("")), (13, Some("  "))] {
        scene.put(n, blank(person(n, &format!("blank{n}")), value));
    }
    scene.edit(1, |e| blank(e, None));
    scene.put(2, person(2, "carl"));
    for _ in 0..3 {
        let done = cycle(&scene.stage, &mut engine).await;
        assert_eq!(done.grave(), 0);
        let named = |dn: &str| {
            let bad = |w: &Why| matches!(w, Why::BadEntry(why) if why.contains("entryuuid"));
            done.left(|l| bad(&l.why) && l.subject.dn.as_deref() == Some(dn))
        };
        for uid in ["blank10", "blank11", "blank12", "blank13", "ben"] {
            assert_eq!(named(&format!("uid={uid},{PEOPLE}")), 1, "{uid}");
        }
    }
    let users = scene.stage.sim.users();
    let names: Vec<&str> = users.iter().map(|u| u.username.as_str()).collect();
    assert_eq!(names, ["anna", "ben", "carl", "root.admin"]);
    assert!(users.iter().all(|u| u.is_active()));
}

/// 16 bytes are never text, whatever they look like, and have one form.
#[tokio::test]
async fn edge_33_an_object_guid_is_bytes_with_one_text_form() {
    let mut scene = Scene::domain(2).await;
    scene.edit(1, |e| e.set("objectGUID", TEXTUAL_GUID));
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let ids = |memory: &mattersync::model::Memory| -> Vec<String> {
        memory
            .links()
            .map(|(key, _)| key)
            .map(|key| key.id.to_string())
            .collect()
    };
    let first = [
        "33323130-3534-3736-3839-616263646566",
        "fefefefe-fefe-fefe-fefe-fefe00000000",
    ];
    assert_eq!(ids(&scene.memory().await), first);
    // Looked up by its bytes: found in another place, so not called missing.
    let moved = ad_person(1).set("objectGUID", TEXTUAL_GUID);
    let outside = Entry::new(&format!("CN=p0001,CN=Elsewhere,{BASE}"));
    let names = [
        "objectClass",
        "cn",
        "sAMAccountName",
        "userAccountControl",
        "objectGUID",
    ];
    let outside = names.iter().fold(outside, |entry, name| {
        entry.with_all(name, moved.values(name).unwrap())
    });
    scene.put(1, outside.with("sAMAccountType", "805306368"));
    let people = scene
        .provider_at(&[scene.ldap.url()])
        .replace(&format!("base = {BASE:?}"), &format!("base = {PEOPLE:?}"));
    let mut engine = scene.stage.engine(&people, "[policy]\ngrace = \"24h\"\n");
    let done = cycle(&scene.stage, &mut engine).await;
    let elsewhere = |why: &Why| matches!(why, Why::Grace { .. });
    assert_eq!(
        done.left(|l| elsewhere(&l.why)),
        1,
        "{:?}",
        done.left_alone()
    );

    // eDirectory's GUID is in the order of its bytes.
    let guid = [0x00, 0xab, 0x2a, 0xff];
    let entry = person(0, "anna").with("guid", guid);
    let scene = Scene::with("rfc2307", BTreeMap::from([(0, entry)]), |s| s).await;
    let accounts = "[accounts]\nid = \"guid:hex\"\nlock = [\"shadowExpire\"]\n";
    let mut engine = scene.engine(&format!("{accounts}{HASTY}"));
    scene.fill(&mut engine).await;
    assert_eq!(ids(&scene.memory().await), ["00ab2aff"]);
}

/// The id is the one that the domain controller's own tools print.
#[tokio::test]
async fn edge_33_a_real_samba_says_the_same_id() {
    let dc = SambaDc::start().unwrap();
    let unit = dc.add_unit("Staff").unwrap();
    let somebody = AdPerson {
        parent: unit.clone(),
        ..AdPerson::new("goofy", "Goofy Goof")
    };
    dc.add_people(&[somebody]).unwrap();
    let stage = Stage::new(mattermost_sim::Version::V11);
    let (name, password) = dc.service();
    let provider = format!(
        "urls = [{url:?}]\ncertificate-sha256 = {pin:?}\nschema = \"ad\"\nbase = {unit:?}\n\
         bind-dn = {name:?}\nbind-password = {secret}\n",
        url = dc.ldaps_url(),
        pin = dc.pin().unwrap(),
        secret = stage.secret("ldap", password),
    );
    let mut engine = stage.engine(&provider, "");
    let done = cycle(&stage, &mut engine).await;
    let directory = done.summary.view.directories.values().next().unwrap();
    let id = directory.accounts.iter().next().unwrap().0.to_string();
    let printed = dc
        .search("(sAMAccountName=goofy)", &["objectGUID"])
        .unwrap();
    assert!(
        printed.contains(&format!("objectGUID: {id}")),
        "{id}: {printed}"
    );
}

#[tokio::test]
async fn edge_34_another_case_is_no_change() {
    // An id with letters.
    const ANNA: u32 = 0xab_cdef;
    let mut scene = Scene::of(&[]).await;
    scene.put(ANNA, person(ANNA, "anna"));
    scene.put(1, person(1, "ben"));
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let loud = Entry::posix_person("ANNA", &PEOPLE.to_uppercase(), ANNA);
    let id = String::from_utf8(person(ANNA, "").values("entryUUID").unwrap()[0].clone()).unwrap();
    scene.put(
        ANNA,
        loud.set("mail", "ANNA@Example.ORG")
            .set("entryUUID", id.to_uppercase())
            .with("givenName", "Given")
            .set("sn", format!("Sur{ANNA}")),
    );
    let before = scene.stage.sim.users();
    let done = cycle(&scene.stage, &mut engine).await;
    scene.stage.assert_rests(&done);
    assert_eq!(done.left_alone(), []);
    assert_eq!(scene.stage.sim.users(), before);
    assert_eq!(scene.memory().await.links().count(), 2);
}

/// Somebody on the server, outside the directory.
fn stranger(scene: &Scene, name: &str, email: &str) -> String {
    let user = json!({"username": name, "email": email, "first_name": "Stranger"});
    scene.stage.sim.add_user(&user).unwrap()
}

async fn approve(engine: &mut Engine, what: &str) {
    desk::show_holds(engine).await.unwrap();
    desk::approve(engine, what, "alice").await.unwrap();
}

#[tokio::test]
async fn edge_36_who_was_there_before_is_adopted_once_if_at_all() {
    let names = ["anna", "ben", "carl", "dora", "emil", "fred"];
    let mut scene = Scene::of(&names).await;
    let ids = names.map(|name| {
        let email = match name {
            "emil" => "other@example.org".to_owned(),
            _ => format!("{name}@example.org"),
        };
        let name = if name == "fred" { "frederic" } else { name };
        stranger(&scene, name, &email)
    });
    let roles = |id: &str, roles: &str| {
        assert!(scene.stage.sim.edit_user(id, |u| u.roles = roles.into()));
    };
    roles(&ids[1], "system_user system_admin");
    let _ = scene.stage.sim.make_bot(&ids[2]);
    roles(&ids[3], "system_guest");
    let users = || ids.each_ref().map(|id| scene.stage.sim.user(id).unwrap());
    let before = users();

    let mut never = scene.engine("[policy]\nadopt = \"never\"\n");
    let done = cycle(&scene.stage, &mut never).await;
    assert_eq!(done.left(|l| matches!(l.why, Why::Conflict { .. })), 6);

    let mut engine = scene.engine("");
    for _ in 0..3 {
        let done = cycle(&scene.stage, &mut engine).await;
        assert_eq!(
            done.holds(),
            [&HoldKey::Class(mattersync::model::Class::Adopt)]
        );
        assert_eq!(done.kinds(), []);
        assert_eq!(done.summary.facts.held(), 1);
        for (n, because) in [
            (1, "administrator is never adopted"),
            (2, "a bot is never adopted"),
            (3, "a guest is never adopted"),
            (4, "only the username agrees"),
            (5, "only an address agrees"),
        ] {
            let whys = done.whys(&id(n));
            assert!(whys[0].to_string().contains(because), "{whys:?}");
        }
    }
    assert_eq!(users(), before, "not even touched");
    approve(&mut engine, "adopt").await;
    cycle(&scene.stage, &mut engine).await;
    let memory = scene.memory().await;
    let links: Vec<&str> = memory
        .links()
        .map(|(_, link)| link)
        .map(|l| l.user.as_str())
        .collect();
    assert_eq!(links, [ids[0].as_str()]);
    // Once linked, nobody else gets it: neither by name nor by address.
    scene.put(20, named(20, "anna").set("mail", "anna@example.org"));
    let done = cycle(&scene.stage, &mut engine).await;
    assert_eq!(done.summary.facts.held(), 0);
    assert!(matches!(done.whys(&id(20))[0], Why::Duplicate { .. }));
    assert_eq!(scene.memory().await.links().count(), 1);
}

/// People can write a future colleague's address into their own profile.
#[tokio::test]
async fn edge_37_a_borrowed_address_gives_nobody_a_colleagues_user() {
    for keep in ["directory", "initial"] {
        let mut scene = Scene::of(&["anna"]).await;
        let rest = format!("{HASTY}[policy.attributes]\nemail = {keep:?}\n");
        let rest = rest.replace("[policy]\n", "[policy]\nadopt = \"email\"\n");
        let mut engine = scene.engine(&rest);
        scene.fill(&mut engine).await;
        let anna = scene.stage.user("anna").id;
        let lent = stranger(&scene, "lent", "carl@example.org");
        let take = |id: &str, mail: &str| {
            assert!(scene.stage.sim.edit_user(id, |u| u.email = mail.into()));
        };
        take(&anna, "ben@example.org");
        scene.put(1, person(1, "ben"));
        scene.put(2, person(2, "carl"));
        let done = cycle(&scene.stage, &mut engine).await;
        // A stranger with the address is at most somebody for a person to look at.
        assert_eq!(done.summary.facts.held(), 1);
        assert_eq!(scene.stage.user("lent").id, lent);
        assert_eq!(scene.stage.user("lent").first_name, "Stranger");
        let memory = scene.memory().await;
        let ben = memory.links().find(|(key, _)| key.id == id(1));
        match keep {
            "directory" => {
                assert_eq!(scene.stage.user("anna").email, "anna@example.org");
                assert_ne!(ben.unwrap().1.user.as_str(), anna);
                assert_eq!(scene.stage.user("ben").email, "ben@example.org");
            }
            _ => {
                assert!(ben.is_none() && scene.stage.sim.user_named("ben").is_none());
                let whys = done.whys(&id(1));
                let told = whys[0].to_string();
                assert!(
                    told.contains("ben@example.org") && told.contains("another account, anna ("),
                    "{told}"
                );
            }
        }
    }
}

/// What was never in the directory is not missing from it.
#[tokio::test]
async fn edge_38_whom_we_did_not_make_we_do_not_see() {
    let mut scene = Scene::of(&["anna", "ben"]).await;
    let mut engine = scene.engine(HASTY);
    let strangers = [
        "second.admin",
        "bot",
        "guest",
        "plugin",
        "signed.up",
        "sleeper",
    ];
    let ids = strangers.map(|name| stranger(&scene, name, &format!("{name}@example.net")));
    let sim = &scene.stage.sim;
    assert!(sim.edit_user(&ids[0], |u| u.roles = "system_user system_admin".into()));
    let _ = sim.make_bot(&ids[1]);
    assert!(sim.edit_user(&ids[2], |u| u.roles = "system_guest".into()));
    sim.set_active(&ids[5], false);
    let before: Vec<_> = ids.iter().map(|id| sim.user(id).unwrap()).collect();
    cycle(&scene.stage, &mut engine).await;
    scene.remove(1);
    for _ in 0..3 {
        let done = cycle(&scene.stage, &mut engine).await;
        let about = |name: &str| {
            let steps = done.steps(name).len();
            steps + done.left(|l| l.subject.name == name)
        };
        assert!(
            strangers.iter().all(|name| about(name) == 0),
            "{:?}",
            done.plan()
        );
    }
    assert!(!scene.stage.is_active("ben"));
    for name in strangers {
        let word = desk::deactivate(&mut engine, name, "alice").await;
        // At most they are shown: nothing is done without a second word.
        assert!(word.is_err(), "{name}");
    }
    let after: Vec<_> = ids
        .iter()
        .map(|id| scene.stage.sim.user(id).unwrap())
        .collect();
    assert_eq!(after, before);
}

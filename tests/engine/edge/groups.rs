//! Groups whose members cannot be seen.

use std::collections::BTreeSet;

use mattermost_sim::{Options, UserLimit, Version};
use mattersync::model::{Plan, Why};
use servers::people;
use servers::{Slapd, SlapdOptions};

use testkit::place::Place;
use testkit::service::{self, Config};
use testkit::stage::{Cycle, Stage, cycle};

const GROUPS: &str = "ou=Groups,dc=directory,dc=nh";

/// Board and sales go first; nobody is in the third group for certain.
const ORDER: &str = "[policy]\nseat-order = [\"board\", \"sales\", \"idle\"]\n";

/// Seven people, of whom the last three are in groups.
fn directory() -> SlapdOptions {
    let board = people::group_of_names("board", &[format!("uid=p0006,ou=People,{}", people::BASE)]);
    let sales = people::posix_group("sales", 4_001, &["p0004", "p0005"]);
    let idle = people::posix_group("idle", 4_002, &[]);
    SlapdOptions {
        seed: people::ldif(&people::people(7)) + &board + &sales + &idle,
        ..SlapdOptions::default()
    }
}

/// What is said of the groups that go first.
fn said(plan: &Plan) -> Vec<String> {
    let left = plan.left_alone.iter();
    let said = left.filter(|l| matches!(l.why, Why::SeatOrder { .. }));
    said.map(|l| l.why.to_string()).collect()
}

fn inside(stage: &Stage) -> BTreeSet<String> {
    let users = stage.sim.users();
    let people = users.into_iter().filter(|u| u.delete_at == 0);
    let names = people.map(|u| u.username);
    names.filter(|name| name != "root.admin").collect()
}

fn seats(stage: &Stage, number: u64) {
    // The administrator has one.
    let hard = number + 1;
    stage.sim.set_user_limit(Some(UserLimit { warn: 0, hard }));
}

#[track_caller]
fn assert_told(cycle: &Cycle, told: &[&str]) {
    let said = said(cycle.plan());
    assert_eq!(said.len(), told.len(), "{said:?}");
    for (said, name) in said.iter().zip(told) {
        for words in [
            &format!("who is in the group {name:?} cannot be seen"),
            &format!("cn={name},{GROUPS} shows no member"),
            "let the account that reads the directory read member, memberuid, uniquemember",
        ] {
            assert!(said.contains(words), "no {words:?} in {said:?}");
        }
    }
}

/// A group that shows nobody is not empty: it is told, and whoever has a seat keeps it. A group
/// that has nobody is no news.
#[tokio::test]
async fn edge_13_a_group_whose_members_are_hidden_is_not_taken_to_be_empty() {
    let mut slapd = Slapd::start(directory()).unwrap();
    let stage = Stage::new(Version::V11);
    let (dn, password) = slapd.service();
    let provider = format!(
        "urls = [{url:?}]\nschema = \"rfc2307\"\nbase = {base:?}\nca-file = {ca:?}\n\
         bind-dn = {dn:?}\nbind-password = {secret}\n",
        url = slapd.ldaps_url(),
        base = people::BASE,
        ca = slapd.ca_file().display().to_string(),
        secret = stage.secret("ldap", password),
    );
    let accounts = "[accounts]\nlock = [\"shadowExpire\"]\n\
                    group-filter = \"(|(objectClass=posixGroup)(objectClass=groupOfNames))\"\n";
    let mut engine = stage.engine(&provider, &format!("{accounts}{ORDER}"));
    seats(&stage, 3);
    let filled = cycle(&stage, &mut engine).await;
    assert_told(&filled, &[]);
    let first = BTreeSet::from(["p0004", "p0005", "p0006"].map(str::to_owned));
    assert_eq!(inside(&stage), first);

    for right in ["none", "search", "compare"] {
        for (hidden, told) in [
            (
                format!("dn.exact=\"cn=sales,{GROUPS}\" attrs=memberUid"),
                vec!["sales"],
            ),
            (
                format!("dn.exact=\"cn=board,{GROUPS}\" attrs=member"),
                vec!["board"],
            ),
            (
                "attrs=memberUid,member".into(),
                vec!["board", "sales", "idle"],
            ),
        ] {
            // The right to search shows that nobody is in there.
            let idle = right == "search";
            let told: Vec<_> = told.into_iter().filter(|g| !idle || *g != "idle").collect();
            let access = format!("access to {hidden} by * {right}");
            let options = SlapdOptions {
                access,
                ..directory()
            };
            slapd.restart_with(options).unwrap();
            for _ in 0..2 {
                let unseen = cycle(&stage, &mut engine).await;
                assert_told(&unseen, &told);
                assert_eq!((unseen.kinds(), unseen.writes), (vec![], 0));
                assert_eq!(unseen.holds().len(), 0);
            }
        }
    }
    assert_eq!(inside(&stage), first);

    // A seat that comes free meanwhile is given to whoever waits.
    seats(&stage, 4);
    let one = cycle(&stage, &mut engine).await;
    assert_eq!(one.kinds()[0], ("create", 1));
    assert!(inside(&stage).is_superset(&first));
    slapd.restart_with(directory()).unwrap();
    let rest = cycle(&stage, &mut engine).await;
    assert_told(&rest, &[]);
    stage.assert_rests(&rest);
}

#[test]
fn edge_13_check_and_plan_name_the_group_whose_members_are_hidden() {
    let mut slapd = Slapd::start(directory()).unwrap();
    let (dn, password) = slapd.service();
    let mut place = Place::new(crate::BINARY);
    place.secret("bind", password);
    place.provider = Some(format!(
        "urls = [\"{}\"]\nca-file = \"{}\"\nbind-dn = \"{dn}\"\nbind-password = {{ file = \"{}\" }}",
        slapd.ldaps_url(),
        slapd.ca_file().display(),
        place.path("bind").display(),
    ));
    place.more = "[policy]\nseat-order = [\"sales\", \"idle\"]\n".into();
    place.write();
    let (silent, advice) = ("cannot be seen", "read member, memberuid, uniquemember");
    place.run(&["check"]).exits(0).says_not(advice);
    place.run(&["plan"]).exits(0).says_not(silent);
    let access = format!("access to dn.exact=\"cn=sales,{GROUPS}\" attrs=memberUid by * none");
    slapd
        .restart_with(SlapdOptions {
            access,
            ..directory()
        })
        .unwrap();
    place
        .run(&["check"])
        .exits(1)
        .says("policy.seat-order names the group \"sales\", and nobody can say who is in it")
        .says(advice)
        .says_not("\"idle\"");
    let plan = place.run(&["plan"]).exits(0);
    plan.says("who is in the group \"sales\" cannot be seen")
        .says(advice)
        .says_not("\"idle\"");
}

/// A file cannot be asked. By its class a group tells whether it must have a member.
#[test]
fn edge_13_the_journal_names_a_group_of_a_file_that_lacks_its_members() {
    let group = |name: &str, class: &str, n: u32| {
        format!(
            "dn: cn={name},ou=Groups,{base}\nobjectClass: {class}\ncn: {name}\n\
             entryUUID: 00000000-0000-4000-9000-{n:012x}\n\n",
            base = service::BASE
        )
    };
    let config = Config {
        policy: Config::default().policy + "seat-order = [\"board\", \"sales\", \"idle\"]\n",
        ..Config::default()
    };
    let stage = service::Stage::new(crate::BINARY, &Options::new(Version::V11), &config);
    stage.write_people(&service::people(&["anna", "bert"]));
    let path = stage.path("people.ldif");
    let text = std::fs::read_to_string(&path).unwrap()
        + &group("board", "posixGroup\nobjectClass: groupOfNames", 1)
        + &group("sales", "posixGroup\nobjectClass: groupOfUniqueNames", 2)
        + &group("idle", "posixGroup", 3);
    std::fs::write(&path, text).unwrap();
    let daemon = stage.start_and_wait();
    let report = daemon.sync();
    assert_eq!(report.writes, 0);
    assert_eq!(said(&report.plan.plan).len(), 2, "{:?}", report.plan.plan);
    let journal = daemon.stop();
    for group in ["board", "sales"] {
        let words = format!("who is in the group {group:?} cannot be seen");
        assert_eq!(journal.matches(&words).count(), 1, "{journal}");
    }
    assert!(!journal.contains("\"idle\""), "{journal}");
    assert_eq!(stage.sim.users().len(), 3);
}

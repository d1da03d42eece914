//! Somebody who cannot be read or looked up is told by name, and nobody else waits for them.

use ldap_fault::{Armed, At, Entry, Fault as LdapFault, FaultServer, Script};
use mattermost_sim::{Effect, Fault};

use crate::cli::served::Service;
use testkit::place::{Place, Said};

/// Nobody waits for the end of a grace period, and no limit hides who would be taken out.
const HASTY: &str = "[policy]\ngrace = \"0s\"\n[guard]\nmissing = \"off\"\n";

fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    place.more = HASTY.to_owned();
    for uid in ["anna", "bert", "carl"] {
        place.add(uid, &uid.to_uppercase(), "Test");
    }
    place.run(&["sync"]).exits(0);
    place
}

/// Everything that looks at both sides ends with 4, and says who.
#[track_caller]
fn all_name(place: &Place, who: &str, heading: &str) {
    for command in ["plan", "sync"] {
        let said: Said = place.run(&[command]).exits(4);
        said.says(heading).says(who);
        let said = place.run(&[command, "--json"]).exits(4);
        said.says(who.split(' ').next().unwrap());
    }
    place.run(&["check"]).exits(4).says("PROBLEM").says(who);
}

/// With a name or without one, with an id or without one: the row of a leaver is still theirs.
#[test]
fn a_leaver_whose_row_is_garbled_is_an_incomplete_reading() {
    for fields in [&["email"][..], &["username"], &["id", "username"]] {
        let mut place = company();
        place.edit("carl", |carl| carl.gone = true);
        place.garble("carl", fields);
        let id = place.user_id("carl");
        let who = format!("the user carl ({id}) could not be read");
        all_name(&place, &who, "THE READING OF MATTERMOST IS NOT COMPLETE");
        let said = place.run(&["plan"]).exits(4);
        said.says("Users of Mattermost who cannot be read")
            .says_not("Not seen in the directory");
        for person in ["carl", &id] {
            let said = place.run(&["deactivate", person]).exits(1);
            said.says("is not understood")
                .says(&format!("`mmctl user deactivate {id}`"));
        }
        place.run(&["explain", "carl"]).exits(4).says("mmctl");
        assert!(place.is_active("carl"));
        place.sim.clear_faults();
        place.run(&["sync"]).exits(0).says("Deactivated 1 user");
    }
}

#[test]
fn the_service_tells_of_a_leaver_whose_row_is_garbled() {
    let mut place = company();
    place.edit("carl", |carl| carl.gone = true);
    place.garble("carl", &["email"]);
    let _service = Service::start(&place);
    let who = format!("the user carl ({})", place.user_id("carl"));
    place.run(&["status"]).exits(4).says(&who);
}

/// Locked, and a list that lost them on the way: nobody knows whom to deactivate.
#[test]
fn a_leaver_who_may_not_be_looked_up_is_an_incomplete_reading() {
    let mut place = company();
    place.edit("carl", |carl| carl.expires = 1);
    place
        .sim
        .add_fault(Fault::new(Effect::Shorten(2)).path("/api/v4/users"));
    let refusal = Effect::refusal(403, "api.context.permissions.app_error");
    place
        .sim
        .add_fault(Fault::new(refusal).path("/api/v4/users/ids"));
    let who = format!(
        "the user carl ({}) could not be read",
        place.user_id("carl")
    );
    all_name(&place, &who, "THE READING OF MATTERMOST IS NOT COMPLETE");
    let said = place.run(&["deactivate", "carl"]).exits(1);
    said.says("status 403").says("mmctl user deactivate");
    assert!(place.is_active("carl"));
    place.sim.clear_faults();
    place.run(&["sync"]).exits(0).says("Deactivated 1 user");
}

/// A directory of three, where looking somebody up by id fails or not.
async fn directory(people: u32, fails: bool) -> FaultServer {
    let base = "dc=directory,dc=nh";
    let mut entries = Entry::posix_people(people, &format!("ou=People,{base}"));
    entries.insert(0, Entry::new(base).with("objectClass", "organization"));
    let busy = LdapFault::End {
        at: At::START,
        code: 51,
        cookie: false,
    };
    let busy = Armed::from(busy).when_filter_has("entryuuid=");
    let script = Script::new(base, entries);
    let script = if fails { script.with(busy) } else { script };
    FaultServer::start(script).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_whose_look_up_fails_is_an_incomplete_reading() {
    let (full, left) = (directory(3, false).await, directory(2, true).await);
    let mut place = Place::new(crate::BINARY);
    place.more = HASTY.to_owned();
    place.provider = Some(format!("urls = [\"{}\"]", full.url()));
    place.write();
    place.run(&["sync"]).exits(0).says("Created 3 users");
    place.provider = Some(format!("urls = [\"{}\"]", left.url()));
    place.write();
    let who = "the account uid=p0002,ou=People,dc=directory,dc=nh (id ";
    all_name(&place, who, "THE READING OF THE DIRECTORY IS NOT COMPLETE");
    assert!(place.is_active("p0002"));
    // Who has left needs no directory.
    place.run(&["deactivate", "p0002"]).exits(0);
    place.run(&["sync"]).exits(0);
    assert!(!place.is_active("p0002"));
}

/// Somebody whom nobody knows by name stands there: each name is asked for before it is given.
/// Whoever cannot be read may have the address or the name that somebody is to get: that is asked
/// for, and not tried in each cycle.
#[test]
fn nobody_gets_the_address_or_the_name_of_a_user_who_cannot_be_read() {
    for fields in [&["username"][..], &["email"]] {
        let mut place = company();
        place.stranger("mallory", "mallory");
        place.garble("mallory", fields);
        place.add("emil", "Emil", "Test");
        place.edit("emil", |emil| {
            emil.mail = Some("mallory@example.org".into())
        });
        let is_write = |seen: &&mattermost_sim::Seen| seen.write;
        let writes = |place: &Place| place.sim.seen().iter().filter(is_write).count();
        let before = writes(&place);
        place
            .run(&["sync"])
            .exits(0)
            .says("the e-mail address mallory@example.org belongs to the Mattermost user");
        place.edit("anna", |anna| {
            anna.mail = Some("mallory@example.org".into())
        });
        place
            .run(&["sync"])
            .exits(0)
            .says("the e-mail address mallory@example.org belongs to the Mattermost user");
        if fields == ["username"] {
            place.edit("bert", |bert| bert.uid = "mallory".into());
            place
                .run(&["sync"])
                .exits(0)
                .says("the username mallory belongs to the Mattermost user");
        }
        assert_eq!(writes(&place), before, "nothing is tried in vain");
    }
}

#[test]
fn nobody_is_created_under_the_name_of_a_user_who_cannot_be_read() {
    for fields in [&["username"][..], &["id", "username"], &["email"]] {
        let mut place = company();
        place.stranger("dora", "dora.other");
        place.garble("dora", fields);
        place.add("dora", "Dora", "Test");
        place.add("emil", "Emil", "Test");
        let creations = || {
            let seen = place.sim.seen().into_iter();
            seen.filter(|call| call.method == "POST" && call.target == "/api/v4/users")
                .count()
        };
        let before = creations();
        let said = place.run(&["plan"]).exits(0);
        said.says("Create 1 user")
            .says("Users of Mattermost who cannot be read")
            .says("the username dora belongs to the Mattermost user dora");
        place.run(&["check"]).says("1 user cannot be read");
        place.run(&["sync"]).exits(0).says("Created 1 user");
        assert_eq!(creations() - before, 1, "emil, and nobody else");
        assert!(place.sim.user_named("emil").is_some());
        // What cannot be read is not touched on a person's word either; they hear what to do.
        let id = place.user_id("dora");
        let mut known = vec!["dora".to_owned()];
        known.extend((!fields.contains(&"id")).then(|| id.clone()));
        for person in known.iter().filter(|p| **p == id || fields == ["email"]) {
            let said = place.run(&["deactivate", person]).exits(1);
            said.says(&format!("`mmctl user deactivate {id}`"));
        }
        // Whose name is known needs no question, and where nobody is to be made none is asked.
        let asked = |place: &Place| {
            let seen = place.sim.seen().into_iter();
            let by_name = seen.filter(|call| call.target.contains("/users/username/"));
            by_name.count()
        };
        let before = asked(&place);
        place.run(&["sync"]).exits(0).says("Nothing was changed");
        assert_eq!(asked(&place) - before, usize::from(fields != ["email"]));
        place.edit("dora", |dora| dora.gone = true);
        let before = asked(&place);
        place.run(&["sync"]).exits(0).says("Nothing was changed");
        assert_eq!(asked(&place), before);
        place.edit("dora", |dora| dora.gone = false);
        place.sim.clear_faults();
        place
            .run(&["sync"])
            .exits(0)
            .says("belongs to the Mattermost user dora");
        assert_eq!(place.sim.users().len(), 6);
    }
}

//! A side that is read only in part: the service's health, its journal, its exit code.

use std::process::Command;

use mattermost_sim::{Answer, Commit, Effect, Fault, Options, Version};
use mattersync::daemon::Health;

use crate::daemon::manager::Manager;
use testkit::service::{Config, Stage, people};

/// How `mattersync status` ends, and what it says.
fn status(stage: &Stage) -> (Option<i32>, String) {
    let mut command = Command::new(crate::BINARY);
    command.arg("--config").arg(stage.config()).arg("status");
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), said)
}

#[test]
fn its_beginning_and_its_end_are_told_once_and_the_health_follows() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&["anna", "bert"]));
    let manager = Manager::new(&stage);
    let daemon = manager.start(&stage, None);
    daemon.wait_for("the first cycle", |s| s.last.is_some());
    assert_eq!(status(&stage).0, Some(0));

    let path = stage.path("people.ldif");
    let whole = std::fs::read_to_string(&path).unwrap();
    // Each time it is cut elsewhere, and is told in other words.
    for cut in [4, 3, 2] {
        std::fs::write(&path, &whole[..whole.len() * cut / 5]).unwrap();
        daemon.sync();
    }
    let health = daemon.status().unwrap().health;
    assert!(
        matches!(&health, Health::Degraded(why) if why[0].contains("not read completely")),
        "{health:?}"
    );
    let (code, said) = status(&stage);
    assert_eq!(code, Some(4), "{said}");
    assert!(
        said.contains("DEGRADED: the directory was not read completely"),
        "{said}"
    );
    let degraded = |line: &String| line.contains("degraded: the directory was not read completely");
    let heard = manager.heard();
    let mut words = heard.iter().flat_map(|heard| &heard.words);
    assert!(
        words.any(|word| word.starts_with("STATUS=") && degraded(word)),
        "{heard:?}"
    );
    let (begins, ends) = ("not everything could be read", "read completely again");
    assert_eq!(
        (daemon.said(begins), daemon.said(ends)),
        (1, 0),
        "{}",
        daemon.output()
    );

    std::fs::write(&path, &whole).unwrap();
    for _ in 0..2 {
        daemon.sync();
    }
    assert_eq!(status(&stage).0, Some(0));
    assert_eq!(daemon.status().unwrap().health, Health::Well);
    assert_eq!(
        (daemon.said(begins), daemon.said(ends)),
        (1, 1),
        "{}",
        daemon.output()
    );

    let page = Answer {
        status: 404,
        headers: vec![("content-type".to_owned(), "text/html".to_owned())],
        body: b"<html>Not found</html>".to_vec(),
    };
    let fault = Fault::new(Effect::Answer(page, Commit::Before));
    let team = fault.method("GET").path("/api/v4/teams/name/works");
    stage.sim.add_fault(team);
    for _ in 0..2 {
        daemon.sync();
    }
    let (code, said) = status(&stage);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("the team works could not be read"), "{said}");
    assert_eq!(daemon.said("the team works could not be read"), 1);
    stage.sim.clear_faults();
    daemon.sync();
    assert_eq!(
        (daemon.said(begins), daemon.said(ends)),
        (2, 2),
        "{}",
        daemon.output()
    );

    // A service that cannot finish a cycle has failed, whatever the last one read.
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    daemon.sync();
    std::fs::remove_file(&path).unwrap();
    daemon.signal("USR1");
    daemon.wait_for("a failure", |s| s.failures == 1);
    assert_eq!(status(&stage).0, Some(1));
    daemon.stop();
}

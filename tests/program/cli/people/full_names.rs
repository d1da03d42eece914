//! Nobody is acted upon by full name, and no command is a dead end for whoever knows no other.

use super::company;
use crate::cli::served::Service;
use testkit::place::Place;

const FULL_NAME: &str = "Siegfried Strohschneider-Niedermayr";

fn with_full_names() -> Place {
    let mut place = company();
    place.add("strohsi", "Siegfried", "Strohschneider-Niedermayr");
    place.add("mueller1", "Jürgen", "Müller");
    place.add("mueller2", "Anna", "Müller");
    place.run(&["sync"]).exits(0);
    place
}

#[test]
fn every_command_names_whom_a_full_name_may_mean() {
    let place = with_full_names();
    let run = place.last_run();
    let commands: [(&[&str], &str); 6] = [
        (
            &["deactivate", FULL_NAME, "--yes"],
            "deactivate strohsi --yes",
        ),
        (
            &["history", "--person", FULL_NAME],
            "history --person strohsi",
        ),
        (&["unlink", FULL_NAME], "unlink strohsi"),
        (&["undo", "--redo", FULL_NAME], "undo --redo strohsi"),
        (&["forget", FULL_NAME], "forget strohsi"),
        (&["orphans", "--keep", FULL_NAME], "orphans --keep strohsi"),
    ];
    for (words, instead) in commands {
        place
            .run(words)
            .exits(1)
            .says(&format!("by full name it may be: {FULL_NAME} (strohsi)\n"))
            .says_not("is known as")
            .says("If that is who you mean, type:\n  mattersync ")
            .says(&format!(" {instead}\n"));
    }
    place
        .run(&["undo", &run, "--person", "strohschneider"])
        .exits(1)
        .says(&format!(" undo {run} --person strohsi\n"));
    assert!(place.is_active("strohsi"));
    place
        .run(&["deactivate", "muller"])
        .exits(1)
        .says("nobody has the username, address, DN or id \"muller\"")
        .says("Anna Müller (mueller2), Jürgen Müller (mueller1)")
        .says("Type the one that you mean:\n")
        .says(" deactivate mueller2\n")
        .says(" deactivate mueller1\n");
    place
        .run(&["deactivate", "Xaver Quast"])
        .exits(1)
        .says("nobody is known as");
}

#[test]
fn the_service_names_them_too() {
    let place = with_full_names();
    let _service = Service::start(&place);
    for words in [
        ["deactivate", "strohschneider"],
        ["forget", "strohschneider"],
    ] {
        place
            .run(&words)
            .exits(1)
            .says(&format!(" {} strohsi\n", words[0]));
    }
    assert!(place.is_active("strohsi"));
}

#[test]
fn what_is_held_of_somebody_is_offered_by_full_name() {
    let mut place = with_full_names();
    place.more = "[guard]\nrename = 0\n".into();
    place.edit("strohsi", |p| p.uid = "siegfried".into());
    place.run(&["plan"]);
    place
        .run(&["approve", "strohschneider"])
        .exits(1)
        .says("by full name it may be: Siegfried Strohschneider-Niedermayr (")
        .says("mattersync --config ");
}

#[test]
fn similar_names_are_those_of_people_and_addresses_too() {
    let mut place = with_full_names();
    place.add("u4711", "Heike", "Schröder");
    place.add("u4712", "Uwe", "Lang").mail = Some("kopke@example.org".into());
    place.write();
    place
        .run(&["explain", "Mueler"])
        .exits(1)
        .says("Jürgen Müller (mueller1)");
    place
        .run(&["explain", "schrodr"])
        .exits(1)
        .says("Similar names: Heike Schröder (u4711)")
        .says("To see both:\n  mattersync check --print\n");
    place
        .run(&["explain", "Heike Schrodr"])
        .exits(1)
        .says("Similar names: Heike Schröder (u4711)");
    place
        .run(&["explain", "kopkee"])
        .exits(1)
        .says("Similar names: kopke@example.org");
    place.run(&["check", "--print"]).exits(0).says("base = ");
}

//! What leavers leave alive: asked once after a run that deactivated somebody, and never else.

use std::time::Duration;

use mattermost_sim::{Commit, Effect, Fault, Seen, Version};
use mattersync::model::{Aftermath, BelongingKind as Kind, Fate, Noted, RunId};
use tokio::sync::watch;

use testkit::desk;
use testkit::file::{File, NO_GRACE};
use testkit::maker::{hidden, id, make_all};
use testkit::stage::{Stage, cycle, try_cycle};

/// Whether a request asks what people made.
fn is_about_belongings(seen: &Seen) -> bool {
    ["/tokens", "/bots", "/hooks/", "/commands", "/oauth/"]
        .iter()
        .any(|part| seen.target.contains(part))
}

fn asked(stage: &Stage) -> usize {
    let seen = stage.sim.seen();
    seen.iter().filter(|seen| is_about_belongings(seen)).count()
}

async fn noted(stage: &Stage, run: Option<RunId>) -> Vec<Aftermath> {
    let notes = stage.store.notes(run.unwrap()).await.unwrap();
    let notes = notes.into_iter().filter_map(|note| match note.what {
        Noted::Aftermath(after) => Some(after),
        _ => None,
    });
    notes.collect()
}

fn kinds(after: &Aftermath) -> Vec<Kind> {
    after.belongings.iter().map(|r| r.thing.kind).collect()
}

#[tokio::test]
async fn a_leaver_leaves_things_alive_and_the_run_says_which_and_what_to_type() {
    for version in [Version::V5_38, Version::V11] {
        let stage = Stage::new(version);
        let mut file = File::new(10);
        let mut engine = file.engine(&stage, NO_GRACE);
        cycle(&stage, &mut engine).await;
        let made = make_all(&stage.sim, "user003");
        make_all(&stage.sim, "user007");
        stage.sim.reset_counters();
        cycle(&stage, &mut engine).await;
        assert_eq!(asked(&stage), 0, "nobody left");
        file.lock(3..5);
        let view = engine.look(&|_| {}).await.unwrap();
        assert_eq!(
            (view.plan.steps.len(), asked(&stage)),
            (2, 0),
            "a plan asks for nothing"
        );

        stage.sim.reset_counters();
        let done = cycle(&stage, &mut engine).await;
        let [third, fourth] = done.summary.facts.aftermath.as_slice() else {
            panic!("{:?}", done.summary.facts.aftermath);
        };
        assert_eq!((third.name.as_str(), third.fate), ("user003", Fate::Left));
        assert_eq!(kinds(third), Kind::ALL);
        assert_eq!(third.user.as_str(), stage.user("user003").id);
        assert!(third.account.is_some() && third.not_asked.is_empty());
        assert_eq!(fourth.belongings, [], "user004 made nothing");
        // Two people: the tokens of one, who has some, and of the other, one list of each other kind,
        // the commands of one team. Each list that has rows ends with a page that has none.
        assert_eq!(asked(&stage), (2 + 1) + (1 + 2 + 1) * 2 + 1);

        let report = serde_json::to_value(&done.summary.facts).unwrap();
        let things = &report["aftermath"][0]["belongings"];
        let to_type = |n: usize| things[n]["to_type"].as_str().unwrap().to_owned();
        assert_eq!(
            to_type(0),
            format!("mmctl token revoke {}", id(&made, "token"))
        );
        assert!(to_type(1).contains("mmctl bot enable user003.bot"));
        assert_eq!(
            to_type(2),
            format!("mmctl webhook delete {}", id(&made, "incoming"))
        );
        assert_eq!(
            to_type(3),
            format!("mmctl webhook delete {}", id(&made, "outgoing"))
        );
        assert_eq!(
            to_type(4),
            format!("mmctl command archive {}", id(&made, "command"))
        );
        assert!(to_type(5).ends_with(&format!("/oauth/apps/{}", id(&made, "application"))));

        let notes = noted(&stage, done.summary.facts.run).await;
        assert_eq!(notes, done.summary.facts.aftermath);
        let told = format!("{report} {:?} {notes:?}", done.summary);
        for secret in hidden(&made) {
            assert!(!told.contains(&secret), "{secret}");
        }

        stage.sim.reset_counters();
        let rest = cycle(&stage, &mut engine).await;
        stage.assert_rests(&rest);
        assert_eq!((rest.summary.facts.aftermath.len(), asked(&stage)), (0, 0));
    }
}

#[tokio::test]
async fn over_the_socket_all_but_oauth_is_told() {
    let stage = Stage::new(Version::V5_38);
    let mut file = File::new(10);
    let mut engine = file.socket_engine(&stage);
    cycle(&stage, &mut engine).await;
    let team = stage.sim.add_team("crew", "Crew").unwrap();
    assert!(!team.is_empty());
    make_all(&stage.sim, "user003");
    file.lock(3..4);
    let done = cycle(&stage, &mut engine).await;
    let after = &done.summary.facts.aftermath[0];
    assert_eq!(kinds(after), Kind::ALL[..5]);
    let gaps: Vec<&Kind> = after.not_asked.keys().collect();
    assert_eq!(gaps, [&Kind::OauthApplication]);
}

#[tokio::test]
async fn a_server_that_does_not_tell_disturbs_nothing() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(10);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    make_all(&stage.sim, "user003");
    file.lock(3..4);
    for path in ["users/*/tokens", "bots", "hooks/**", "commands", "oauth/**"] {
        let fault = Fault::new(Effect::status(404));
        stage.sim.add_fault(fault.path(&format!("/api/v4/{path}")));
    }
    // Asserts that the run is clean.
    let done = cycle(&stage, &mut engine).await;
    assert!(!stage.is_active("user003"));
    let after = &done.summary.facts.aftermath[0];
    assert_eq!((after.belongings.len(), after.not_asked.len()), (0, 6));
    assert_eq!(
        noted(&stage, done.summary.facts.run).await,
        done.summary.facts.aftermath
    );
    stage.sim.clear_faults();
    stage.sim.reset_counters();
    let rest = cycle(&stage, &mut engine).await;
    assert_eq!(
        (rest.summary.facts.aftermath.len(), asked(&stage)),
        (0, 0),
        "asked once"
    );
}

/// A process that ends before it could ask leaves the question to the next one.
#[tokio::test]
async fn a_run_that_is_stopped_before_the_answers_leaves_the_question_to_the_next() {
    for same_engine in [true, false] {
        let stage = Stage::new(Version::V11);
        let mut file = File::new(10);
        let mut engine = file.engine(&stage, NO_GRACE);
        cycle(&stage, &mut engine).await;
        make_all(&stage.sim, "user003");
        file.lock(3..4);
        stage.sim.reset_counters();
        let hang = Fault::new(Effect::Hang(Commit::Before));
        stage.sim.add_fault(hang.path("/api/v4/bots"));
        let (stop, stopped) = watch::channel(false);
        let sim = &stage.sim;
        let asking = async {
            while !sim.seen().iter().any(|seen| seen.target.contains("/bots")) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            stop.send_replace(true);
        };
        let quiet = |_: mattersync::apply::Event<'_>| {};
        let (summary, ()) = tokio::join!(engine.run(stopped, &|_| {}, &quiet), asking);
        let summary = summary.unwrap();
        assert!(summary.facts.is_clean() && summary.facts.aftermath.is_empty());
        assert_eq!(noted(&stage, summary.facts.run).await, []);
        stage.sim.clear_faults();
        if !same_engine {
            engine = file.engine(&stage, NO_GRACE);
        }
        let next = cycle(&stage, &mut engine).await;
        assert_eq!(next.kinds(), []);
        assert_eq!(
            kinds(&next.summary.facts.aftermath[0]),
            Kind::ALL,
            "{same_engine}"
        );
        // It belongs to the run that deactivated.
        assert_eq!(
            noted(&stage, summary.facts.run).await,
            next.summary.facts.aftermath
        );
        let rest = cycle(&stage, &mut file.engine(&stage, NO_GRACE)).await;
        assert!(rest.summary.facts.aftermath.is_empty());
    }
}

#[tokio::test]
async fn a_deactivation_whose_answer_was_lost_is_asked_about_when_it_is_known() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(10);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    make_all(&stage.sim, "user003");
    file.lock(3..4);
    let cut = Fault::new(Effect::Cut(Commit::After)).writes();
    stage.sim.add_fault(cut.path("/api/v4/users/*/active"));
    let lost = try_cycle(&stage, &mut engine).await.unwrap();
    assert_eq!(lost.summary.facts.unknown.len(), 1);
    assert!(lost.summary.facts.aftermath.is_empty());
    stage.sim.clear_faults();
    let next = cycle(&stage, &mut engine).await;
    assert_eq!(kinds(&next.summary.facts.aftermath[0]), Kind::ALL);
    assert_eq!(noted(&stage, lost.summary.facts.run).await.len(), 1);
}

#[tokio::test]
async fn a_persons_word_tells_it_too() {
    let stage = Stage::new(Version::V11);
    let file = File::new(10);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    make_all(&stage.sim, "user003");
    let done = desk::deactivate(&mut engine, "user003", "alice").await;
    let done = done.unwrap();
    assert_eq!(kinds(&done.aftermath[0]), Kind::ALL);
}

/// A changed name parts with nobody; who gave up has no questions; and a word about one person
/// settles no other's.
#[tokio::test]
async fn a_persons_word_leaves_what_is_owed_to_the_next_cycle() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(20);
    let rest = format!("{NO_GRACE}[guard]\nlocked = \"off\"\n");
    let mut engine = file.engine(&stage, &rest);
    cycle(&stage, &mut engine).await;
    stage.sim.reset_counters();
    file.edit(1, |person| person.sn = "Married".into());
    let changed = cycle(&stage, &mut engine).await;
    assert_eq!(changed.kinds(), [("update", 1)]);
    assert_eq!(
        (changed.summary.facts.aftermath.len(), asked(&stage)),
        (0, 0)
    );

    make_all(&stage.sim, "user003");
    file.lock(3..17);
    // After the first the server fails, until the run gives up.
    let failing = Fault::new(Effect::status(503)).writes();
    let failing = failing.path("/api/v4/users/*/active");
    stage.sim.add_fault(failing.from(2));
    stage.sim.reset_counters();
    let stopped = try_cycle(&stage, &mut engine).await.unwrap();
    let report = &stopped.summary.facts;
    assert!(
        report.stopped.is_some() && report.done_steps.len() == 1,
        "{report:?}"
    );
    assert_eq!(
        (stopped.summary.facts.aftermath.len(), asked(&stage)),
        (0, 0)
    );
    stage.sim.clear_faults();

    let word = desk::deactivate(&mut engine, "user018", "alice").await;
    let told: Vec<String> = names(&word.unwrap().aftermath);
    assert_eq!(told, ["user018"]);
    let next = cycle(&stage, &mut engine).await;
    let told = names(&next.summary.facts.aftermath);
    assert!(told.contains(&"user003".to_owned()), "{told:?}");
    assert!(!told.contains(&"user018".to_owned()), "{told:?}");
}

fn names(aftermath: &[Aftermath]) -> Vec<String> {
    aftermath.iter().map(|after| after.name.clone()).collect()
}

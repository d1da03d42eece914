//! What is old is forgotten, and who is to be forgotten leaves no trace.

use super::*;

/// Begins a run of these steps at a moment, sends the first one and ends the run.
async fn run_of(store: &State, steps: Vec<Step>, wall: i64, outcome: Outcome) -> RunId {
    let first = steps[0].id;
    let run = store.begin(&plan(steps), "", &at(wall)).await.unwrap();
    let sent = store.intend(run, &[first], vec![], Timestamp(wall)).await;
    sent.unwrap();
    store
        .settle(run, first, outcome, vec![], Timestamp(30))
        .await
        .unwrap();
    store.finish(run, true, Timestamp(wall + 1)).await.unwrap();
    run
}

async fn numbers(store: &State) -> Vec<i64> {
    let heads = store.heads(RunFilter::default()).await.unwrap();
    heads.iter().map(|head| head.id.0).collect()
}

fn loose(wall: i64) -> Note {
    Note {
        run: None,
        at: Timestamp(wall),
        account: None,
        user: None,
        what: Noted::Forgotten { by: "root".into() },
    }
}

#[tokio::test]
async fn old_runs_are_forgotten_but_for_what_is_needed() {
    on_both(async |store| {
        let unknown = || Outcome::Unknown("cut".into());
        // The same person in the first and the third: the third supersedes the first.
        run_of(store, vec![reactivate(1, "a")], 10, unknown()).await;
        run_of(store, vec![reactivate(1, "b")], 20, unknown()).await;
        run_of(store, vec![reactivate(1, "a")], 30, Outcome::Done).await;
        let named = run_of(store, vec![reactivate(1, "c")], 40, Outcome::Done).await;
        run_of(store, vec![reactivate(1, "d")], 50, Outcome::Done).await;
        for wall in [10, 50] {
            store.note(loose(wall)).await.unwrap();
        }
        let about = Note {
            run: Some(RunId(3)),
            ..loose(30)
        };
        store.note(about).await.unwrap();
        assert_eq!(numbers(store).await, [5, 4, 3, 2, 1]);
        let prune =
            |wall, keep: &[RunId]| store.prune(Timestamp(wall), keep.iter().copied().collect());
        assert_eq!(prune(10, &[]).await, Ok(0), "nothing is older");
        assert_eq!(prune(45, &[named]).await, Ok(2));
        assert_eq!(numbers(store).await, [5, 4, 2], "unsettled, and named");
        assert_eq!(store.loose_notes().await.unwrap(), [loose(50)]);
        assert_eq!(store.notes(RunId(3)).await.unwrap(), []);
        assert_eq!(unsettled(store).await, [(2, 1, 20)]);
        // Its outcome becomes known, and it goes too. Numbers are not given again.
        let done = store.settle(RunId(2), StepId(1), Outcome::Done, vec![], Timestamp(30));
        done.await.unwrap();
        assert_eq!(prune(99, &[]).await, Ok(3));
        assert_eq!(
            run_of(store, vec![reactivate(1, "e")], 60, Outcome::Done).await,
            RunId(6)
        );
    })
    .await;
}

#[tokio::test]
async fn what_a_run_that_stays_says_of_one_that_goes_is_kept_in_order() {
    on_both(async |store| {
        let unknown = || Outcome::Unknown("cut".into());
        let both = vec![reactivate(1, "a"), reactivate(2, "b")];
        let first = store.begin(&plan(both), "", &at(30)).await.unwrap();
        let ids = [StepId(1), StepId(2)];
        store
            .intend(first, &ids, vec![], Timestamp(30))
            .await
            .unwrap();
        // It began before the first one, as the clock says, and supersedes one of its steps.
        run_of(store, vec![reactivate(1, "a")], 5, Outcome::Done).await;
        run_of(store, vec![reactivate(1, "z")], 40, unknown()).await;
        assert_eq!(store.prune(Timestamp(10), BTreeSet::new()).await, Ok(1));
        assert_eq!(unsettled(store).await, [(1, 2, 30), (3, 1, 40)]);
        assert_eq!(numbers(store).await, [3, 1]);
    })
    .await;
}

#[tokio::test]
async fn who_is_forgotten_is_in_no_run() {
    on_both(async |store| {
        let steps = vec![reactivate(1, "a"), reactivate(2, "b")];
        let run = run_of(store, steps, 10, Outcome::Done).await;
        let about = |id: &str| Note {
            run: Some(run),
            account: Some(key(id)),
            ..loose(11)
        };
        store.note(about("a")).await.unwrap();
        store.note(about("b")).await.unwrap();
        store
            .observe(vec![Remember::Account(
                key("a"),
                AccountChange::Link(Some(link("user-a"))),
            )])
            .await
            .unwrap();
        let who = store.known_as("USER-A".into()).await.unwrap();
        assert_eq!(who.accounts, [key("a")].into());
        let erased = store
            .erase(
                who.clone(),
                vec![Remember::Account(key("a"), AccountChange::Link(None))],
                loose(12),
            )
            .await
            .unwrap();
        assert_eq!((erased.steps, erased.notes), (1, 1));
        store.scrub().await.unwrap();
        assert!(store.known_as("user-a".into()).await.unwrap().is_empty());
        assert!(store.load().await.unwrap().accounts.is_empty());
        let left = store.run(run).await.unwrap().unwrap();
        assert_eq!(left.steps.len(), 1);
        assert_eq!(left.steps[0].account(), Some(&key("b")));
        assert_eq!(store.notes(run).await.unwrap(), [about("b")]);
        assert_eq!(store.loose_notes().await.unwrap(), [loose(12)]);
    })
    .await;
}

/// Everything that lies in the state directory.
fn bytes(directory: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(directory).unwrap();
    files
        .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn no_byte_of_a_name_is_left() {
    let place = place();
    let store = open(place.path());
    let mut step = reactivate(1, "a");
    step.subject.name = "ludmilla".into();
    step.subject.email = Some("ludmilla@example.org".into());
    let mut kept = link("user-a");
    kept.last_dn = "uid=ludmilla,dc=example".into();
    let learned = vec![Remember::Account(key("a"), AccountChange::Link(Some(kept)))];
    store.observe(learned).await.unwrap();
    run_of(&store, vec![step], 10, Outcome::Done).await;
    // The copy is made behind the run.
    store.load().await.unwrap();
    assert!(place.path().join(COPY_NAME).exists());
    assert!(has(&bytes(place.path()), "ludmilla"));
    let who = store.known_as("ludmilla".into()).await.unwrap();
    let gone = vec![Remember::Account(key("a"), AccountChange::Link(None))];
    store.erase(who, gone, loose(12)).await.unwrap();
    store.scrub().await.unwrap();
    let left = bytes(place.path());
    for word in ["ludmilla", "LUDMILLA", "user-a"] {
        assert!(!has(&left, word), "{word} is still there");
    }
    assert!(has(&left, "forgotten"));
    // A reader who holds on to an older version of the file is told of.
    let reader = State::open_read_only(place.path()).unwrap().unwrap();
    assert_eq!(reader.loose_notes().await.unwrap().len(), 1);
}

/// The new id of one is the old id of the other, also in what is recorded.
#[tokio::test]
async fn whoever_gets_another_id_has_it_in_all_that_is_recorded() {
    on_both(async |store| {
        let steps = vec![reactivate(1, "a"), reactivate(2, "b"), reactivate(3, "c")];
        let run = run_of(store, steps, 10, Outcome::Done).await;
        let note = Note {
            account: Some(key("a")),
            run: Some(run),
            ..loose(11)
        };
        store.note(note.clone()).await.unwrap();
        let id = DirectoryId::new;
        let ids = BTreeMap::from([(id("a"), id("b")), (id("b"), id("a"))]);
        let delta = vec![Remember::Account(
            key("b"),
            AccountChange::Gone(Some(Timestamp(1))),
        )];
        store
            .renumber(key("a").provider, ids, delta, loose(12))
            .await
            .unwrap();
        let record = store.run(run).await.unwrap().unwrap();
        let accounts: Vec<_> = record.steps.iter().map(|step| step.account()).collect();
        assert_eq!(
            accounts,
            [Some(&key("b")), Some(&key("a")), Some(&key("c"))]
        );
        let renumbered = Note {
            account: Some(key("b")),
            ..note
        };
        assert_eq!(store.notes(run).await.unwrap(), [renumbered]);
        assert_eq!(store.loose_notes().await.unwrap(), [loose(12)]);
        assert!(
            store
                .load()
                .await
                .unwrap()
                .account(&key("b"))
                .gone
                .is_some()
        );
        // By the new id both are found: one of two.
        let who = People {
            accounts: [key("b")].into(),
            ..People::default()
        };
        let erased = store.erase(who, vec![], loose(13)).await.unwrap();
        assert_eq!((erased.steps, erased.notes), (1, 1));
    })
    .await;
}

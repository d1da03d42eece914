//! Runs that are cut short, and steps that come again, on both stores.

use super::*;

#[tokio::test]
async fn a_run_that_was_never_finished_is_closed_by_the_next() {
    on_both(async |store| {
        let first = store
            .begin(
                &plan(vec![reactivate(1, "a"), reactivate(2, "b")]),
                "",
                &at(1),
            )
            .await
            .unwrap();
        store
            .intend(first, &[StepId(1)], vec![], Timestamp(2))
            .await
            .unwrap();
        let second = store.begin(&plan(vec![]), "", &at(5)).await.unwrap();
        assert!(second > first);
        refused(
            store
                .intend(first, &[StepId(2)], vec![], Timestamp(6))
                .await,
            "not open",
        );
        refused(store.finish(first, true, Timestamp(6)).await, "not open");
        store.finish(second, true, Timestamp(7)).await.unwrap();
        refused(store.finish(second, true, Timestamp(8)).await, "not open");
        let runs = store.runs(9).await.unwrap();
        let ended: Vec<_> = runs.iter().map(|run| (run.id, run.ended)).collect();
        assert_eq!(ended, [(second, Some(Timestamp(7))), (first, None)]);
        let begun = &runs[1].steps;
        assert!(matches!(&begun[0].outcome, Some(Outcome::Unknown(_))));
        assert_eq!(begun[1].outcome, None);
        assert_eq!(unsettled(store).await, [(first.0, 1, 2)]);
        store
            .settle(first, StepId(1), Outcome::Done, vec![], Timestamp(30))
            .await
            .unwrap();
        assert_eq!(unsettled(store).await, []);
        assert_eq!(store.runs(1).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_later_intent_for_the_same_change_supersedes() {
    on_both(async |store| {
        let made = || UserRef::Made(StepId(7));
        let steps = vec![
            join(1, "a", made(), "red"),
            join(2, "a", made(), "blue"),
            join(3, "b", made(), "red"),
            reactivate(4, "a"),
        ];
        let first = store.begin(&plan(steps), "", &at(1)).await.unwrap();
        let all: Vec<StepId> = (1..=4).map(StepId).collect();
        store
            .intend(first, &all, vec![], Timestamp(2))
            .await
            .unwrap();
        // The same person and team; by now the user exists.
        let user = UserRef::Existing(UserId::new("u"));
        let second = store
            .begin(&plan(vec![join(9, "a", user, "red")]), "", &at(3))
            .await
            .unwrap();
        assert_eq!(unsettled(store).await.len(), 4, "planned is not begun");
        store
            .intend(second, &[StepId(9)], vec![], Timestamp(4))
            .await
            .unwrap();
        let left = [(1, 2, 2), (1, 3, 2), (1, 4, 2), (2, 9, 4)];
        assert_eq!(unsettled(store).await, left);
        // A late word about the superseded one is recorded and changes nothing.
        let unknown = Outcome::Unknown("still".into());
        store
            .settle(first, StepId(1), unknown, vec![], Timestamp(30))
            .await
            .unwrap();
        assert_eq!(unsettled(store).await, left);
        store
            .settle(first, StepId(1), Outcome::Done, vec![], Timestamp(30))
            .await
            .unwrap();
        assert_eq!(unsettled(store).await, left);
    })
    .await;
}

#[tokio::test]
async fn users_without_account_are_told_apart() {
    on_both(async |store| {
        let order = |number, user: &str| {
            let action = Action::Deactivate {
                account: None,
                user: UserId::new(user),
                class: None,
                ordered_by: Some("root".into()),
            };
            step(number, action)
        };
        let steps = vec![order(1, "u"), order(2, "v")];
        let first = store.begin(&plan(steps), "", &at(1)).await.unwrap();
        let both = [StepId(1), StepId(2)];
        store
            .intend(first, &both, vec![], Timestamp(2))
            .await
            .unwrap();
        let second = store
            .begin(&plan(vec![order(1, "v")]), "", &at(1))
            .await
            .unwrap();
        store
            .intend(second, &[StepId(1)], vec![], Timestamp(3))
            .await
            .unwrap();
        assert_eq!(unsettled(store).await, [(1, 1, 2), (2, 1, 3)]);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    on_both(async |store| {
        refused(
            store.intend(RunId(1), &[], vec![], Timestamp(1)).await,
            "run 1 is not open",
        );
        refused(
            store.finish(RunId(-1), true, Timestamp(1)).await,
            "not open",
        );
        refused(
            store
                .settle(RunId(4), StepId(1), Outcome::Done, vec![], Timestamp(30))
                .await,
            "no step 1",
        );
        let twice = plan(vec![reactivate(1, "a"), reactivate(1, "b")]);
        refused(store.begin(&twice, "", &at(1)).await, "number 1");
        assert!(store.runs(9).await.unwrap().is_empty());
        let run = store
            .begin(&plan(vec![reactivate(1, "a")]), "", &at(1))
            .await
            .unwrap();
        let both = [StepId(1), StepId(2)];
        refused(
            store.intend(run, &both, vec![], Timestamp(1)).await,
            "no step 2",
        );
        assert_eq!(unsettled(store).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_step_may_be_given_up_without_an_intent() {
    on_both(async |store| {
        let steps = vec![reactivate(1, "a"), reactivate(2, "b")];
        let run = store.begin(&plan(steps), "", &at(1)).await.unwrap();
        let nothing = Outcome::NotDone("another name by now".into());
        store
            .settle(run, StepId(1), nothing, vec![], Timestamp(30))
            .await
            .unwrap();
        assert_eq!(unsettled(store).await, []);
        let unknown = Outcome::Unknown("sent".into());
        store
            .settle(run, StepId(2), unknown, vec![], Timestamp(30))
            .await
            .unwrap();
        assert_eq!(unsettled(store).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_intent_keeps_its_moment() {
    on_both(async |store| {
        let run = store
            .begin(&plan(vec![reactivate(1, "a")]), "", &at(1))
            .await
            .unwrap();
        let one = [StepId(1)];
        store.intend(run, &one, vec![], Timestamp(2)).await.unwrap();
        store.intend(run, &one, vec![], Timestamp(3)).await.unwrap();
        assert_eq!(unsettled(store).await, [(1, 1, 2)]);
    })
    .await;
}

/// A creation may be found at once and confirmed only later, by something that names nobody.
#[tokio::test]
async fn whom_a_step_made_stays_known_when_a_later_word_names_nobody() {
    on_both(async |store| {
        let steps = vec![
            join(1, "a", UserRef::Made(StepId(7)), "red"),
            reactivate(2, "b"),
        ];
        let run = store.begin(&plan(steps), "", &at(1)).await.unwrap();
        let say = |outcome: Outcome, user: Option<&str>| Settlement {
            outcome,
            made: user.map(|user| Made {
                user: Some(UserId::new(user)),
                ..Made::default()
            }),
            at: Timestamp(4),
        };
        let unknown = || Outcome::Unknown("cut".into());
        for settlement in [
            say(unknown(), Some("guessed")),
            say(unknown(), Some("new")),
            say(Outcome::Done, None),
        ] {
            let concluded = store.conclude(run, StepId(1), settlement, vec![]);
            concluded.await.unwrap();
        }
        let own = store.conclude(run, StepId(2), say(unknown(), Some("other")), vec![]);
        own.await.unwrap();
        let record = store.run(run).await.unwrap().unwrap();
        let user = |n: usize| record.steps[n].user().map(UserId::as_str);
        assert_eq!((user(0), user(1)), (Some("new"), Some("user-b")));
        for (person, known) in [("new", 1), ("guessed", 0), ("user-b", 1), ("other", 0)] {
            let who = store.known_as(person.into()).await.unwrap();
            assert_eq!(who.users.len(), known, "{person}");
            let which = RunFilter {
                who: Some(who),
                ..RunFilter::default()
            };
            assert_eq!(store.heads(which).await.unwrap().len(), known, "{person}");
        }
    })
    .await;
}

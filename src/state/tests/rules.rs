//! The rules of [`State`], on both stores.

use super::*;
use crate::model::{AccountChange, ChosenName, Class, Done, Fingerprint, Nonce, Remember};

#[tokio::test]
async fn a_step_is_unsettled_from_its_intent_to_its_outcome() {
    on_both(async |store| {
        let steps = vec![reactivate(3, "a"), reactivate(1, "b"), reactivate(2, "c")];
        let run = store
            .begin(&plan(steps.clone()), "digest", &at(10))
            .await
            .unwrap();
        assert_eq!(unsettled(store).await, []);
        let ids = [StepId(1), StepId(3)];
        store
            .intend(run, &ids, vec![], Timestamp(11))
            .await
            .unwrap();
        assert_eq!(
            unsettled(store).await,
            [(1, 3, 11), (1, 1, 11)],
            "plan order"
        );
        store
            .settle(run, StepId(3), Outcome::Done, vec![], Timestamp(30))
            .await
            .unwrap();
        let unknown = Outcome::Unknown("cut".into());
        store
            .settle(run, StepId(1), unknown.clone(), vec![], Timestamp(30))
            .await
            .unwrap();
        assert_eq!(unsettled(store).await, [(1, 1, 11)]);
        store.finish(run, false, Timestamp(20)).await.unwrap();

        let record = store.runs(5).await.unwrap().remove(0);
        assert_eq!(
            (record.id, record.began, record.ended),
            (run, Timestamp(10), Some(Timestamp(20)))
        );
        assert_eq!(record.config, "digest");
        let outcomes: Vec<_> = record
            .steps
            .iter()
            .map(|record| record.outcome.clone())
            .collect();
        assert_eq!(outcomes, [Some(Outcome::Done), Some(unknown), None]);
        let read: Vec<Step> = record.steps.into_iter().map(|record| record.step).collect();
        assert_eq!(read, steps);

        let nothing = Outcome::NotDone("was not there".into());
        store
            .settle(run, StepId(1), nothing.clone(), vec![], Timestamp(30))
            .await
            .unwrap();
        assert_eq!(unsettled(store).await, []);
        assert_eq!(
            store.runs(1).await.unwrap()[0].steps[1].outcome,
            Some(nothing)
        );
    })
    .await;
}

#[tokio::test]
async fn a_known_outcome_is_final() {
    on_both(async |store| {
        let run = store
            .begin(&plan(vec![reactivate(1, "a")]), "", &at(1))
            .await
            .unwrap();
        let one = [StepId(1)];
        store.intend(run, &one, vec![], Timestamp(2)).await.unwrap();
        store
            .settle(run, StepId(1), Outcome::Done, vec![], Timestamp(30))
            .await
            .unwrap();
        let again = vec![Remember::Account(
            key("a"),
            AccountChange::Link(Some(link("u"))),
        )];
        let unknown = Outcome::Unknown(String::new());
        refused(
            store
                .settle(run, StepId(1), unknown, again.clone(), Timestamp(30))
                .await,
            "is settled",
        );
        refused(
            store.intend(run, &one, again, Timestamp(3)).await,
            "is settled",
        );
        assert!(store.load().await.unwrap().accounts.is_empty());
        assert_eq!(unsettled(store).await, []);
    })
    .await;
}

#[tokio::test]
async fn an_outcome_and_what_follows_are_one() {
    on_both(async |store| {
        let run = store
            .begin(&plan(vec![reactivate(1, "a")]), "", &at(1))
            .await
            .unwrap();
        store
            .observe(vec![Remember::Account(
                key("b"),
                AccountChange::Link(Some(link("taken"))),
            )])
            .await
            .unwrap();
        let nonce = Remember::Account(key("a"), AccountChange::Begun(Some(Nonce::new("n").into())));
        let clash = Remember::Account(key("a"), AccountChange::Link(Some(link("taken"))));
        let both = vec![nonce.clone(), clash];
        let one = [StepId(1)];
        refused(
            store.intend(run, &one, both.clone(), Timestamp(2)).await,
            "company:b",
        );
        assert_eq!(unsettled(store).await, []);
        refused(
            store
                .settle(run, StepId(1), Outcome::Done, both.clone(), Timestamp(30))
                .await,
            "company:b",
        );
        refused(store.observe(both).await, "taken");
        let memory = store.load().await.unwrap();
        assert_eq!(memory.links().count(), 1);
        assert!(memory.account(&key("a")).is_empty());
        assert_eq!(store.runs(1).await.unwrap()[0].steps[0].outcome, None);

        store
            .intend(run, &one, vec![nonce], Timestamp(2))
            .await
            .unwrap();
        assert_eq!(
            store.load().await.unwrap().account(&key("a")).begun,
            Some(Nonce::new("n").into())
        );
        let linked = vec![
            Remember::Account(key("a"), AccountChange::Begun(None)),
            Remember::Account(key("a"), AccountChange::Link(Some(link("new")))),
        ];
        store
            .settle(run, StepId(1), Outcome::Done, linked, Timestamp(30))
            .await
            .unwrap();
        let memory = store.load().await.unwrap();
        assert_eq!(memory.account(&key("a")).begun, None);
        assert_eq!(memory.link(&key("a")), Some(&link("new")));
    })
    .await;
}

#[tokio::test]
async fn a_user_moves_to_another_account_only_when_let_go() {
    on_both(async |store| {
        store
            .observe(vec![
                Remember::Account(key("a"), AccountChange::Link(Some(link("u")))),
                Remember::Account(key("b"), AccountChange::Link(Some(link("v")))),
            ])
            .await
            .unwrap();
        refused(
            store
                .observe(vec![Remember::Account(
                    key("b"),
                    AccountChange::Link(Some(link("u"))),
                )])
                .await,
            "user u",
        );
        // Swapped in one delta, with each let go before it is taken.
        store
            .observe(vec![
                Remember::Account(key("a"), AccountChange::Link(None)),
                Remember::Account(key("b"), AccountChange::Link(Some(link("u")))),
                Remember::Account(key("a"), AccountChange::Link(Some(link("v")))),
            ])
            .await
            .unwrap();
        let memory = store.load().await.unwrap();
        assert_eq!(memory.link(&key("a")).unwrap().user, UserId::new("v"));
        assert_eq!(memory.link(&key("b")).unwrap().user, UserId::new("u"));
        // The user whom b had a moment ago is free, and one's own user may be set again.
        store
            .observe(vec![Remember::Account(
                key("b"),
                AccountChange::Link(Some(link("w"))),
            )])
            .await
            .unwrap();
        store
            .observe(vec![
                Remember::Account(key("c"), AccountChange::Link(Some(link("u")))),
                Remember::Account(key("c"), AccountChange::Link(Some(link("u")))),
            ])
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn counts_count() {
    on_both(async |store| {
        let mut gone = link("v");
        gone.deactivated = Some(crate::model::Deactivation {
            delete_at: None,
            why: "locked".into(),
            ordered_by: None,
        });
        let name = ChosenName {
            base: "a".into(),
            name: "a2".into(),
        };
        let done = Done {
            class: Class::Locked,
            at: Timestamp(4),
            whom: Fingerprint::new("f"),
        };
        let delta = vec![
            Remember::Account(key("a"), AccountChange::Link(Some(link("u")))),
            Remember::Account(key("b"), AccountChange::Link(Some(gone))),
            Remember::Account(key("a"), AccountChange::Name(Some(name))),
            Remember::Done(done.clone()),
            Remember::Done(done),
        ];
        store.observe(delta).await.unwrap();
        let steps = vec![reactivate(1, "a"), reactivate(2, "b"), reactivate(3, "c")];
        let run = store.begin(&plan(steps), "", &at(1)).await.unwrap();
        store
            .intend(run, &[StepId(2)], vec![], Timestamp(2))
            .await
            .unwrap();
        let counts = store.counts().await.unwrap();
        let some: Vec<(&str, u64)> = counts
            .iter()
            .filter(|(_, number)| **number > 0)
            .map(|(name, number)| (name.as_str(), *number))
            .collect();
        let expected = [
            ("deactivated", 1),
            ("done", 2),
            ("links", 2),
            ("names", 1),
            ("runs", 1),
            ("steps", 3),
            ("unsettled", 1),
        ];
        assert_eq!((some.as_slice(), counts.len()), (expected.as_slice(), 14));
    })
    .await;
}

/// As where the rows are on a server that several machines share, or the lock of a file does not hold.
#[tokio::test]
async fn whoever_lost_the_lease_writes_nothing_any_more() {
    let place = place();
    let store = open(place.path());
    store.observe(nonce(1)).await.unwrap();
    let db = rusqlite::Connection::open(place.path().join(FILE_NAME)).unwrap();
    let taken = db.execute("UPDATE server SET fence = fence + 1", []);
    assert_eq!(taken, Ok(1));
    refused(
        store.observe(nonce(2)).await,
        "another mattersync took over",
    );
    refused(
        store.begin(&plan(vec![]), "", &at(1)).await,
        "another mattersync took over",
    );
    assert_eq!(store.load().await.unwrap().accounts.len(), 1);
    drop(store);
    // Whoever opens it next has the newest lease.
    let store = open(place.path());
    store.observe(nonce(2)).await.unwrap();
    assert_eq!(store.load().await.unwrap().accounts.len(), 2);
}

//! What happened to one person, on both stores.

use super::*;

#[tokio::test]
async fn a_name_is_known_whatever_its_case() {
    on_both(async |store| {
        let mut one = reactivate(1, "a");
        one.subject.name = "Jürgen.Öz".into();
        store.begin(&plan(vec![one]), "", &at(1)).await.unwrap();
        let mut known = link("b");
        known.last_username = "ÅSA".into();
        let known = vec![Remember::Account(
            key("b"),
            AccountChange::Link(Some(known)),
        )];
        store.observe(known).await.unwrap();
        for (typed, account) in [("JÜRGEN.öz", "a"), ("åsa", "b")] {
            let who = store.known_as(typed.to_owned()).await.unwrap();
            assert!(who.accounts.contains(&key(account)), "{typed}: {who:?}");
        }
        let nobody = store.known_as("jurgen.oz".into()).await.unwrap();
        assert!(nobody.is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_steps_about_one_person_come_newest_first() {
    on_both(async |store| {
        let user = || UserRef::Existing(UserId::new("u"));
        let steps = vec![
            join(1, "a", UserRef::Made(StepId(7)), "red"),
            reactivate(2, "b"),
            join(3, "other", user(), "red"),
        ];
        let first = store.begin(&plan(steps), "", &at(1)).await.unwrap();
        store
            .intend(first, &[StepId(1), StepId(3)], vec![], Timestamp(2))
            .await
            .unwrap();
        store
            .settle(first, StepId(1), Outcome::Done, vec![], Timestamp(30))
            .await
            .unwrap();
        store.finish(first, true, Timestamp(3)).await.unwrap();
        let second = store
            .begin(&plan(vec![join(4, "a", user(), "blue")]), "", &at(9))
            .await
            .unwrap();
        let (a, u) = (key("a"), UserId::new("u"));
        let steps_about = async |account: Option<&AccountKey>, user: Option<&UserId>, most| {
            let steps = store.steps_about(account, user, most).await.unwrap();
            let found = steps.into_iter().map(|past| {
                let outcome = past.record.outcome.as_ref().map(|o| *o == Outcome::Done);
                (past.run, past.began, past.record.step.id.0, outcome)
            });
            found.collect::<Vec<_>>()
        };
        let newest = (second, Timestamp(9), 4, None);
        let unknown = (first, Timestamp(1), 3, Some(false));
        let done = (first, Timestamp(1), 1, Some(true));
        assert_eq!(steps_about(Some(&a), None, 9).await, [newest, done]);
        assert_eq!(steps_about(None, Some(&u), 9).await, [newest, unknown]);
        assert_eq!(
            steps_about(Some(&a), Some(&u), 9).await,
            [newest, unknown, done]
        );
        assert_eq!(steps_about(Some(&a), Some(&u), 2).await, [newest, unknown]);
        assert_eq!(steps_about(None, None, 9).await, []);
        assert_eq!(steps_about(Some(&key("nobody")), None, 9).await, []);
    })
    .await;
}

//! Whatever is done with runs, in whatever order: both stores answer the same.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// One call; runs and steps by number, existing or not.
#[derive(Clone, Debug)]
enum Call {
    Begin(Vec<Step>),
    Intend(i64, Vec<StepId>, MemoryDelta),
    Settle(i64, StepId, Settlement, MemoryDelta),
    Finish(i64, bool),
}

fn a_step() -> impl Strategy<Value = Step> {
    let id = || prop::sample::select(vec!["a", "b"]);
    let user = || {
        prop_oneof![
            Just(UserRef::Made(StepId(1))),
            Just(UserRef::Existing(UserId::new("u"))),
        ]
    };
    let order = |user: &str, account: Option<&str>| Action::Deactivate {
        account: account.map(key),
        user: UserId::new(user),
        class: None,
        ordered_by: None,
    };
    prop_oneof![
        2 => (0_u32..4, id()).prop_map(|(number, id)| reactivate(number, id)),
        1 => (0_u32..4, id(), user(), prop::sample::select(vec!["red", "blue"]))
            .prop_map(|(number, id, user, team)| join(number, id, user, team)),
        1 => (0_u32..4, id()).prop_map(move |(number, user)| step(number, order(user, None))),
        1 => (0_u32..4, id()).prop_map(move |(number, user)| step(number, order(user, Some("a")))),
    ]
}

fn delta() -> impl Strategy<Value = MemoryDelta> {
    let link = (0_u8..3, 0_u8..3).prop_map(|(account, user)| {
        Remember::Link(key(&account.to_string()), link(&user.to_string()))
    });
    vec(link, 0..2)
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Done),
        Just(Outcome::NotDone("gone".into())),
        Just(Outcome::NotDone(Outcome::BEFORE_ITS_TURN.into())),
        Just(Outcome::NotDone(format!(
            "{}, as seen",
            Outcome::NEVER_ARRIVED
        ))),
        Just(Outcome::Unknown("cut".into())),
    ]
}

fn settlement() -> impl Strategy<Value = Settlement> {
    let made = prop::option::of((0_u8..3, any::<bool>()).prop_map(|(user, asked)| Made {
        user: Some(UserId::new(user.to_string())),
        asked,
        ..Made::default()
    }));
    (outcome(), made).prop_map(|(outcome, made)| Settlement {
        outcome,
        made,
        at: Timestamp(4),
    })
}

fn call() -> impl Strategy<Value = Call> {
    let id = || prop_oneof![8 => 0_u32..3, 1 => Just(9_u32)].prop_map(StepId);
    let back = || prop_oneof![4 => Just(0_i64), 2 => Just(1_i64), 1 => 2_i64..5];
    let steps = (vec(a_step(), 0..4), 0_u8..10).prop_map(|(mut steps, odd)| {
        if odd > 0 {
            for (number, step) in (0..).zip(&mut steps) {
                step.id = StepId(number);
            }
        }
        steps
    });
    prop_oneof![
        2 => steps.prop_map(Call::Begin),
        4 => (back(), vec(id(), 0..3), delta()).prop_map(|(r, s, d)| Call::Intend(r, s, d)),
        4 => (back(), id(), settlement(), delta()).prop_map(|(r, s, o, d)| Call::Settle(r, s, o, d)),
        1 => (back(), any::<bool>()).prop_map(|(r, changed)| Call::Finish(r, changed)),
    ]
}

/// `back` counts runs from the newest, so that most calls meet one that exists.
async fn carry_out(store: &dyn Store, call: &Call, newest: i64) -> Result<i64, StateError> {
    let run = |back: &i64| RunId(newest - back);
    match call {
        Call::Begin(steps) => {
            let about = About::default();
            let about = (newest % 2 == 0).then_some(&about);
            let plan = plan(steps.clone());
            let began = store.open_run(&plan, "", about, &at(newest)).await;
            began.map(|run| run.0)
        }
        Call::Intend(back, steps, delta) => {
            let run = run(back);
            let done = store.intend(run, steps, delta.clone(), Timestamp(2)).await;
            done.map(|()| newest)
        }
        Call::Settle(back, step, settlement, delta) => {
            let (settlement, delta) = (settlement.clone(), delta.clone());
            let done = store.conclude(run(back), *step, settlement, delta).await;
            done.map(|()| newest)
        }
        Call::Finish(back, changed) => {
            let done = store.finish(run(back), *changed, Timestamp(3)).await;
            done.map(|()| newest)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_answer_the_same(calls in vec(call(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let place = place();
        let file = open(place.path());
        let volatile = MemoryStore::default();
        let mut newest = 0;
        runtime.block_on(async {
            for call in &calls {
                let answer = carry_out(&file, call, newest).await;
                prop_assert_eq!(&answer, &carry_out(&volatile, call, newest).await, "{:?}", call);
                newest = answer.unwrap_or(newest);
                prop_assert_eq!(unsettled_steps(&file).await, unsettled_steps(&volatile).await);
            }
            prop_assert_eq!(file.runs(99).await, volatile.runs(99).await);
            let oldest = RunId(1);
            prop_assert_eq!(file.run(oldest).await, volatile.run(oldest).await);
            for person in ["A", "1", "company", "step 1", "user-b", "nobody"] {
                let who = file.known_as(person.into()).await.unwrap();
                prop_assert_eq!(&who, &volatile.known_as(person.into()).await.unwrap(), "{}", person);
                let which = Which { last: Some(3), since: Some(Timestamp(1)), who: Some(who) };
                prop_assert_eq!(file.heads(which.clone()).await, volatile.heads(which).await);
            }
            let note = Note {
                run: None,
                at: Timestamp(0),
                account: None,
                user: None,
                kind: "forgotten".into(),
                value: serde_json::Value::Null,
            };
            let all = Which::default();
            prop_assert_eq!(file.heads(all.clone()).await, volatile.heads(all).await);
            let half = Timestamp(newest / 2);
            let kept = BTreeSet::from([RunId(1)]);
            let pruned = file.prune(half, kept.clone()).await;
            prop_assert_eq!(pruned, volatile.prune(half, kept).await);
            let who = file.known_as("a".into()).await.unwrap();
            let erased = file.erase(who.clone(), vec![], note.clone()).await;
            prop_assert_eq!(erased, volatile.erase(who, vec![], note).await);
            prop_assert_eq!(file.runs(99).await, volatile.runs(99).await);
            prop_assert_eq!(file.load().await, volatile.load().await);
            prop_assert_eq!(file.counts().await, volatile.counts().await);
            Ok(())
        })?;
    }
}

/// Without the moment: a step that was settled as unknown without an intent has the clock's.
async fn unsettled_steps(store: &dyn Store) -> Vec<(RunId, Step)> {
    let steps = store.unsettled().await.unwrap();
    steps.into_iter().map(|u| (u.run, u.step)).collect()
}

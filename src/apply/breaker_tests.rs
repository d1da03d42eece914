use super::*;
use crate::mattermost::{ApiError, SendError};
use crate::model::{
    AccountKey, Action, DirectoryId, Precondition, ProviderName, Reason, StepId, Subject, UserId,
    Values,
};

fn rename() -> Step {
    let account = AccountKey {
        provider: ProviderName::new("company"),
        id: DirectoryId::new("1"),
    };
    Step {
        id: StepId(1),
        subject: Subject::default(),
        action: Action::Rename {
            account,
            user: UserId::new("u"),
            username: Values {
                from: "a".into(),
                to: "b".into(),
            },
        },
        expects: Precondition::Nothing,
        reason: Reason::NoUserYet,
        mails: 0,
        after: Vec::new(),
        privileged: false,
    }
}

fn refused(status: u16, id: &str) -> WriteError {
    WriteError::Unknown(CallError::Api {
        call: "PUT /x".into(),
        error: ApiError {
            status,
            id: id.into(),
            message: "words".into(),
            renewal: None,
        },
    })
}

fn no_answer() -> WriteError {
    WriteError::Unknown(CallError::Send {
        call: "PUT /x".into(),
        error: SendError::Broken {
            why: "reset".into(),
        },
    })
}

/// After how many calls that came out so the run did not simply go on.
fn calls(
    outcome: impl Fn(usize) -> Result<Effect, WriteError>,
) -> Option<(usize, BreakerDecision)> {
    let step = rename();
    let mut breaker = Breaker::default();
    (1..=100).find_map(|n| {
        let decision = breaker.count(&[(&step, outcome(n))]);
        (decision != BreakerDecision::GoOn).then_some((n, decision))
    })
}

#[test]
fn what_would_meet_the_next_one_too_ends_the_run_soon() {
    let foreign = [200, 302, 403, 404, 502, 503];
    for error in foreign
        .map(|status| refused(status, ""))
        .into_iter()
        .chain([
            no_answer(),
            refused(403, "api.context.permissions.app_error"),
            refused(429, ""),
            WriteError::Unknown(CallError::Garbled {
                call: "PUT /x".into(),
                why: "a web page".into(),
            }),
        ])
    {
        let (n, decision) = calls(|_| Err(error.clone())).unwrap();
        assert_eq!(n, 5, "{error}");
        assert!(matches!(decision, BreakerDecision::Stop(why) if why.contains("5 calls in a row")));
    }
}

#[test]
fn what_works_in_between_begins_the_count_anew() {
    let every_third = |n: usize| match n % 3 {
        0 => Ok(Effect::Renamed),
        _ => Err(no_answer()),
    };
    assert_eq!(calls(every_third), None);
    let judged = |n: usize| match n % 3 {
        0 => Err(WriteError::Refused(ApiError {
            status: 400,
            id: "app.user.save.username_exists.app_error".into(),
            message: "words".into(),
            renewal: None,
        })),
        _ => Err(no_answer()),
    };
    assert_eq!(calls(judged), None);
}

#[test]
fn bad_people_end_nothing_but_a_bad_server_does() {
    let same = |_| Err(refused(500, "app.user.save.app_error"));
    let (n, decision) = calls(same).unwrap();
    assert_eq!(n, 25);
    assert!(matches!(
        decision,
        BreakerDecision::PutOff(ActionKind::Rename, why) if why.contains("next cycle")
    ));
    let different = |n| Err(refused(500, &format!("app.fault.{n}")));
    let (n, decision) = calls(different).unwrap();
    assert_eq!(n, 5);
    assert!(matches!(decision, BreakerDecision::Stop(why) if why.contains("different ways")));
}

#[test]
fn one_good_row_of_a_batch_shows_that_the_server_works() {
    let step = rename();
    let mut breaker = Breaker::default();
    for _ in 0..20 {
        let bad = || (&step, Err(no_answer()));
        let batch = [bad(), (&step, Ok(Effect::Joined)), bad()];
        assert_eq!(breaker.count(&batch), BreakerDecision::GoOn);
    }
}

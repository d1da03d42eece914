//! Reading: pages, absence, retries, pace.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::config::Pace;
use crate::mattermost::error::ApiErrorKind;
use crate::model::{Evidence, Gap, Seats, TeamId, UserId};

use super::*;

fn ids(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<UserId> {
    numbers.into_iter().map(|n| UserId::new(id(n))).collect()
}

#[tokio::test]
async fn all_pages_are_read_and_five_requests_are_enough_for_a_thousand() {
    for (count, requests) in [(0, 1), (199, 1), (200, 2), (999, 5), (1_000, 6)] {
        let rows: Vec<Value> = (0..count).map(user).collect();
        let (script, client) = Script::new(Way::Local, move |r, _| page(r, &rows));
        let users = client.reader().users().await.unwrap();
        assert_eq!((users.len(), script.calls().len()), (count, requests));
        assert!(script.calls()[0].contains("per_page=200"));
    }
}

#[tokio::test]
async fn an_empty_list_proves_nothing_when_at_least_we_are_there() {
    let (_, client) = Script::new(Way::Token, |_, _| ok(json!([])));
    let users = client.reader().users().await.unwrap();
    assert_eq!(
        users.look(&UserId::new(id(1))),
        Evidence::Unknown(Gap::Empty)
    );
}

#[tokio::test]
async fn who_slips_through_shifting_pages_is_found_by_id_and_who_is_gone_is_gone() {
    // Between the first and the second page somebody at the front was renamed: number 200 is
    // never listed, number 199 is listed once more.
    let (script, client) = Script::new(Way::Token, |r, n| {
        if r.path.ends_with("/users/ids") {
            let asked = r.body.clone().unwrap();
            let known = asked
                .as_array()
                .unwrap()
                .iter()
                .any(|i| *i == json!(id(200)));
            assert!(known, "only those not seen are asked for");
            return ok(json!([user(200)]));
        }
        match n {
            0 => ok((0..200).map(user).collect()),
            _ => ok([199, 201, 202].into_iter().map(user).collect()),
        }
    });
    let reader = client.reader();
    let mut users = reader.users().await.unwrap();
    assert_eq!(users.len(), 202);
    reader
        .fill_in(&mut users, &ids([3, 200, 999]))
        .await
        .unwrap();
    assert_eq!(script.calls().len(), 3);
    assert_eq!(script.body(2), json!([id(200), id(999)]));
    assert!(matches!(
        users.look(&UserId::new(id(200))),
        Evidence::Present(_)
    ));
    assert!(matches!(users.look(&UserId::new(id(999))), Evidence::Absent(p) if p.lookup.is_some()));
}

#[tokio::test(start_paused = true)]
async fn a_failed_look_up_leaves_them_unknown() {
    let (_, client) = Script::new(Way::Token, |r, _| {
        if r.path.ends_with("/users/ids") {
            refuse(500, "app.user.get.app_error")
        } else {
            page(r, &[user(1)])
        }
    });
    let reader = client.reader();
    let mut users = reader.users().await.unwrap();
    reader.fill_in(&mut users, &ids([1, 2])).await.unwrap_err();
    assert!(matches!(
        users.look(&UserId::new(id(2))),
        Evidence::Unknown(Gap::Lookup(_))
    ));
    assert!(matches!(
        users.look(&UserId::new(id(1))),
        Evidence::Present(_)
    ));
}

#[tokio::test]
async fn a_row_that_is_not_understood_is_not_absent() {
    let bad = json!({"id": id(2), "username": 7});
    let (_, client) = Script::new(Way::Token, move |r, _| page(r, &[user(1), bad.clone()]));
    let users = client.reader().users().await.unwrap();
    assert_eq!(users.len(), 1);
    assert!(matches!(
        users.look(&UserId::new(id(2))),
        Evidence::Unknown(Gap::Rejected(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn reads_are_repeated_a_few_times_and_then_not() {
    let (script, client) = Script::new(Way::Token, |_, n| match n {
        0 => broken(),
        1 => refuse(503, ""),
        _ => ok(user(1)),
    });
    assert!(client.reader().own_user().await.unwrap().is_some());
    assert_eq!(script.calls().len(), 3);
    assert_eq!(client.counts().retries, 2);

    let (script, client) = Script::new(Way::Token, |_, _| refuse(503, ""));
    for _ in 0..40 {
        client.reader().own_user().await.unwrap_err();
    }
    let sent = script.calls().len();
    assert_eq!(sent, 40 + 20, "the budget ends the storm");
}

#[tokio::test]
async fn a_dead_token_is_told_at_once() {
    let (script, client) = Script::new(Way::Token, |_, _| {
        refuse(401, "api.context.session_expired.app_error")
    });
    let error = client.reader().facts().await.unwrap_err();
    assert_eq!(error.kind(), Some(ApiErrorKind::TokenRejected));
    assert!(error.to_string().contains("mattermost.token"), "{error}");
    assert_eq!(script.calls().len(), 1);
}

#[tokio::test]
async fn zeros_are_believed_only_from_an_administrator() {
    let facts = |roles: &'static str, limits: fn() -> Answer| async move {
        let (_, client) = Script::new(Way::Token, move |r, _| {
            let mut own = user(1);
            own["roles"] = roles.into();
            match r.path.as_str() {
                "/api/v4/users/me" => ok(own),
                "/api/v4/limits/server" => limits(),
                "/api/v4/config" if roles.contains("admin") => {
                    ok(json!({"TeamSettings": {"MaxUsersPerTeam": 50}}))
                }
                _ => refuse(403, "api.context.permissions.app_error"),
            }
        });
        client.reader().facts().await.unwrap()
    };
    let zeros = || ok(json!({"maxUsersLimit": 0, "maxUsersHardLimit": 0, "activeUserCount": 0}));
    let v11 = || ok(json!({"maxUsersLimit": 200, "maxUsersHardLimit": 250, "activeUserCount": 40}));
    let none = || refuse(404, "api.context.404.app_error");
    assert_eq!(
        facts("system_user system_admin", zeros).await.seats,
        Seats::Unlimited
    );
    let member = facts("system_user", zeros).await;
    assert_eq!(
        (member.seats, member.max_users_per_team),
        (Seats::Unknown, None)
    );
    let admin = facts("system_user system_admin", v11).await;
    assert_eq!(
        admin.seats,
        Seats::Limited {
            limit: 250,
            active: 40
        }
    );
    assert_eq!(admin.max_users_per_team, Some(50));
    // 11.6 without the call: something is odd, and odd is not "unlimited".
    assert_eq!(facts("system_admin", none).await.seats, Seats::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_429_pauses_and_is_sent_again_within_bounds() {
    let limited = || -> Answer {
        Ok(Response {
            status: 429,
            headers: [
                ("x-ratelimit-limit", "11"),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "3"),
            ]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
            body: b"limit exceeded\n".to_vec(),
        })
    };
    let (_, client) = Script::new(
        Way::Token,
        move |_, n| if n == 0 { limited() } else { ok(user(1)) },
    );
    let start = Instant::now();
    client.reader().own_user().await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(3));
    assert_eq!(
        (client.counts().requests, client.counts().rate_limited),
        (2, 1)
    );

    let (script, client) = Script::new(Way::Token, move |_, _| limited());
    let error = client.reader().own_user().await.unwrap_err();
    assert_eq!(error.kind(), Some(ApiErrorKind::RateLimited));
    assert_eq!(script.calls().len(), 6);
    assert_eq!(client.counts().rate_limited, 6);
}

#[tokio::test(start_paused = true)]
async fn the_pace_holds_for_everybody_who_shares_the_client() {
    let (script, _) = Script::new(Way::Token, |_, _| ok(user(1)));
    let pace = Pace {
        per_second: 20,
        burst: 1,
    };
    let client = Client::new(script.clone(), Some(pace), Duration::from_secs(1));
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..21 {
        let reader = client.reader();
        tasks.spawn(async move { reader.own_user().await.unwrap() });
    }
    tasks.join_all().await;
    let took = start.elapsed().as_millis();
    assert!((1_000..1_100).contains(&took), "{took} ms");
}

#[tokio::test]
async fn the_socket_lists_members_by_way_of_the_users() {
    let team = TeamId::new("t".repeat(26));
    let (script, client) = Script::new(Way::Local, |r, _| page(r, &[user(1), user(2)]));
    let members = client
        .reader()
        .team_members(&team, &ids([1, 5]))
        .await
        .unwrap();
    assert_eq!(members.len(), 2);
    assert_eq!(
        script.calls(),
        [format!("GET /users?in_team={team}&page=0&per_page=200")]
    );

    let (script, client) = Script::new(Way::Token, |r, _| {
        if r.path.ends_with("/ids") {
            ok(json!([{"user_id": id(5), "delete_at": 9}]))
        } else {
            page(r, &[json!({"user_id": id(1)})])
        }
    });
    let members = client
        .reader()
        .team_members(&team, &ids([1, 5, 6]))
        .await
        .unwrap();
    assert_eq!(script.calls().len(), 2);
    assert!(
        matches!(members.look(&UserId::new(id(5))), Evidence::Present(m) if m.left_at.is_some())
    );
    assert!(matches!(
        members.look(&UserId::new(id(6))),
        Evidence::Absent(_)
    ));
}

#[tokio::test]
async fn names_that_nobody_can_have_are_not_asked_for() {
    let (script, client) = Script::new(Way::Token, |_, _| {
        refuse(404, "app.user.missing_account.const")
    });
    let reader = client.reader();
    for name in ["", "has space", "../me", &"x".repeat(65)] {
        assert_eq!(reader.user_by_username(name).await.unwrap(), None);
    }
    assert_eq!(reader.user_by_email("").await.unwrap(), None);
    assert_eq!(reader.user(&UserId::new("me")).await.unwrap(), None);
    assert!(script.calls().is_empty());
    assert_eq!(reader.user_by_username("Ada").await.unwrap(), None);
    assert_eq!(
        reader.user_by_email("o'neil/x@example.org").await.unwrap(),
        None
    );
    assert_eq!(
        script.calls(),
        [
            "GET /users/username/ada",
            "GET /users/email/o%27neil%2Fx@example.org"
        ]
    );
}

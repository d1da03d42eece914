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
    for (count, requests) in [(0, 1), (199, 2), (200, 2), (999, 6), (1_000, 6)] {
        let rows: Vec<Value> = (0..count).map(user).collect();
        let (script, client) = Script::new(AccessKind::Local, move |r, _| page(r, &rows));
        let users = client.reader().users().await.unwrap();
        assert_eq!((users.len(), script.calls().len()), (count, requests));
        assert!(script.calls()[0].contains("per_page=200"));
    }
}

#[tokio::test]
async fn an_empty_list_proves_nothing_when_at_least_we_are_there() {
    let (_, client) = Script::new(AccessKind::Token, |_, _| ok(json!([])));
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
    let (script, client) = Script::new(AccessKind::Token, |r, n| {
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
            2.. => ok(json!([])),
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
    assert_eq!(script.calls().len(), 4);
    assert_eq!(script.body(3), json!([id(200), id(999)]));
    assert!(matches!(
        users.look(&UserId::new(id(200))),
        Evidence::Present(_)
    ));
    assert!(matches!(users.look(&UserId::new(id(999))), Evidence::Absent(p) if p.lookup.is_some()));
}

#[tokio::test(start_paused = true)]
async fn a_failed_look_up_leaves_them_unknown() {
    let (_, client) = Script::new(AccessKind::Token, |r, _| {
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
    let (script, client) = Script::new(AccessKind::Token, move |r, _| {
        page(r, &[user(1), bad.clone()])
    });
    let reader = client.reader();
    let mut users = reader.users().await.unwrap();
    assert_eq!(users.len(), 1);
    let asked = script.calls().len();
    // It was read: nobody asks for it by id, and it stays one row.
    reader.fill_in(&mut users, &ids([1, 2])).await.unwrap();
    assert_eq!(script.calls().len(), asked);
    assert_eq!(users.rejected().len(), 1);
    assert!(matches!(
        users.look(&UserId::new(id(2))),
        Evidence::Unknown(Gap::Rejected(_))
    ));
}

/// A row that does not tell whose it is may be that of anybody who was asked for, and of nobody else.
#[tokio::test]
async fn a_row_without_an_id_leaves_one_user_open() {
    let (_, client) = Script::new(AccessKind::Token, |r, _| {
        let Some(asked) = &r.body else {
            return page(r, &[user(1)]);
        };
        let asked = asked.as_array().unwrap();
        let known = |n: &usize| asked.contains(&json!(id(*n)));
        let rows = [2, 3].into_iter().filter(known);
        let rows = rows.map(|n| match n {
            2 => json!({"id": 7, "username": 7}),
            n => user(n),
        });
        ok(rows.collect())
    });
    let reader = client.reader();
    let mut users = reader.users().await.unwrap();
    reader
        .fill_in(&mut users, &ids([1, 2, 3, 4, 5]))
        .await
        .unwrap();
    let look = |n| users.look(&UserId::new(id(n)));
    assert!(matches!(look(2), Evidence::Unknown(Gap::Rejected(_))));
    assert!(matches!(look(3), Evidence::Present(_)));
    for n in [4, 5] {
        assert!(matches!(look(n), Evidence::Absent(_)), "{:?}", look(n));
    }
}

#[tokio::test(start_paused = true)]
async fn reads_are_repeated_a_few_times_and_then_not() {
    let (script, client) = Script::new(AccessKind::Token, |_, n| match n {
        0 => broken(),
        1 => refuse(503, ""),
        _ => ok(user(1)),
    });
    assert!(client.reader().own_user().await.unwrap().is_some());
    assert_eq!(script.calls().len(), 3);
    assert_eq!(client.counts().retries, 2);

    let (script, client) = Script::new(AccessKind::Token, |_, _| refuse(503, ""));
    for _ in 0..40 {
        client.reader().own_user().await.unwrap_err();
    }
    let sent = script.calls().len();
    assert_eq!(sent, 40 + 20, "the budget ends the storm");
}

#[tokio::test]
async fn a_dead_token_is_told_at_once() {
    let (script, client) = Script::new(AccessKind::Token, |_, _| {
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
        let (_, client) = Script::new(AccessKind::Token, move |r, _| {
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
    let (_, client) = Script::new(AccessKind::Token, move |_, n| {
        if n == 0 { limited() } else { ok(user(1)) }
    });
    let start = Instant::now();
    client.reader().own_user().await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(3));
    assert_eq!(
        (client.counts().requests, client.counts().rate_limited),
        (2, 1)
    );

    let (script, client) = Script::new(AccessKind::Token, move |_, _| limited());
    let error = client.reader().own_user().await.unwrap_err();
    assert_eq!(error.kind(), Some(ApiErrorKind::RateLimited));
    assert_eq!(script.calls().len(), 6);
    assert_eq!(client.counts().rate_limited, 6);
}

#[tokio::test(start_paused = true)]
async fn the_pace_holds_for_everybody_who_shares_the_client() {
    let (script, _) = Script::new(AccessKind::Token, |_, _| ok(user(1)));
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
    let (script, client) = Script::new(AccessKind::Local, |r, _| page(r, &[user(1), user(2)]));
    let members = client
        .reader()
        .team_members(&team, &ids([1, 5]))
        .await
        .unwrap();
    assert_eq!(members.len(), 2);
    assert_eq!(
        script.calls(),
        [0, 1].map(|page| format!("GET /users?in_team={team}&page={page}&per_page=200"))
    );

    let (script, client) = Script::new(AccessKind::Token, |r, _| {
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
    assert_eq!(script.calls().len(), 3);
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
    let (script, client) = Script::new(AccessKind::Token, |_, _| {
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

#[tokio::test]
async fn a_page_that_is_too_large_is_read_in_smaller_ones_and_one_row_hides_nobody() {
    // Number 7 is too large by itself, and a page with number 7 in it, too; so is a question by ids.
    let large = |numbers: &[usize]| numbers.contains(&7);
    let (script, client) = Script::new(AccessKind::Token, move |r, _| {
        let too_large = Err(SendError::TooLarge { limit: 1 });
        if let Some(asked) = &r.body {
            let has = |n: &usize| asked.as_array().unwrap().contains(&json!(id(*n)));
            let asked: Vec<usize> = (0..250).filter(has).collect();
            return match large(&asked) {
                true => too_large,
                false => ok(asked.into_iter().map(user).collect()),
            };
        }
        let rows: Vec<Value> = (0..250).map(user).collect();
        let answer = page(r, &rows).unwrap();
        match String::from_utf8_lossy(&answer.body).contains(&id(7)) {
            true => too_large,
            false => Ok(answer),
        }
    });
    let reader = client.reader();
    let mut users = reader.users().await.unwrap();
    assert_eq!((users.len(), users.gaps()), (249, [].as_slice()));
    let [bad] = users.rejected() else {
        panic!("{:?}", users.rejected());
    };
    assert!(bad.name.contains("number 8") && bad.why.contains("notify_props"));
    assert!(script.calls().len() < 30, "{:?}", script.calls());
    let error = reader.fill_in(&mut users, &ids([3, 7, 300, 301])).await;
    assert!(error.is_err());
    let unknown = users.look(&UserId::new(id(7)));
    assert!(matches!(unknown, Evidence::Unknown(Gap::Lookup(_))));
    let nobody = users.look(&UserId::new(id(300)));
    assert!(matches!(nobody, Evidence::Absent(p) if p.lookup.is_some()));
}

#[tokio::test]
async fn a_list_of_which_every_part_is_too_large_ends_at_once() {
    // The query string is lost on the way, and the first page is too large.
    let (script, client) = Script::new(AccessKind::Token, |_, _| {
        Err(SendError::TooLarge { limit: 1 })
    });
    let users = client.reader().users().await.unwrap();
    let said = format!("{:?}", users.gaps());
    assert!(said.contains("no row of page 0 could be read"), "{said}");
    assert!(script.calls().len() < 400, "{}", script.calls().len());
}

/// The rows of each page.
type Rows = fn(usize) -> Vec<usize>;

#[tokio::test]
async fn what_a_list_does_not_show_is_a_gap() {
    let lists: [(Rows, &str); 3] = [
        (|_| (0..200).collect(), "query string is lost"),
        (
            |n| (n * 200..n * 200 + 100).take(500 - n * 100).collect(),
            "cuts it",
        ),
        (
            |n| if n < 2 { (0..60).collect() } else { vec![] },
            "query string is lost",
        ),
    ];
    for (list, says) in lists {
        let (script, client) = Script::new(AccessKind::Token, move |r, _| {
            let number = r.path.split("page=").nth(1).unwrap().split('&').next();
            ok(list(number.unwrap().parse().unwrap())
                .into_iter()
                .map(user)
                .collect())
        });
        let users = client.reader().users().await.unwrap();
        assert!(script.calls().len() < 10);
        let gaps: Vec<String> = users.gaps().iter().map(ToString::to_string).collect();
        assert!(gaps.iter().any(|gap| gap.contains(says)), "{gaps:?}");
    }
}

#[tokio::test]
async fn a_row_by_id_counts_only_when_it_is_newer() {
    let (_, client) = Script::new(AccessKind::Token, |r, _| {
        let mut newer = user(1);
        newer["update_at"] = json!(9);
        let mut older = user(2);
        older["update_at"] = json!(1);
        match r.body {
            Some(_) => ok(json!([newer, older, {"id": id(3), "username": 7}])),
            None => page(r, &[user(1), user(2), user(3)]),
        }
    });
    let reader = client.reader();
    let mut users = reader.users().await.unwrap();
    reader
        .read_again(&mut users, &ids([1, 2, 3]))
        .await
        .unwrap();
    let at = |n| users.get(&UserId::new(id(n))).map(|user| user.updated_at.0);
    assert_eq!([at(1), at(2), at(3)], [Some(9), Some(5), None]);
    let bad = users.look(&UserId::new(id(3)));
    assert!(matches!(bad, Evidence::Unknown(Gap::Rejected(_))));
}

#[tokio::test]
async fn the_version_is_known_without_its_header() {
    let (_, client) = Script::new(AccessKind::Token, |r, _| {
        let mut own = user(1);
        own["roles"] = "system_user system_admin".into();
        let answer = match r.path.as_str() {
            "/api/v4/users/me" => ok(own),
            "/api/v4/config" => ok(json!({})),
            "/api/v4/config/client?format=old" => ok(json!({"Version": "10.9.0"})),
            _ => refuse(404, "api.context.404.app_error"),
        };
        answer.map(|mut answer| {
            answer.headers.clear();
            answer
        })
    });
    let facts = client.reader().facts().await.unwrap();
    assert_eq!(facts.version.to_string(), "10.9.0");
}

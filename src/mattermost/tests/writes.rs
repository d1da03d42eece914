//! Writing: what an error means, and what is sent.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::mattermost::error::ApiErrorKind;
use crate::mattermost::writer::EmailChange;
use crate::mattermost::{WriteError, Writer};
use crate::model::{NewUser, Nonce, ProfileField, TeamId, User, UserId, Values};

use super::*;

fn new_user() -> NewUser {
    NewUser {
        username: "user1".into(),
        email: "user1@example.org".into(),
        profile: [(ProfileField::FirstName, "Ada".to_owned())].into(),
    }
}

async fn create(writer: &Writer, verified: bool) -> Result<User, WriteError> {
    let password = SecretString::from("Pass-word-1");
    writer
        .create_user(&new_user(), &password, &Nonce::new("n1"), verified)
        .await
}

fn made() -> Value {
    let mut made = user(1);
    made["first_name"] = "Ada".into();
    made["props"] = json!({"mattersync": "n1"});
    made
}

fn values(from: &str, to: &str) -> Values {
    Values {
        from: from.into(),
        to: to.into(),
    }
}

fn user_id(n: usize) -> UserId {
    UserId::new(id(n))
}

#[tokio::test]
async fn a_creation_carries_our_mark_and_causes_no_mail() {
    let (script, client) = Script::new(AccessKind::Token, |_, _| answer(201, made()));
    create(&client.writer(), false).await.unwrap();
    assert_eq!(
        script.body(0),
        json!({"username": "user1", "email": "user1@example.org", "password": "Pass-word-1",
            "first_name": "Ada", "disable_welcome_email": true, "props": {"mattersync": "n1"}})
    );
    assert_eq!((client.counts().requests, client.counts().writes), (1, 1));
}

#[tokio::test]
async fn an_address_that_was_not_verified_at_creation_is_verified_after_it() {
    let (script, client) = Script::new(AccessKind::Token, |r, _| {
        if r.path.ends_with("/verify/member") {
            ok(json!({"id": id(1), "password": "$2a$10$hash"}))
        } else {
            answer(201, made())
        }
    });
    create(&client.writer(), true).await.unwrap();
    assert_eq!(script.body(0)["email_verified"], json!(true));
    assert_eq!(
        script.calls()[1],
        format!("POST /users/{}/email/verify/member", id(1))
    );

    let (script, client) = Script::new(AccessKind::Token, |_, _| {
        let mut made = made();
        made["email_verified"] = true.into();
        answer(201, made)
    });
    create(&client.writer(), true).await.unwrap();
    assert_eq!(script.calls().len(), 1, "honoured, so not asked again");
}

#[tokio::test]
async fn an_administrator_by_accident_is_not_a_success() {
    let (_, client) = Script::new(AccessKind::Local, |_, _| {
        let mut made = made();
        made["roles"] = "system_admin system_user".into();
        answer(201, made)
    });
    let error = create(&client.writer(), false).await.unwrap_err();
    assert!(
        matches!(error, WriteError::Otherwise { ref user, .. } if user.id == user_id(1)),
        "{error}"
    );
    let (_, client) = Script::new(AccessKind::Local, |_, _| {
        let mut made = made();
        made["username"] = "random".into();
        answer(201, made)
    });
    let error = create(&client.writer(), false).await.unwrap_err();
    assert!(error.to_string().contains("random"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_write_is_never_sent_twice_when_it_may_have_arrived() {
    for failure in [
        broken,
        || refuse(500, "app.user.save.app_error"),
        || refuse(502, ""),
        || ok(json!("?")),
    ] {
        let (script, client) = Script::new(AccessKind::Token, move |_, _| failure());
        let error = create(&client.writer(), false).await.unwrap_err();
        assert!(matches!(error, WriteError::Unknown(_)), "{error}");
        assert!(!error.surely_unchanged());
        assert_eq!(script.calls().len(), 1);
    }
    let refused = || refuse(400, "app.user.save.username_exists.app_error");
    let (_, client) = Script::new(AccessKind::Token, move |_, _| refused());
    let error = create(&client.writer(), false).await.unwrap_err();
    assert!(error.surely_unchanged());
    assert_eq!(error.kind(), Some(ApiErrorKind::UsernameTaken));
}

#[tokio::test]
async fn an_address_that_waits_for_the_click_is_told_apart_and_not_verified() {
    let (script, client) = Script::new(AccessKind::Token, |_, _| ok(user(1)));
    let change = values("user1@example.org", "ada@example.org");
    let outcome = client
        .writer()
        .change_email(&user_id(1), &change)
        .await
        .unwrap();
    assert!(matches!(outcome, EmailChange::WaitsForClick(u) if u.email == "user1@example.org"));
    assert_eq!(script.calls().len(), 1);
}

#[tokio::test]
async fn a_changed_address_that_cannot_be_verified_is_still_changed() {
    let (_, client) = Script::new(AccessKind::Token, |r, _| {
        if r.path.ends_with("/patch") {
            let mut changed = user(1);
            changed["email"] = "ada@example.org".into();
            ok(changed)
        } else {
            broken()
        }
    });
    let change = values("user1@example.org", "Ada@example.org");
    let error = client
        .writer()
        .change_email(&user_id(1), &change)
        .await
        .unwrap_err();
    assert!(matches!(error, WriteError::Otherwise { user, .. } if user.email == "ada@example.org"));
}

#[tokio::test]
async fn a_value_that_the_server_changed_is_reported() {
    let (script, client) = Script::new(AccessKind::Token, |_, _| {
        let mut changed = user(1);
        changed["locale"] = "en".into();
        ok(changed)
    });
    let changes = BTreeMap::from([(ProfileField::Locale, values("de", "xx"))]);
    let error = client
        .writer()
        .update_profile(&user_id(1), &changes)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("locale is \"en\""), "{error}");
    assert_eq!(script.body(0), json!({"locale": "xx"}), "only what differs");
}

/// A server over the socket: 5.38 hides the notification settings.
fn socket(stored: Value, hides: bool) -> (Arc<Script>, Client) {
    Script::new(AccessKind::Local, move |r, _| {
        if r.writes && r.path.ends_with("/verify/member") {
            let mut full = stored.clone();
            full["password"] = "$2a$10$hash".into();
            return ok(full);
        }
        let mut shown = r
            .body
            .clone()
            .filter(|_| r.writes)
            .unwrap_or_else(|| stored.clone());
        if hides && !r.writes {
            shown.as_object_mut().unwrap().remove("notify_props");
        }
        ok(shown)
    })
}

#[tokio::test]
async fn over_the_socket_the_user_is_written_whole_and_keeps_the_notification_settings() {
    for (hides, calls) in [(false, 2), (true, 3)] {
        let mut stored = user(1);
        stored["notify_props"] = json!({"email": "false"});
        stored["auth_data"] = "".into();
        let (script, client) = socket(stored.clone(), hides);
        let renamed = client
            .writer()
            .rename(&user_id(1), &values("user1", "ada"))
            .await
            .unwrap();
        assert_eq!(renamed.username, "ada");
        assert_eq!(script.calls().len(), calls);
        stored["username"] = "ada".into();
        stored.as_object_mut().unwrap().remove("auth_data");
        assert_eq!(
            script.body(calls - 1),
            stored,
            "everything else as it was, and no secrets"
        );
    }
}

#[tokio::test]
async fn over_the_socket_nothing_is_written_over_a_change_that_the_plan_did_not_see() {
    let (script, client) = socket(user(1), false);
    let error = client
        .writer()
        .rename(&user_id(1), &values("other", "ada"))
        .await
        .unwrap_err();
    assert!(matches!(error, WriteError::Stale { .. }) && error.surely_unchanged());
    assert_eq!(client.counts().writes, 0);
    assert_eq!(script.calls().len(), 1);
}

#[tokio::test]
async fn deactivation_tells_the_servers_own_delete_at() {
    let (_, client) = Script::new(AccessKind::Token, |r, _| {
        let mut gone = user(1);
        gone["delete_at"] = 77.into();
        if r.writes {
            ok(json!({"status": "OK"}))
        } else {
            ok(gone)
        }
    });
    let writer = client.writer();
    let gone = writer.deactivate(&user_id(1)).await.unwrap();
    assert_eq!(gone.deactivated_at.map(|t| t.0), Some(77));
    let error = writer.reactivate(&user_id(1)).await.unwrap_err();
    assert!(
        matches!(error, WriteError::Otherwise { .. }),
        "said OK, but still inactive"
    );
}

#[tokio::test]
async fn members_are_added_in_batches_with_one_result_each() {
    let team = TeamId::new("t".repeat(26));
    let users: Vec<UserId> = (0..120).map(user_id).collect();
    let (script, client) = Script::new(AccessKind::Token, |r, n| {
        let rows = r.body.as_ref().unwrap().as_array().unwrap();
        match n {
            // One is refused, one is left out of the answer.
            0 => ok(rows.iter().skip(1).map(|row| {
                let full = json!({"id": "app.team.join_user_to_team.save_member.max_accounts.app_error", "status_code": 400});
                let error = if row["user_id"] == json!(id(1)) { full } else { Value::Null };
                json!({"user_id": row["user_id"], "member": null, "error": error})
            }).collect()),
            1 => broken(),
            _ => answer(201, rows.iter().map(|row| json!({"user_id": row["user_id"]})).collect()),
        }
    });
    let results = client.writer().add_team_members(&team, &users).await;
    assert_eq!((results.len(), script.calls().len()), (120, 3));
    assert!(script.calls()[0].ends_with("/members/batch?graceful=true"));
    assert!(matches!(results[0], Err(WriteError::Unknown(_))));
    assert_eq!(
        results[1].as_ref().unwrap_err().kind(),
        Some(ApiErrorKind::TeamFull)
    );
    assert!(results[1].as_ref().unwrap_err().surely_unchanged());
    assert!(results[2..50].iter().all(Result::is_ok));
    assert!(
        results[50..100]
            .iter()
            .all(|r| matches!(r, Err(WriteError::Unknown(_))))
    );
    assert!(results[100..].iter().all(Result::is_ok));
}

#[tokio::test]
async fn without_a_batch_members_are_added_one_by_one() {
    let team = TeamId::new("t".repeat(26));
    for way in [AccessKind::Local, AccessKind::Token] {
        let (script, client) = Script::new(way, |r, _| {
            if r.path.contains("/batch") {
                refuse(404, "api.context.404.app_error")
            } else {
                let asked = r.body.as_ref().unwrap();
                answer(201, json!({"user_id": asked["user_id"]}))
            }
        });
        let results = client
            .writer()
            .add_team_members(&team, &[user_id(1), user_id(2)])
            .await;
        assert!(results.len() == 2 && results.iter().all(Result::is_ok));
        assert_eq!(
            script.calls().last().unwrap(),
            &format!("POST /teams/{team}/members")
        );
    }
}

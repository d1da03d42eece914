//! Reading the server's JSON.

use crate::mattermost::ApiErrorKind;
use crate::mattermost::transport::Response;
use crate::mattermost::wire::*;
use crate::model::{ProfileField, Timestamp};

const ID: &str = "abcdefghijklmnopqrstuvwxyz";

#[test]
fn a_user_of_each_version() {
    let old = format!(
        r#"{{"id":"{ID}","create_at":5,"update_at":6,"delete_at":0,"username":"ada","auth_data":"",
        "auth_service":"","email":"Ada@Example.org","nickname":"","first_name":"Ada","last_name":"L",
        "position":"","roles":"system_admin system_user","props":{{"mattersync":"n","x":{{}}}},"locale":"en"}}"#
    );
    let user = parse::<ApiUser>(old.as_bytes())
        .unwrap()
        .into_user()
        .unwrap();
    assert_eq!(user.email, "ada@example.org");
    assert_eq!(user.field(ProfileField::FirstName), "Ada");
    assert!(!user.profile.contains_key(&ProfileField::Nickname));
    assert!(user.is_admin() && user.is_active());
    assert_eq!(
        user.props,
        [("mattersync".to_owned(), "n".to_owned())].into()
    );
    let gone = format!(r#"{{"id":"{ID}","username":"bob","delete_at":7,"props":null}}"#);
    let user = parse::<ApiUser>(gone.as_bytes())
        .unwrap()
        .into_user()
        .unwrap();
    assert_eq!(user.deactivated_at, Some(Timestamp(7)));
}

#[test]
fn an_id_that_is_none_is_rejected() {
    let bad = r#"{"id":"../../x","username":"eve"}"#;
    let rejected = parse::<ApiUser>(bad.as_bytes())
        .unwrap()
        .into_user()
        .unwrap_err();
    assert_eq!((rejected.key, rejected.name.as_str()), (None, "eve"));
}

#[test]
fn errors_of_parsing_quote_nothing() {
    let error = parse::<ApiUser>(br#"{"id": ["$2a$10$secret"]}"#)
        .err()
        .unwrap();
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn versions_domains_segments() {
    assert_eq!(version("5.38.0..b16b.false").unwrap().to_string(), "5.38.0");
    assert_eq!(version("11.6.0").unwrap().major, 11);
    assert_eq!(version("dev"), None);
    assert_eq!(
        domains("@Example.org, b.example"),
        ["example.org", "b.example"]
    );
    assert_eq!(domains(" "), [""; 0]);
    assert_eq!(segment("o'neil/../x?@b.org"), "o%27neil%2F..%2Fx%3F@b.org");
}

#[test]
fn a_refusal_is_read_with_care() {
    let response = |status, body: &str| Response {
        status,
        body: body.as_bytes().to_vec(),
        ..Response::default()
    };
    let refusal = |status, body: &str| refusal(&response(status, body), "http://chat");
    let error = refusal(400, r#"{"id":"a.b","message":"x\ny","status_code":400}"#);
    assert_eq!((error.id.as_str(), error.message.as_str()), ("a.b", "x y"));
    assert_eq!(refusal(429, "limit exceeded\n").status, 429);
    for foreign in [
        "<html>secret</html>",
        "",
        "[]",
        r#"{"error":"secret"}"#,
        r#"{"id":"4711-secret","message":"secret","status_code":400}"#,
        r#"{"id":"secret","message":"secret"}"#,
        r#"{"id":7,"message":"secret"}"#,
    ] {
        for status in [302, 400, 403, 500, 502] {
            let error = refusal(status, foreign);
            assert_eq!(error.kind(), ApiErrorKind::Foreign, "{foreign}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}

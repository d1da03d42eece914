//! Creating and changing users.

use std::collections::BTreeMap;

use mattermost_sim::MailKind;
use mattersync::mattermost::{ApiErrorKind, EmailChange, WriteError, password};
use mattersync::model::{ProfileField, User};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::mattermost::target::{
    each, each_socket, each_that, mark, nobody, someone, timeless, unique, values,
};

#[tokio::test]
async fn a_created_user_is_found_by_id_name_and_address() {
    each(async |t| {
        let (new, mark, secret) = (someone(), mark(), password().unwrap());
        let made = t
            .writer()
            .create_user(&new, &secret, &mark, true)
            .await
            .unwrap();
        assert_eq!(
            (&made.username, &made.email, &made.profile),
            (&new.username, &new.email, &new.profile)
        );
        assert!(made.is_active() && !made.is_admin() && !made.is_bot);
        assert_eq!(made.props.get(User::NONCE_PROP).unwrap(), mark.as_str());

        let reader = t.client.reader();
        let by_id = reader.user(&made.id).await.unwrap().unwrap();
        let made = timeless(made);
        assert_eq!(timeless(by_id), made);
        let upper = new.username.to_uppercase();
        let by_name = reader.user_by_username(&upper).await.unwrap();
        assert_eq!(by_name.map(timeless).as_ref(), Some(&made));
        let upper = new.email.to_uppercase();
        let by_email = reader.user_by_email(&upper).await.unwrap();
        assert_eq!(by_email.map(timeless).as_ref(), Some(&made));

        if let Some(admin) = &t.admin {
            let (status, _) = admin.login(&new.username, secret.expose_secret()).await;
            assert_eq!(status, 200, "the password is the one that was sent");
        }
        if let Some(sim) = &t.sim {
            assert_eq!(sim.mails(), [], "no welcome mail");
        }
    })
    .await;
}

#[tokio::test]
async fn who_is_not_there_is_not_found() {
    each(async |t| {
        let reader = t.client.reader();
        assert_eq!(reader.user(&nobody()).await.unwrap(), None);
        assert_eq!(reader.user_by_username(&unique("no.")).await.unwrap(), None);
        assert_eq!(reader.user_by_username("Not A Name").await.unwrap(), None);
        let email = format!("{}@example.org", unique("no+o'"));
        assert_eq!(reader.user_by_email(&email).await.unwrap(), None);
        let writer = t.writer();
        let error = writer.deactivate(&nobody()).await.unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::NotFound), "{error}");
    })
    .await;
}

#[tokio::test]
async fn an_odd_address_is_found_again() {
    each(async |t| {
        let mut new = someone();
        new.email = format!("o'neil+{}/x=y@example.org", new.username);
        let made = t.created(&new).await.0.unwrap();
        let found = t.client.reader().user_by_email(&new.email).await.unwrap();
        assert_eq!(found.map(timeless), Some(timeless(made)));
    })
    .await;
}

#[tokio::test]
async fn refusals_of_a_creation_say_what_is_wrong() {
    each(async |t| {
        let there = t.person().await;
        let refused = async |change: &dyn Fn(&mut mattersync::model::NewUser)| {
            let mut new = someone();
            change(&mut new);
            let error = t.created(&new).await.0.unwrap_err();
            assert!(error.surely_unchanged(), "{error}");
            error.kind().unwrap()
        };
        let name = async || refused(&|u| u.username.clone_from(&there.username)).await;
        let mail = async || refused(&|u| u.email.clone_from(&there.email)).await;
        assert_eq!(name().await, ApiErrorKind::UsernameTaken);
        assert_eq!(mail().await, ApiErrorKind::EmailTaken);
        t.writer().deactivate(&there.id).await.unwrap();
        assert_eq!(
            name().await,
            ApiErrorKind::UsernameTaken,
            "of a deactivated user too"
        );
        assert_eq!(mail().await, ApiErrorKind::EmailTaken);
        assert_eq!(
            refused(&|u| u.username = "has space".into()).await,
            ApiErrorKind::Invalid
        );
        assert_eq!(
            refused(&|u| u.email = "nothing".into()).await,
            ApiErrorKind::Invalid
        );

        let short = SecretString::from("short");
        let error = t
            .writer()
            .create_user(&someone(), &short, &mark(), true)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::PasswordPolicy), "{error}");
    })
    .await;
}

#[tokio::test]
async fn only_what_differs_is_changed() {
    each(async |t| {
        let before = t.person().await;
        let changes = BTreeMap::from([
            (ProfileField::FirstName, values("Grace", "")),
            (ProfileField::Nickname, values("", "Amazing Grace")),
            (ProfileField::Position, values("", "Rear admiral")),
            (ProfileField::Locale, values("de", "en")),
        ]);
        let after = t
            .writer()
            .update_profile(&before.id, &changes)
            .await
            .unwrap();
        assert_eq!(after.field(ProfileField::FirstName), "");
        assert_eq!(after.field(ProfileField::LastName), "Hopper-O'Neil");
        assert_eq!(after.field(ProfileField::Nickname), "Amazing Grace");
        assert_eq!(
            (&after.username, &after.email),
            (&before.username, &before.email)
        );
        assert_eq!((&after.props, &after.roles), (&before.props, &before.roles));
        let read = t.client.reader().user(&before.id).await.unwrap().unwrap();
        assert_eq!(read.profile, after.profile);
    })
    .await;
}

#[tokio::test]
async fn a_locale_that_the_server_replaced_is_reported_with_the_user() {
    each(async |t| {
        let mut new = someone();
        new.profile.insert(ProfileField::Locale, "xx".into());
        match t.created(&new).await.0.unwrap_err() {
            WriteError::Otherwise { user, what } => {
                assert_eq!(user.username, new.username);
                assert!(what.contains("locale"), "{what}");
            }
            other => panic!("{other}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_renamed_user_is_the_same_user() {
    each(async |t| {
        let (before, other) = (t.person().await, t.person().await);
        let name = unique("r.");
        let after = t
            .writer()
            .rename(&before.id, &values(&before.username, &name))
            .await
            .unwrap();
        assert_eq!((&after.id, &after.username), (&before.id, &name));
        assert_eq!(
            (&after.email, &after.profile),
            (&before.email, &before.profile)
        );
        let taken = values(&name, &other.username);
        let error = t.writer().rename(&before.id, &taken).await.unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::UsernameTaken), "{error}");
        if let Some(sim) = &t.sim {
            let kinds: Vec<_> = sim.mails().iter().map(|m| m.kind).collect();
            assert_eq!(kinds, [MailKind::UsernameChanged]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_changed_address_is_verified_again() {
    each(async |t| {
        let (before, other) = (t.person().await, t.person().await);
        let email = format!("{}@example.net", unique("e."));
        let change = values(&before.email, &email);
        match t.writer().change_email(&before.id, &change).await.unwrap() {
            EmailChange::Applied(user) => assert_eq!(user.email, email),
            EmailChange::WaitsForClick(_) => panic!("nobody has to click"),
        }
        let read = t.client.reader().user(&before.id).await.unwrap().unwrap();
        assert_eq!((&read.email, &read.username), (&email, &before.username));
        if let Some(user) = t.seen_by_admin(&before.id).await {
            assert_eq!(user["email_verified"], json!(true), "{}", t.name);
        }
        let taken = values(&email, &other.email);
        let error = t
            .writer()
            .change_email(&before.id, &taken)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::EmailTaken), "{error}");
    })
    .await;
}

#[tokio::test]
async fn what_a_person_chose_survives_our_changes() {
    each_that(|t| t.admin.is_some(), async |t| {
        let admin = t.admin.as_ref().unwrap();
        let before = t.person().await;
        let chosen = json!({"email": "false", "desktop": "all", "mention_keys": "grace", "channel": "false",
            "comments": "any", "desktop_sound": "false", "first_name": "false", "push": "none", "push_status": "online"});
        let zone = json!({"useAutomaticTimezone": "false", "automaticTimezone": "", "manualTimezone": "Europe/Rome"});
        let path = format!("/users/{}/patch", before.id);
        let body = json!({"notify_props": chosen, "timezone": zone});
        assert_eq!(admin.call(Method::PUT, &path, Some(body)).await.0, 200);
        let name = unique("k.");
        let writer = t.writer();
        writer.rename(&before.id, &values(&before.username, &name)).await.unwrap();
        let changes = BTreeMap::from([(ProfileField::Nickname, values("", "G"))]);
        writer.update_profile(&before.id, &changes).await.unwrap();
        let email = format!("{name}@example.net");
        writer.change_email(&before.id, &values(&before.email, &email)).await.unwrap();
        let after = t.seen_by_admin(&before.id).await.unwrap();
        assert_eq!(after["notify_props"], chosen, "{}", t.name);
        assert_eq!(after["timezone"], zone, "{}", t.name);
        assert_eq!(after["props"][User::NONCE_PROP], json!(before.props[User::NONCE_PROP]));
    })
    .await;
}

#[tokio::test]
async fn over_the_socket_a_change_that_the_plan_did_not_see_is_not_overwritten() {
    each_socket(async |t| {
        let before = t.person().await;
        let writes = t.client.counts().writes;
        let change = BTreeMap::from([(ProfileField::FirstName, values("Ada", "Augusta"))]);
        let error = t
            .writer()
            .update_profile(&before.id, &change)
            .await
            .unwrap_err();
        assert!(matches!(error, WriteError::Stale { .. }), "{error}");
        assert_eq!(t.client.counts().writes, writes);
        assert_eq!(
            t.client.reader().user(&before.id).await.unwrap(),
            Some(before)
        );
    })
    .await;
}

#[tokio::test]
async fn deactivated_and_reactivated() {
    each(async |t| {
        let before = t.person().await;
        let gone = t.writer().deactivate(&before.id).await.unwrap();
        let at = gone.deactivated_at.unwrap();
        assert!(at > before.created_at);
        let read = t.client.reader().user(&before.id).await.unwrap().unwrap();
        assert_eq!(read.deactivated_at, Some(at), "the server's own delete_at");
        let back = t.writer().reactivate(&before.id).await.unwrap();
        assert!(back.is_active());
        assert_eq!(
            (&back.username, &back.email),
            (&before.username, &before.email)
        );
    })
    .await;
}

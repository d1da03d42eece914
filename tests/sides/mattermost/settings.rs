//! Servers with other settings.

use mattermost_sim::MailKind;
use mattersync::mattermost::{ApiErrorKind, EmailChange};
use mattersync::model::UserId;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::mattermost::target::{each_with, mark, someone, unique, values};

#[tokio::test]
async fn where_addresses_are_verified_a_change_waits_for_the_click() {
    let settings = json!({"EmailSettings": {"RequireEmailVerification": true}});
    each_with(settings, async |t| {
        let facts = t.client.reader().facts().await.unwrap();
        assert_eq!(facts.require_email_verification, Some(true));
        let new = someone();
        let (made, password) = t.created(&new).await;
        let before = made.unwrap();
        if let Some(admin) = &t.admin {
            let (status, _) = admin.login(&new.username, password.expose_secret()).await;
            assert_eq!(status, 200, "created as verified, so can log in");
            let unverified = someone();
            let made = t
                .writer()
                .create_user(&unverified, &password, &mark(), false)
                .await;
            made.unwrap();
            let (status, _) = admin
                .login(&unverified.username, password.expose_secret())
                .await;
            assert_eq!(status, 401, "the setting has an effect");
        }
        let email = format!("{}@example.net", unique("w."));
        let change = values(&before.email, &email);
        match t.writer().change_email(&before.id, &change).await.unwrap() {
            EmailChange::WaitsForClick(user) => assert_eq!(user.email, before.email),
            EmailChange::Applied(_) => panic!("only the click applies it"),
        }
        let read = t.client.reader().user(&before.id).await.unwrap().unwrap();
        assert_eq!(read.email, before.email);
        if let Some(sim) = &t.sim {
            let mails = sim.mails();
            let to_new =
                |m: &&mattermost_sim::Mail| m.to == email && m.kind == MailKind::Verification;
            assert_eq!(mails.iter().filter(to_new).count(), 1, "one mail, no more");
        }
    })
    .await;
}

#[tokio::test]
async fn where_domains_are_restricted_others_are_refused() {
    let settings =
        json!({"TeamSettings": {"RestrictCreationToDomains": "@Example.org, inside.example"}});
    each_with(settings, async |t| {
        let facts = t.client.reader().facts().await.unwrap();
        assert_eq!(facts.restrict_to_domains, ["example.org", "inside.example"]);
        let before = t.person().await;
        let mut outside = someone();
        outside.email = format!("{}@outside.example", outside.username);
        let error = t.created(&outside).await.0.unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::DomainRefused), "{error}");
        let change = values(&before.email, &outside.email);
        let error = t
            .writer()
            .change_email(&before.id, &change)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::DomainRefused), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_generated_password_satisfies_the_strictest_policy() {
    let settings = json!({"PasswordSettings":
        {"MinimumLength": 20, "Lowercase": true, "Uppercase": true, "Number": true, "Symbol": true}});
    each_with(settings, async |t| {
        for _ in 0..10 {
            t.created(&someone()).await.0.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_full_team_takes_no_more() {
    let settings = json!({"TeamSettings": {"MaxUsersPerTeam": 3}});
    each_with(settings, async |t| {
        let facts = t.client.reader().facts().await.unwrap();
        assert_eq!(facts.max_users_per_team, Some(3));
        let team = t.writer().create_team(&unique("t-"), "Full").await.unwrap();
        let mut people: Vec<UserId> = Vec::new();
        for _ in 0..5 {
            people.push(t.person().await.id);
        }
        let results = t.writer().add_team_members(&team.id, &people).await;
        let refused: Vec<_> = results.iter().filter_map(|r| r.as_ref().err()).collect();
        assert!((2..=3).contains(&refused.len()), "{results:?}");
        for error in refused {
            assert_eq!(error.kind(), Some(ApiErrorKind::TeamFull), "{error}");
            assert!(error.surely_unchanged());
        }
    })
    .await;
}

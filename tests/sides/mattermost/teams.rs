//! Teams and their members.

use std::collections::BTreeSet;

use mattersync::mattermost::{ApiErrorKind, TEAM_BATCH};
use mattersync::model::{Evidence, UserId};
use reqwest::Method;
use serde_json::json;

use crate::mattermost::target::{each, each_with, nobody, unique};

#[tokio::test]
async fn a_team_is_created_once_and_found_by_name() {
    each(async |t| {
        let name = unique("t-");
        assert_eq!(t.client.reader().team_by_name(&name).await.unwrap(), None);
        let made = t
            .writer()
            .create_team(&name, "Everyone & Co. (ä)")
            .await
            .unwrap();
        assert_eq!(
            (made.name.as_str(), made.display_name.as_str()),
            (name.as_str(), "Everyone & Co. (ä)")
        );
        let found = t
            .client
            .reader()
            .team_by_name(&name)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((&found, found.archived_at), (&made, None));
        let error = t.writer().create_team(&name, "Again").await.unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::TeamExists), "{error}");

        let path = format!("/teams/{}", made.id);
        assert_eq!(t.door.call(Method::DELETE, &path, None).await.0, 200);
        let archived = t
            .client
            .reader()
            .team_by_name(&name)
            .await
            .unwrap()
            .unwrap();
        assert!(archived.archived_at.is_some());
        let error = t.writer().create_team(&name, "Again").await.unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::TeamExists), "{error}");
    })
    .await;
}

#[tokio::test]
async fn members_are_added_and_listed_and_nobody_else() {
    each(async |t| {
        let team = t
            .writer()
            .create_team(&unique("t-"), "Members")
            .await
            .unwrap();
        let (a, b, outside) = (
            t.person().await.id,
            t.person().await.id,
            t.person().await.id,
        );
        let linked = BTreeSet::from([a.clone(), b.clone(), outside.clone()]);
        let before = t
            .client
            .reader()
            .team_members(&team.id, &linked)
            .await
            .unwrap();
        assert!(matches!(before.look(&a), Evidence::Absent(_)));

        let asked = [a.clone(), nobody(), b.clone()];
        let results = t.writer().add_team_members(&team.id, &asked).await;
        assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
        let error = results[1].as_ref().unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::NotFound), "{error}");
        assert!(error.surely_unchanged());

        let after = t
            .client
            .reader()
            .team_members(&team.id, &linked)
            .await
            .unwrap();
        assert!(matches!(after.look(&a), Evidence::Present(m) if m.left_at.is_none()));
        assert!(matches!(after.look(&b), Evidence::Present(_)));
        assert!(matches!(after.look(&outside), Evidence::Absent(_)));

        let again = t
            .writer()
            .add_team_members(&team.id, std::slice::from_ref(&a))
            .await;
        assert!(again[0].is_ok(), "who is in already is no error");

        // A deactivated member is still one; a removed one is not.
        t.writer().deactivate(&a).await.unwrap();
        let path = format!("/teams/{}/members/{b}", team.id);
        assert_eq!(t.door.call(Method::DELETE, &path, None).await.0, 200);
        let then = t
            .client
            .reader()
            .team_members(&team.id, &linked)
            .await
            .unwrap();
        assert!(matches!(then.look(&a), Evidence::Present(_)));
        assert!(!matches!(then.look(&b), Evidence::Present(m) if m.left_at.is_none()));
    })
    .await;
}

#[tokio::test]
async fn more_members_than_fit_into_one_batch() {
    let settings = json!({"TeamSettings": {"MaxUsersPerTeam": 1_000}});
    each_with(settings, async |t| {
        let team = t
            .writer()
            .create_team(&unique("t-"), "Batch")
            .await
            .unwrap();
        let mut people: Vec<UserId> = Vec::new();
        for _ in 0..=TEAM_BATCH {
            let name = unique("b.");
            let body = json!({"username": name, "email": format!("{name}@example.org"),
                "auth_service": "gitlab", "auth_data": name});
            let (status, user) = t.door.call(Method::POST, "/users", Some(body)).await;
            assert_eq!(status, 201, "{user}");
            people.push(UserId::new(user["id"].as_str().unwrap()));
        }
        let requests = t.client.counts().requests;
        let results = t.writer().add_team_members(&team.id, &people).await;
        assert!(
            results.len() == people.len() && results.iter().all(Result::is_ok),
            "{results:?}"
        );
        let spent = t.client.counts().requests - requests;
        assert_eq!(spent, if t.local { people.len() as u64 } else { 2 });
        let linked: BTreeSet<UserId> = people.iter().cloned().collect();
        let members = t
            .client
            .reader()
            .team_members(&team.id, &linked)
            .await
            .unwrap();
        assert!(
            people
                .iter()
                .all(|id| matches!(members.look(id), Evidence::Present(_)))
        );
    })
    .await;
}

//! What the server lets us do, and what it says of itself.

use mattermost_sim::{Options, UserLimit};
use mattersync::mattermost::ApiErrorKind;
use mattersync::model::{Seats, Version};
use secrecy::ExposeSecret;

use crate::mattermost::target::{Target, client_tcp, each, each_token, someone};

#[tokio::test]
async fn the_server_says_what_it_is() {
    each(async |t| {
        let facts = t.client.reader().facts().await.unwrap();
        let known = facts.version.major >= 5
            && facts.version
                < Version {
                    major: 100,
                    ..Version::default()
                };
        assert!(known, "{}", facts.version);
        assert!(facts.max_users_per_team.is_some() && facts.require_email_verification.is_some());
        let own = t.client.reader().own_user().await.unwrap();
        assert_eq!(facts.own_user, own.as_ref().map(|u| u.id.clone()));
        assert_eq!(own.is_none(), t.local);
        assert!(
            own.is_none_or(|u| u.is_admin()),
            "the token under test is an administrator's"
        );
        let all = (
            facts.capabilities.patch,
            facts.capabilities.team_batch,
            facts.capabilities.team_members_list,
        );
        assert_eq!(all, (!t.local, !t.local, !t.local));
        match (t.local, facts.version.major) {
            (true, _) => assert_eq!(facts.seats, Seats::Unknown),
            (false, ..=9) => assert_eq!(facts.seats, Seats::Unlimited),
            (false, _) => {
                assert!(matches!(facts.seats, Seats::Limited { active, .. } if active > 0))
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_capabilities_are_what_the_way_offers() {
    each(async |t| {
        let team = t
            .writer()
            .create_team(&crate::mattermost::target::unique("t-"), "Cap")
            .await
            .unwrap();
        let path = format!("/teams/{}/members?per_page=1", team.id);
        let (status, _) = t.door.call(reqwest::Method::GET, &path, None).await;
        let facts = t.client.reader().facts().await.unwrap();
        assert_eq!(facts.capabilities.team_members_list, status == 200);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_token_is_told_apart_from_everything_else() {
    each_token(async |t| {
        let wrong = client_tcp(t.door.url(), "abcdefghijklmnopqrstuvwxyz");
        let error = wrong.reader().facts().await.unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::TokenRejected), "{error}");
        assert_eq!(wrong.counts().requests, 1, "not asked again");
        let error = wrong
            .writer()
            .deactivate(&crate::mattermost::target::nobody())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::TokenRejected), "{error}");
        assert!(error.surely_unchanged());
        let own = t.client.reader().own_user().await.unwrap().unwrap();
        let error = t.writer().deactivate(&own.id).await.unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::Ourselves), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_members_token_sees_no_seats_and_may_do_nothing() {
    each_token(async |t| {
        let admin = t.admin.as_ref().unwrap();
        let member = someone();
        let (made, password) = t.created(&member).await;
        let made = made.unwrap();
        let (status, token) = admin
            .login(&member.username, password.expose_secret())
            .await;
        assert_eq!(status, 200);
        let theirs = client_tcp(admin.url(), &token.unwrap());
        let facts = theirs.reader().facts().await.unwrap();
        assert_eq!(facts.own_user.as_ref(), Some(&made.id));
        assert_eq!(
            (facts.seats, facts.max_users_per_team),
            (Seats::Unknown, None)
        );
        let other = t.person().await;
        let writer = theirs.writer();
        let (secret, mark) = (
            mattersync::mattermost::password().unwrap(),
            crate::mattermost::target::mark(),
        );
        let errors = [
            writer
                .create_user(&someone(), &secret, &mark, true)
                .await
                .unwrap_err(),
            writer.deactivate(&other.id).await.unwrap_err(),
            writer
                .rename(
                    &other.id,
                    &crate::mattermost::target::values(&other.username, "x"),
                )
                .await
                .unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), Some(ApiErrorKind::NoPermission), "{error}");
            assert!(error.surely_unchanged());
        }
    })
    .await;
}

/// Needs a server with few seats, so it is a simulated one.
#[tokio::test]
async fn without_a_seat_nobody_is_created_or_reactivated() {
    for local in [false, true] {
        let mut options = Options::new(mattermost_sim::Version::V11);
        options.user_limit = Some(UserLimit { warn: 2, hard: 3 });
        let t = Target::simulated(options, local);
        let (first, _second) = (t.person().await, t.person().await);
        let seats = t.client.reader().facts().await.unwrap().seats;
        let limited = Seats::Limited {
            limit: 3,
            active: 3,
        };
        assert_eq!(seats, if local { Seats::Unknown } else { limited });
        let error = t.created(&someone()).await.0.unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::UserLimit), "{error}");
        t.writer().deactivate(&first.id).await.unwrap();
        t.person().await;
        let error = t.writer().reactivate(&first.id).await.unwrap_err();
        assert_eq!(error.kind(), Some(ApiErrorKind::UserLimit), "{error}");
    }
}

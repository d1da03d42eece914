//! What people made and leave alive, and deleting somebody for good.

use std::collections::{BTreeMap, BTreeSet};

use mattermost_sim::{Effect, Fault, Options, Version};
use mattersync::mattermost::{ApiErrorKind, WriteError};
use mattersync::model::{Belonging, BelongingKind as Kind, Belongings, UserId};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::mattermost::target::{
    Door, Target, each, each_with, nobody, simulated, someone, unique,
};

/// Everything that people can make is switched on.
fn all_on() -> Value {
    json!({"ServiceSettings": {
        "EnableUserAccessTokens": true, "EnableBotAccountCreation": true,
        "EnableIncomingWebhooks": true, "EnableOutgoingWebhooks": true, "EnableCommands": true,
        "EnableOAuthServiceProvider": true, "DisableBotsWhenOwnerIsDeactivated": true,
    }})
}

async fn made(door: &Door, path: &str, body: Value) -> String {
    let (status, answer) = door.call(Method::POST, path, Some(body)).await;
    assert!(status < 300, "{path}: {status} {answer}");
    let id = answer["id"].as_str().or(answer["user_id"].as_str());
    id.unwrap().to_owned()
}

/// Somebody with one thing of each kind; what ids they have.
async fn maker(t: &Target) -> (UserId, BTreeMap<Kind, String>) {
    let admin = t.admin.as_ref().expect("an administrator's token too");
    let someone = someone();
    let (user, password) = t.created(&someone).await;
    let user = user.unwrap().id;
    let roles = json!({"roles": "system_user system_admin"});
    let path = format!("/users/{user}/roles");
    assert_eq!(admin.call(Method::PUT, &path, Some(roles)).await.0, 200);
    let team = t
        .writer()
        .create_team(&unique("t-"), "Makers")
        .await
        .unwrap();
    let results = t
        .writer()
        .add_team_members(&team.id, std::slice::from_ref(&user))
        .await;
    assert!(results.iter().all(Result::is_ok));
    let path = format!("/teams/{}/channels/name/town-square", team.id);
    let channel = admin.call(Method::GET, &path, None).await.1["id"].clone();
    let (_, session) = admin
        .login(&someone.username, password.expose_secret())
        .await;
    let own = admin.with_token(&session.unwrap());
    let urls = ["http://127.0.0.1:1/"];
    let bodies = [
        (
            Kind::Token,
            format!("/users/{user}/tokens"),
            json!({"description": "backup script"}),
        ),
        (Kind::Bot, "/bots".into(), json!({"username": unique("b.")})),
        (
            Kind::IncomingWebhook,
            "/hooks/incoming".into(),
            json!({"channel_id": channel, "display_name": "from the monitor"}),
        ),
        (
            Kind::OutgoingWebhook,
            "/hooks/outgoing".into(),
            json!({"team_id": team.id.as_str(), "channel_id": channel, "display_name": "out",
                   "trigger_words": [unique("z")], "callback_urls": urls}),
        ),
        (
            Kind::SlashCommand,
            "/commands".into(),
            json!({"team_id": team.id.as_str(), "trigger": unique("z"), "method": "P",
                   "url": urls[0]}),
        ),
        (
            Kind::OauthApplication,
            "/oauth/apps".into(),
            json!({"name": "portal", "description": "x", "homepage": urls[0],
                   "callback_urls": urls}),
        ),
    ];
    let mut ids = BTreeMap::new();
    for (kind, path, body) in bodies {
        ids.insert(kind, made(&own, &path, body).await);
    }
    (user, ids)
}

async fn belongings(t: &Target, people: &[&UserId], kinds: &[Kind]) -> Belongings {
    let people: BTreeSet<UserId> = people.iter().map(|id| (*id).clone()).collect();
    let mut all = Belongings::unasked(kinds, "not asked yet");
    let reader = t.client.reader();
    reader.belongings(&people, kinds, &mut all).await;
    all
}

fn ids(all: &Belongings) -> BTreeMap<Kind, String> {
    let ids = all.found.iter().map(|thing| (thing.kind, thing.id.clone()));
    ids.collect()
}

fn of(all: &Belongings, kind: Kind) -> &Belonging {
    let mut found = all.found.iter().filter(|thing| thing.kind == kind);
    found.next().unwrap()
}

#[tokio::test]
async fn everything_that_somebody_leaves_alive_is_found() {
    each_with(all_on(), async |t| {
        let (user, mut expected) = maker(t).await;
        let (other, _) = maker(t).await;
        if t.local {
            expected.remove(&Kind::OauthApplication);
        }
        for deactivated in [false, true] {
            let all = belongings(t, &[&user], Kind::ALL).await;
            assert_eq!(ids(&all), expected);
            assert_eq!(all.found.len(), expected.len());
            assert!(all.found.iter().all(|thing| thing.owner == user));
            let not_asked: Vec<Kind> = all.not_asked.keys().copied().collect();
            let none = if t.local {
                vec![Kind::OauthApplication]
            } else {
                vec![]
            };
            assert_eq!(not_asked, none, "{:?}", all.not_asked);
            // The server disables bots with their owner, and nothing else.
            let off = all.found.iter().filter(|thing| !thing.active);
            let off: Vec<Kind> = off.map(|thing| thing.kind).collect();
            assert_eq!(off, if deactivated { vec![Kind::Bot] } else { vec![] });
            assert_eq!(of(&all, Kind::Token).name, "backup script");
            assert_eq!(of(&all, Kind::IncomingWebhook).name, "from the monitor");
            assert!(of(&all, Kind::SlashCommand).name.starts_with('z'));
            t.writer().deactivate(&user).await.unwrap();
        }
        let both = belongings(t, &[&user, &other], Kind::ALL).await;
        assert_eq!(both.found.len(), expected.len() * 2);
        t.writer().reactivate(&user).await.unwrap();
        let back = belongings(t, &[&user], &[Kind::Token, Kind::Bot]).await;
        assert!(of(&back, Kind::Token).active && !of(&back, Kind::Bot).active);
        assert_eq!(back.found.len(), 2, "nothing else was asked for");
    })
    .await;
}

#[tokio::test]
async fn what_is_ended_as_it_says_is_gone() {
    each_with(all_on(), async |t| {
        let (user, made) = maker(t).await;
        let admin = t.admin.as_ref().unwrap();
        let id = |kind| made[&kind].as_str();
        let calls = [
            (
                Method::POST,
                "/users/tokens/revoke".to_owned(),
                Some(json!({"token_id": id(Kind::Token)})),
            ),
            (
                Method::DELETE,
                format!("/hooks/incoming/{}", id(Kind::IncomingWebhook)),
                None,
            ),
            (
                Method::DELETE,
                format!("/hooks/outgoing/{}", id(Kind::OutgoingWebhook)),
                None,
            ),
            (
                Method::DELETE,
                format!("/commands/{}", id(Kind::SlashCommand)),
                None,
            ),
            (
                Method::DELETE,
                format!("/oauth/apps/{}", id(Kind::OauthApplication)),
                None,
            ),
        ];
        for (method, path, body) in calls {
            let (status, answer) = admin.call(method, &path, body).await;
            assert_eq!(status, 200, "{path}: {answer}");
        }
        let left = belongings(t, &[&user], Kind::ALL).await;
        assert_eq!(ids(&left).into_keys().collect::<Vec<_>>(), [Kind::Bot]);
    })
    .await;
}

#[tokio::test]
async fn what_the_server_has_switched_off_is_said_and_stops_nothing_else() {
    let off = json!({"ServiceSettings": {
        "EnableIncomingWebhooks": false, "EnableOutgoingWebhooks": false,
        "EnableCommands": false, "EnableOAuthServiceProvider": false,
    }});
    each_with(off, async |t| {
        let user = t.person().await.id;
        // A server without teams has no commands that could be asked for.
        t.writer().create_team(&unique("t-"), "Off").await.unwrap();
        let path = format!("/users/{user}/tokens");
        let all = belongings(t, &[&user], Kind::ALL).await;
        let mut why = all.not_asked.clone();
        let oauth = why.remove(&Kind::OauthApplication).unwrap();
        assert_eq!(oauth.contains("switched off"), !t.local, "{oauth}");
        let kinds: Vec<Kind> = why.keys().copied().collect();
        let three = [
            Kind::IncomingWebhook,
            Kind::OutgoingWebhook,
            Kind::SlashCommand,
        ];
        assert_eq!(kinds, three);
        assert!(
            why.values().all(|why| why.contains("switched off")),
            "{why:?}"
        );
        assert!(all.found.is_empty(), "{path}");
    })
    .await;
}

#[tokio::test]
async fn many_people_cost_no_more_than_one_list_of_each_kind() {
    each(async |t| {
        let mut people = Vec::new();
        for _ in 0..8 {
            people.push(t.person().await.id);
        }
        let people: Vec<&UserId> = people.iter().collect();
        let asked = async |people: &[&UserId], kinds: &[Kind]| {
            let before = t.client.counts().requests;
            belongings(t, people, kinds).await;
            t.client.counts().requests - before
        };
        let single = asked(&people[..1], &[Kind::Token]).await;
        assert_eq!(single, 1);
        // The socket has no list of all tokens. How long a list is, others decide on a real server.
        let five = asked(&people[..5], &[Kind::Token]).await;
        let all = asked(&people, &[Kind::Token]).await;
        assert_eq!(five, if t.local { 5 } else { all });
        let lists = [Kind::Bot, Kind::IncomingWebhook];
        let one = asked(&people[..1], &lists).await;
        assert_eq!(asked(&people, &lists).await, one);
    })
    .await;
}

/// More than a page of one person's, on a server that can be filled without waiting.
#[tokio::test]
async fn every_page_is_read() {
    for t in simulated() {
        t.sim.as_ref().unwrap().set_config(&all_on());
        let user = t.person().await.id;
        let admin = t.admin.as_ref().unwrap();
        for _ in 0..205 {
            let body = json!({"description": "one of many"});
            made(admin, &format!("/users/{user}/tokens"), body).await;
        }
        let all = belongings(&t, &[&user], &[Kind::Token]).await;
        assert_eq!(
            (all.found.len(), all.not_asked.len()),
            (205, 0),
            "{}",
            t.name
        );
    }
}

#[tokio::test]
async fn a_list_that_fails_is_missing_and_the_others_are_not() {
    let t = Target::simulated(Options::new(Version::V11), false);
    let sim = t.sim.as_ref().unwrap();
    sim.set_config(&all_on());
    let (user, _) = maker(&t).await;
    sim.add_fault(Fault::new(Effect::status(503)).path("/api/v4/hooks/incoming"));
    let all = belongings(&t, &[&user], Kind::ALL).await;
    assert_eq!(
        all.not_asked.into_keys().collect::<Vec<_>>(),
        [Kind::IncomingWebhook]
    );
    assert_eq!(all.found.len(), 5);

    // Where nobody answers any more, one question is enough.
    let cut = Effect::Cut(mattermost_sim::Commit::Before);
    sim.add_fault(Fault::new(cut).path("/api/v4/bots"));
    let before = t.client.counts();
    let all = belongings(&t, &[&user], Kind::ALL).await;
    assert_eq!(all.not_asked.len(), 5, "{:?}", all.not_asked);
    let spent = t.client.counts().since(before);
    assert_eq!((spent.requests, spent.retries), (6, 3));
}

#[tokio::test]
async fn nobody_is_deleted_for_good_where_the_server_does_not_allow_it() {
    let off = json!({"ServiceSettings": {"EnableAPIUserDeletion": false}});
    each_with(off, async |t| {
        let user = t.person().await;
        let result = t.writer().delete_permanently(&user.id).await;
        if t.local {
            // Who has the socket may do it in any case.
            assert_eq!(result, Ok(()));
            return;
        }
        let error = result.unwrap_err();
        assert_eq!(
            error.kind(),
            Some(ApiErrorKind::DeletionNotEnabled),
            "{error}"
        );
        assert!(error.surely_unchanged());
        assert!(
            error.to_string().contains("EnableAPIUserDeletion"),
            "{error}"
        );
        let still = t.client.reader().user(&user.id).await.unwrap().unwrap();
        assert!(still.is_active());
    })
    .await;
}

#[tokio::test]
async fn who_is_deleted_for_good_is_gone_with_what_was_made() {
    let mut settings = all_on();
    settings["ServiceSettings"]["EnableAPIUserDeletion"] = json!(true);
    each_with(settings, async |t| {
        let (user, _) = maker(t).await;
        t.writer().delete_permanently(&user).await.unwrap();
        // 5.38 goes on to show a user by id from its cache.
        let seen = t.client.reader().user(&user).await.unwrap();
        assert!(seen.is_none_or(|user| !user.is_active()));
        let listed = t.client.reader().users().await.unwrap();
        assert!(listed.get(&user).is_none());
        let left = belongings(t, &[&user], Kind::ALL).await;
        let kinds: BTreeSet<Kind> = left.found.iter().map(|thing| thing.kind).collect();
        let mut stays = BTreeSet::from([Kind::Bot]);
        if !t.local {
            stays.insert(Kind::OauthApplication);
        }
        assert_eq!(kinds, stays);
        assert!(!of(&left, Kind::Bot).active);
        for gone in [user, nobody()] {
            let error = t.writer().delete_permanently(&gone).await.unwrap_err();
            assert_eq!(error.kind(), Some(ApiErrorKind::NotFound), "{error}");
        }
    })
    .await;
}

/// Without an id the call would be the one that deletes everybody.
#[tokio::test]
async fn what_is_no_id_is_not_sent() {
    each(async |t| {
        let before = t.client.counts();
        for id in ["", ".", "x/../../users", "me"] {
            let error = t.writer().delete_permanently(&UserId::new(id)).await;
            assert!(matches!(error, Err(WriteError::NotSent(_))), "{error:?}");
        }
        assert_eq!(t.client.counts(), before);
    })
    .await;
}

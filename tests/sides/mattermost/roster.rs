//! Reading all users.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mattermost_sim::{Options, Version};
use mattersync::model::{Evidence, UserId};
use reqwest::Method;
use serde_json::json;

use crate::mattermost::target::{Target, each, nobody, unique};

/// One page and a bit.
const ENOUGH: usize = 205;

#[tokio::test]
async fn the_roster_has_everybody_and_proves_who_is_gone() {
    each(async |t| {
        let reader = t.client.reader();
        let there = reader.users().await.unwrap().len();
        for _ in there..ENOUGH {
            let name = unique("page.");
            // Bound to a login service: no password to hash.
            let body = json!({"username": name, "email": format!("{name}@example.org"),
                "auth_service": "gitlab", "auth_data": name});
            let (status, user) = t.door.call(Method::POST, "/users", Some(body)).await;
            assert_eq!(status, 201, "{user}");
        }
        let (active, gone) = (t.person().await, t.person().await);
        t.writer().deactivate(&gone.id).await.unwrap();

        let counts = t.client.counts();
        let mut users = reader.users().await.unwrap();
        assert!(users.len() >= ENOUGH && users.rejected().is_empty());
        assert!(matches!(users.look(&active.id), Evidence::Present(u) if *u == active));
        assert!(matches!(users.look(&gone.id), Evidence::Present(u) if !u.is_active()));

        let linked = BTreeSet::from([active.id.clone(), gone.id.clone(), nobody()]);
        reader.fill_in(&mut users, &linked).await.unwrap();
        assert!(matches!(users.look(&nobody()), Evidence::Absent(p) if p.lookup.is_some()));
        let spent = t.client.counts().since(counts);
        let pages = users.len().div_ceil(200) + 1;
        assert_eq!((spent.requests, spent.writes), (pages as u64 + 1, 0));
        if let Some(own) = reader.own_user().await.unwrap() {
            assert!(matches!(users.look(&own.id), Evidence::Present(_)));
        }
    })
    .await;
}

#[tokio::test]
async fn who_was_not_listed_is_found_by_id() {
    each(async |t| {
        let (a, gone) = (t.person().await, t.person().await);
        t.writer().deactivate(&gone.id).await.unwrap();
        let mut users = mattersync::model::Roster::unread();
        let linked = BTreeSet::from([a.id.clone(), gone.id.clone(), nobody()]);
        t.client
            .reader()
            .fill_in(&mut users, &linked)
            .await
            .unwrap();
        assert!(matches!(users.look(&a.id), Evidence::Present(u) if *u == a));
        assert!(matches!(users.look(&gone.id), Evidence::Present(u) if !u.is_active()));
        // Nothing else was read, so even now it proves nothing.
        assert!(matches!(users.look(&nobody()), Evidence::Unknown(_)));
    })
    .await;
}

#[tokio::test]
async fn who_was_not_listed_is_found_by_name() {
    each(async |t| {
        let a = t.person().await;
        let mut users = mattersync::model::Roster::unread();
        let names = BTreeSet::from([a.username.clone(), unique("no.")]);
        let reader = t.client.reader();
        reader.fill_in_named(&mut users, &names).await.unwrap();
        assert_eq!(users.len(), 1);
        assert!(matches!(users.look(&a.id), Evidence::Present(u) if *u == a));
        let requests = t.client.counts().requests;
        let seen = BTreeSet::from([a.username.clone()]);
        reader.fill_in_named(&mut users, &seen).await.unwrap();
        assert_eq!(t.client.counts().requests, requests, "seen already");
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_users_take_fifty_requests_and_no_write() {
    let mut options = Options::new(Version::V11);
    options.user_limit = None;
    let t = Target::simulated(options, false);
    let sim = t.sim.as_ref().unwrap();
    for n in 1..10_000 {
        let name = format!("user{n}");
        let email = format!("{name}@example.org");
        sim.add_user(&json!({"username": name, "email": email}))
            .unwrap();
    }
    sim.set_latency(Duration::from_millis(1));
    sim.reset_counters();
    let start = Instant::now();
    let mut users = t.client.reader().users().await.unwrap();
    let ids: BTreeSet<UserId> = users.iter().map(|(id, _)| id.clone()).collect();
    t.client.reader().fill_in(&mut users, &ids).await.unwrap();
    eprintln!("10,000 users read in {:?}", start.elapsed());
    assert_eq!(users.len(), 10_000);
    assert_eq!((sim.requests(), sim.writes()), (51, 0));
}

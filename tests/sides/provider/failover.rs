//! Several servers, and when not to try the next one.

use std::collections::{BTreeMap, BTreeSet};

use ldap_fault::{At, Certificate, Entry, Fault, FaultServer, Script, Tls};
use mattersync::config::{LdapSettings, Trust};
use mattersync::model::{Directory, Reading};
use mattersync::provider::ldap::LdapProvider;
use mattersync::provider::{Ask, Provider, ProviderError};

use crate::provider::support::{
    BASE, PEOPLE, assert_proven, now, read, reader, rfc2307, server, settings, simple, url,
};

const DEAD: &str = "ldap://127.0.0.1:1";

fn both(first: &str, second: &FaultServer) -> LdapSettings {
    let mut settings = settings(first);
    settings.urls.push(url(&second.url()));
    settings
}

async fn go(settings: LdapSettings) -> Result<Directory, ProviderError> {
    let (bind, _file) = reader();
    read(LdapSettings { bind, ..settings }, rfc2307(BASE), &[]).await
}

#[tokio::test]
async fn the_next_server_is_tried_when_one_is_dead_busy_or_not_to_be_trusted() {
    let good = server(3, |script| script).await;
    let busy = server(3, |script| script.with(Fault::BindResult(51))).await;
    let silent = server(3, |script| script.with(Fault::NeverAnswer)).await;
    let expired = server(3, |script| script.over(Tls::Ldaps(Certificate::Expired))).await;
    for first in [DEAD.to_owned(), busy.url(), silent.url(), expired.url()] {
        let mut settings = both(&first, &good);
        settings.trust = Trust::Pin([0; 32]);
        settings.connect_timeout = std::time::Duration::from_secs(2);
        let directory = go(settings).await.unwrap();
        assert_eq!(directory.accounts.source().name, good.url());
    }
}

fn end(code: u32) -> Fault {
    Fault::End {
        at: At::entries(1),
        code,
        cookie: false,
    }
}

#[tokio::test]
async fn the_next_server_is_tried_when_one_lets_us_in_and_cannot_search() {
    let good = server(3, |script| script).await;
    let unavailable = end(52);
    let notice = Fault::Disconnection(At::START);
    for fault in [end(51), unavailable, Fault::Cut(At::entries(1)), notice] {
        // It has one person more, who would be here if anything of it were kept.
        let sick = server(4, |script| script.with(fault.clone())).await;
        let directory = go(both(&sick.url(), &good)).await.unwrap();
        assert_eq!(sick.binds(), 1, "{fault:?}");
        assert_eq!(directory.accounts.source().name, good.url());
        assert_eq!(directory.accounts.len(), 3, "{fault:?}");
        assert_proven(&directory);
    }
}

#[tokio::test]
async fn when_no_server_can_search_each_tells_why() {
    let busy = server(3, |script| script.with(end(51))).await;
    let cut = server(3, |script| script.with(Fault::Cut(At::START))).await;
    let error = go(both(&busy.url(), &cut)).await.expect_err("none");
    let told = error.to_string();
    for part in [
        &busy.url(),
        "result 51",
        &cut.url(),
        "closed the connection",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[tokio::test]
async fn the_deadline_is_for_all_servers_together() {
    let silent = server(3, |script| script.with(Fault::Silence(At::entries(1)))).await;
    let good = server(3, |script| script).await;
    let mut settings = both(&silent.url(), &good);
    settings.read_deadline = std::time::Duration::from_millis(700);
    let error = go(settings).await.expect_err("late");
    let ProviderError::Deadline { url, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((url, good.connections()), (&silent.url(), 0));
}

#[tokio::test]
async fn a_wrong_password_ends_it_there() {
    let first = server(3, |script| script).await;
    let second = server(3, |script| script).await;
    let mut settings = both(&first.url(), &second);
    let (bind, _file) = simple(&format!("cn=reader,{BASE}"), "of last year");
    settings.bind = bind;
    let error = read(settings, rfc2307(BASE), &[])
        .await
        .expect_err("refused");
    let ProviderError::WrongPassword { url, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*url, first.url());
    assert_eq!((first.binds(), second.binds()), (1, 0), "one attempt, ever");
    assert!(!error.to_string().contains("of last year"));
}

#[tokio::test]
async fn a_bind_that_no_server_would_accept_is_explained_and_not_tried_on() {
    for (code, words) in [
        (8, "use an ldaps:// address, or start-tls = true"),
        (13, "use an ldaps:// address, or start-tls = true"),
        (53, "does not accept this bind"),
        (48, "set bind-dn"),
    ] {
        let first = server(3, |script| script.with(Fault::BindResult(code))).await;
        let second = server(3, |script| script).await;
        let error = go(both(&first.url(), &second)).await.expect_err("refused");
        assert!(matches!(&error, ProviderError::Bind { code: c, .. } if *c == code));
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(second.connections(), 0);
    }
}

#[tokio::test]
async fn when_all_fail_all_are_named() {
    let busy = server(3, |script| script.with(Fault::BindResult(52))).await;
    let error = go(both(DEAD, &busy)).await.expect_err("none");
    assert!(matches!(error, ProviderError::Unreachable(_)), "{error}");
    assert!(error.to_string().contains(DEAD), "{error}");
    assert!(error.to_string().contains(&busy.url()), "{error}");
    let alone = settings(DEAD);
    let error = go(alone).await.expect_err("none");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn who_must_bind_first_is_told_so() {
    let server = server(3, |mut script| {
        script.anonymous = false;
        script
    })
    .await;
    let error = read(settings(&server.url()), rfc2307(BASE), &[])
        .await
        .expect_err("refused");
    assert!(error.to_string().contains("set bind-dn"), "{error}");
}

/// A server of a replicated directory with so many people, that has heard of changes until then.
async fn replica(people: u32, last_change: &str) -> FaultServer {
    let stamp = format!("{last_change}.000000Z#000000#001#000000");
    let top = Entry::new(BASE)
        .with("objectClass", "organization")
        .with_operational("contextCSN", stamp);
    let mut entries = vec![top];
    entries.extend(Entry::posix_people(people, PEOPLE));
    FaultServer::start(Script::new(BASE, entries))
        .await
        .unwrap()
}

async fn go_on(settings: LdapSettings, last: &Directory) -> Result<Directory, ProviderError> {
    let ask = Ask {
        heard: last.accounts.source().progress.clone(),
        ..Ask::about(BTreeSet::new(), now())
    };
    let mut provider = LdapProvider::new(settings, rfc2307(BASE), Vec::new());
    let Reading::Full(directory) = provider.read(&ask).await?;
    Ok(directory)
}

/// Who was locked a minute ago is not let in again because the first server is away for a while.
#[tokio::test]
async fn a_replica_that_is_behind_what_another_told_is_not_read() {
    let current = replica(3, "20251231230000").await;
    let old = replica(4, "20251231225500").await;
    let newer = replica(5, "20251231231000").await;
    let before = read(settings(&old.url()), rfc2307(BASE), &[])
        .await
        .unwrap();
    let first = go_on(settings(&current.url()), &before).await.unwrap();
    assert!(!first.accounts.source().progress.is_empty());
    let error = go_on(settings(&old.url()), &first)
        .await
        .expect_err("not read");
    assert!(matches!(error, ProviderError::Behind { .. }), "{error}");
    assert!(error.to_string().contains(&old.url()), "{error}");
    for next in [&current, &newer] {
        let directory = go_on(both(&old.url(), next), &first).await.unwrap();
        assert_eq!(directory.accounts.source().name, next.url());
        assert_proven(&directory);
    }
    // Without a word of it nothing is known, and nothing is asked for.
    let silent = server(6, |script| script).await;
    let directory = go_on(settings(&silent.url()), &first).await.unwrap();
    assert_eq!(directory.accounts.source().progress, BTreeMap::new());
}

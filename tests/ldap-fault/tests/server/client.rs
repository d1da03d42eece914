//! A client that shows what a server said, errors included.

use std::time::Duration;

use ldap_fault::{Entry, FaultServer, Script};
use ldap3::controls::{ControlType, MakeCritical, PagedResults};
use ldap3::{Ldap, LdapConnAsync, LdapError, LdapResult, Scope, SearchEntry};

pub const BASE: &str = "dc=directory,dc=nh";
pub const PEOPLE: &str = "ou=People,dc=directory,dc=nh";
pub const EVERYBODY: &str = "(objectClass=posixAccount)";

/// One page as it came.
pub struct Page {
    pub entries: Vec<SearchEntry>,
    /// Its `refs` are continuation references too: the library puts them there.
    pub result: LdapResult,
    /// `None`: no paging control came.
    pub cookie: Option<Vec<u8>>,
}

/// A server with so many people.
pub async fn server(people: u32, change: impl FnOnce(Script) -> Script) -> FaultServer {
    let script = Script::new(BASE, Entry::posix_people(people, PEOPLE));
    FaultServer::start(change(script)).await.unwrap()
}

pub async fn connect(server: &FaultServer) -> Ldap {
    let (connection, mut ldap) = LdapConnAsync::new(&server.url()).await.unwrap();
    ldap3::drive!(connection);
    ldap.with_timeout(Duration::from_secs(5));
    ldap
}

/// A search without paging.
pub async fn search(
    ldap: &mut Ldap,
    base: &str,
    scope: Scope,
    filter: &str,
    attributes: &[&str],
) -> Result<Page, LdapError> {
    ldap.with_timeout(Duration::from_secs(2));
    gather(
        ldap.search(base, scope, filter, attributes.to_vec())
            .await?,
    )
}

/// One page of everybody below the base.
pub async fn page(ldap: &mut Ldap, size: i32, cookie: Vec<u8>) -> Result<Page, LdapError> {
    let control = PagedResults { size, cookie }.critical();
    ldap.with_controls(control)
        .with_timeout(Duration::from_secs(2));
    gather(
        ldap.search(BASE, Scope::Subtree, EVERYBODY, vec!["uid"])
            .await?,
    )
}

fn gather(found: ldap3::SearchResult) -> Result<Page, LdapError> {
    let ldap3::SearchResult(entries, result) = found;
    let cookie = result.ctrls.iter().find_map(|control| match control {
        ldap3::controls::Control(Some(ControlType::PagedResults), raw) => {
            Some(raw.parse::<PagedResults>().cookie)
        }
        _ => None,
    });
    Ok(Page {
        entries: entries.into_iter().map(SearchEntry::construct).collect(),
        result,
        cookie,
    })
}

//! What the command `check` shows of a directory: facts, and what to do.

use std::collections::BTreeSet;

use tokio::time::{Instant, timeout_at};

use super::connect::TlsFacts;
use super::connector::{Connector, is_final};
use super::paging::trees;
use super::peer::PeerUser;
use super::read::read_over;
use super::root::{self, RootDse};
use super::schema::{attributes_in, known_attributes};
use super::session::Session;
use super::source::LdapSource;
use crate::config::{Bind, EmailSource, LdapUrl, Mapping, Trust};
use crate::model::{Directory, Gap};
use crate::provider::mapping::{person_attributes, wanted_group_attributes};
use crate::provider::{Ask, ProviderError};

/// What is known of the servers and of what they hold.
#[derive(Debug)]
pub struct Inspection {
    /// Every address that was tried, in order, with the facts about its server.
    pub servers: Vec<(LdapUrl, Result<LdapServerFacts, ProviderError>)>,
    /// A complete reading of the first server that accepted us; `None` when none did. It contains
    /// numbers, shares of attributes, gaps and lock states.
    pub reading: Option<Result<Directory, ProviderError>>,
    /// What an administrator should do, one or two sentences each, the most important first.
    pub advice: Vec<String>,
}

/// One server that accepted us.
#[derive(Clone, Debug)]
pub struct LdapServerFacts {
    /// The TLS session; `None` without TLS.
    pub tls: Option<TlsFacts>,
    /// The maker of the server, if it names one.
    pub vendor: Option<String>,
    /// Our name on the server (RFC 4532): empty for anonymous, `None` if it does not say.
    pub bound_as: Option<String>,
    /// The Unix user as whom we are bound, where the server takes us for that: `root`, or
    /// `mattersync, who is not root`.
    pub peer: Option<String>,
    /// The tree that contains the base, in which missing accounts are looked up.
    pub naming_context: Option<String>,
    /// All trees that the server says to hold.
    pub naming_contexts: Vec<String>,
    /// Whether the base exists and may be seen.
    pub base_exists: bool,
    /// Whether the server pages; `None` if it does not say.
    pub paging: Option<bool>,
    /// Attributes of the filters that its schema does not know, so that they find nobody.
    pub unknown_in_filters: BTreeSet<String>,
    /// Attributes of the mapping that its schema does not know, so that nobody has them.
    pub unknown_in_mapping: BTreeSet<String>,
}

/// Asks every server, and reads the first.
pub(super) async fn inspect(source: &LdapSource, ask: Ask) -> Result<Inspection, ProviderError> {
    let connector = Connector::new(&source.settings)?;
    let mut inspection = Inspection {
        servers: Vec::new(),
        reading: None,
        advice: Vec::new(),
    };
    for url in &source.settings.urls {
        let deadline = Instant::now() + source.settings.read_deadline;
        let late = || ProviderError::Deadline {
            url: url.to_string(),
            deadline: source.settings.read_deadline,
        };
        let mut session = match connector.open(url, deadline).await {
            Ok(session) => session,
            Err(error) => {
                let stop = is_final(&error);
                inspection.servers.push((url.clone(), Err(error)));
                if stop {
                    break;
                }
                continue;
            }
        };
        let facts = timeout_at(deadline, facts(&mut session, source)).await;
        let facts = facts.unwrap_or_else(|_| Err(late()));
        if facts.is_ok() && inspection.reading.is_none() {
            let read = read_over(&mut session, source, &ask, deadline).await;
            inspection.reading = Some(read.unwrap_or_else(|_| Err(late())));
        }
        session.close().await;
        inspection.servers.push((url.clone(), facts));
    }
    inspection.advice = advice(source, &inspection);
    Ok(inspection)
}

async fn facts(
    session: &mut Session,
    source: &LdapSource,
) -> Result<LdapServerFacts, ProviderError> {
    let mapping = &source.mapping;
    let root = RootDse::read(session).await?;
    let bound_as = session.who_am_i().await?;
    // "1.1" asks for no attribute (RFC 4511, 4.5.1.8).
    let base = root::read_entry(session, &mapping.base, &["1.1"]).await?;
    let known = known_attributes(session, &root).await?;
    let unknown = |names: BTreeSet<String>| match &known {
        Some(known) => names.difference(known).cloned().collect(),
        None => BTreeSet::new(),
    };
    let filters = [&mapping.filter, &mapping.group_filter];
    let in_filters = filters.into_iter().flat_map(|filter| attributes_in(filter));
    let mut in_mapping = person_attributes(mapping);
    if !mapping.group_filter.is_empty() {
        in_mapping.extend(wanted_group_attributes(mapping));
    }
    Ok(LdapServerFacts {
        tls: session.tls().cloned(),
        vendor: root.vendor.clone(),
        bound_as,
        peer: PeerUser::of(&source.settings).map(|peer| peer.to_string()),
        naming_contexts: root.naming_contexts.clone(),
        naming_context: root.context_of(&mapping.base).map(str::to_owned),
        base_exists: base.is_some(),
        paging: root.paging,
        unknown_in_filters: unknown(in_filters.collect()),
        unknown_in_mapping: unknown(in_mapping),
    })
}

fn advice(source: &LdapSource, inspection: &Inspection) -> Vec<String> {
    let mut advice = Vec::new();
    for (url, facts) in &inspection.servers {
        if let Ok(facts) = facts {
            advice.extend(about_server(source, url, facts));
        }
    }
    if let Some(Ok(directory)) = &inspection.reading {
        let facts = inspection.servers.iter().find_map(|(_, f)| f.as_ref().ok());
        advice.extend(about_reading(source, facts, directory));
    }
    advice
}

fn about_server(source: &LdapSource, url: &LdapUrl, facts: &LdapServerFacts) -> Vec<String> {
    let mapping = &source.mapping;
    let mut advice = Vec::new();
    if !facts.base_exists {
        advice.push(format!(
            "{url}: the base {} does not exist, or the account that we bind with may not see it; {}",
            mapping.base,
            trees(&mapping.base, &facts.naming_contexts)
        ));
    }
    if !facts.unknown_in_filters.is_empty() {
        advice.push(format!(
            "{url}: the filters ask for {}, which this server does not know, so they find nobody \
             by it: correct filter or group-filter",
            list(&facts.unknown_in_filters)
        ));
    }
    let needed: BTreeSet<_> = needed(mapping)
        .intersection(&facts.unknown_in_mapping)
        .cloned()
        .collect();
    if !needed.is_empty() {
        advice.push(format!(
            "{url}: this server does not know {}, so nobody has a value there: correct id, \
             username or email",
            list(&needed)
        ));
    }
    match (&facts.tls, &source.settings.trust) {
        (None, _) if !source.settings.is_private(url) => advice.push(format!(
            "{url}: everything, also the password, goes over the network in plain text: use an \
             ldaps:// address, or start-tls = true"
        )),
        (Some(tls), Trust::DangerAny) => advice.push(format!(
            "{url}: any certificate is accepted, so anybody in between can read the password: \
             set certificate-sha256 = \"{}\"",
            tls.pin
        )),
        _ => (),
    }
    // Of a base that does not exist all is said.
    if facts.naming_context.is_none() && (facts.base_exists || facts.naming_contexts.is_empty()) {
        let why = if facts.naming_contexts.is_empty() {
            "the server does not say which trees it holds"
        } else {
            "none of the trees that the server tells of contains the base"
        };
        let what_to_do = if facts.naming_contexts.is_empty() {
            "let the account that we bind with read namingContexts of the root DSE".to_owned()
        } else {
            format!(
                "name a base within one of them ({})",
                facts.naming_contexts.join("; ")
            )
        };
        advice.push(format!(
            "{url}: {why}, so nobody who is missing can be looked up, and nobody missing is ever \
             deactivated: {what_to_do}"
        ));
    }
    if facts.paging == Some(false) {
        advice.push(format!(
            "{url}: the server cannot page; a reading of exactly 500, 1,000 or 1,500 accounts \
             counts as complete only if asking for them in two halves finds as many"
        ));
    }
    advice
}

/// Returns the attributes without which there are no accounts; others exist only on some servers.
fn needed(mapping: &Mapping) -> BTreeSet<String> {
    let email = mapping.email.iter().filter_map(|source| match source {
        EmailSource::Attribute(name) => Some(name.clone()),
        EmailSource::Template(_) => None,
    });
    email
        .chain([mapping.id.name.clone(), mapping.username.clone()])
        .collect()
}

fn about_reading(
    source: &LdapSource,
    facts: Option<&LdapServerFacts>,
    directory: &Directory,
) -> Vec<String> {
    let mut advice = Vec::new();
    for gap in directory.accounts.gaps() {
        advice.push(match gap {
            Gap::ResultCode { code: 4, .. } => size_limit(source, facts, directory),
            gap => format!("the reading is not complete, so nobody is deactivated: {gap}"),
        });
    }
    let all = directory.accounts.len();
    let shown = &directory.shape.attributes;
    let locks = source.mapping.locks.iter();
    let unseen: BTreeSet<_> = locks
        .filter(|rule| shown.get(&rule.attribute_key()).is_none_or(|n| *n < all))
        .map(|rule| rule.attribute().to_owned())
        .collect();
    // Where every account has a value, one that nobody understands is no matter of rights.
    if directory.state_unknown > 0 && !unseen.is_empty() {
        advice.push(format!(
            "to see who is locked, let the account that we bind with read {}, as far as this \
             server uses it; {}",
            list(&unseen),
            on_nethserver_7(PeerUser::of(&source.settings).as_ref())
        ));
    }
    for gap in directory.groups.gaps() {
        if *gap != Gap::NotRead {
            advice.push(format!("the groups are not complete: {gap}"));
        }
    }
    advice
}

/// Returns what a NethServer 7 needs, of which only root sees the locks, where `peer` binds over the
/// server's socket, or nobody does.
fn on_nethserver_7(peer: Option<&PeerUser>) -> String {
    match peer {
        Some(peer) if peer.is_root => {
            "you bind as root, and even root does not see it there".to_owned()
        }
        Some(peer) => format!(
            "you bind as {peer}, and of a NethServer 7 only root sees it. Let the service run as \
             root, with its drop-in 40-nethserver7-root.conf: the README says how, under \
             \"NethServer 7\""
        ),
        None => "on NethServer 7 the lock is in userPassword, which only root sees, over the socket \
                 of the same machine: urls = [\"ldapi:///var/run/ldapi\"], bind = \"external\", and \
                 the service as root, with its drop-in 40-nethserver7-root.conf: the README says \
                 how, under \"NethServer 7\""
            .to_owned(),
    }
}

/// Returns what to do about a size limit, which slapd applies over all pages (slapd.conf(5)).
fn size_limit(
    source: &LdapSource,
    facts: Option<&LdapServerFacts>,
    directory: &Directory,
) -> String {
    let said = format!(
        "the server stops after {} accounts, so nobody is deactivated: lift its size limit for \
         the account that we bind with",
        directory.accounts.len()
    );
    let is_openldap = facts.is_some_and(|facts| facts.vendor.as_deref() == Some("OpenLDAP"));
    match &source.settings.bind {
        Bind::Simple { dn, .. } if is_openldap => format!(
            "{said}; on OpenLDAP add to the database in cn=config \
             (olcDatabase={{1}}mdb,cn=config or hdb): \
             olcLimits: dn.exact=\"{dn}\" size=unlimited time=unlimited"
        ),
        _ => said,
    }
}

fn list(names: &BTreeSet<String>) -> String {
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_binds_over_the_socket_is_not_sent_round_in_a_circle() {
        let of = |name: &str, is_root| PeerUser {
            name: name.to_owned(),
            is_root,
        };
        let service = on_nethserver_7(Some(&of("mattersync", false)));
        assert!(
            service.starts_with("you bind as mattersync, who is not root, and"),
            "{service}"
        );
        assert!(service.contains("40-nethserver7-root.conf") && !service.contains("ldapi:"));
        assert!(!on_nethserver_7(Some(&of("root", true))).contains("drop-in"));
        let elsewhere = on_nethserver_7(None);
        for words in [
            "ldapi:///var/run/ldapi",
            "external",
            "40-nethserver7-root.conf",
        ] {
            assert!(elsewhere.contains(words), "{elsewhere}");
        }
    }
}

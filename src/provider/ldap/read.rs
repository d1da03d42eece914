//! One reading of a directory: asks servers until one can be read, and closes the connection.

use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

use super::connector::{Connector, all_failed, is_final};
use super::empty_groups::empty_groups;
use super::entry::TooLarge;
use super::halves::Halves;
use super::lookup::{LookupContext, LookupResults, ask_again, look_up};
use super::paging::{Subtree, list};
use super::rights::absence_shows;
use super::root::{self, RootDse, texts};
use super::session::{LARGEST_ENTRY, LARGEST_PERSON, Session};
use super::source::LdapSource;
use super::stamps::stamps;
use crate::config::{LdapUrl, Mapping};
use crate::model::{
    AccountState, Directory, DirectoryId, Entry, Gap, GroupId, Lookup, Proof, SourceIdentity,
};
use crate::plan::behind;
use crate::provider::mapping::{
    Assembler, group_id_of, id_of, is_suspect_count, new_id_of, wanted_attributes,
    wanted_group_attributes,
};
use crate::provider::{Ask, ProviderError};

/// Reads everything once: asks the servers in order until one accepts us and can be read. What a
/// server returned before it failed is forgotten.
///
/// # Errors
/// A wrong password at once, so that further attempts do not lock the account; the deadline of the
/// whole reading; otherwise, when all servers failed, the errors of all of them.
pub(super) async fn read(source: &LdapSource, ask: &Ask) -> Result<Directory, ProviderError> {
    let settings = &source.settings;
    let deadline = Instant::now() + settings.read_deadline;
    let connector = Connector::new(settings)?;
    let mut failures = Vec::new();
    for url in &settings.urls {
        match read_from(&connector, url, source, ask, deadline).await {
            Ok(directory) => return Ok(directory),
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => failures.push(error),
        }
    }
    Err(all_failed(failures))
}

/// Reads everything from one server.
async fn read_from(
    connector: &Connector<'_>,
    url: &LdapUrl,
    source: &LdapSource,
    ask: &Ask,
    deadline: Instant,
) -> Result<Directory, ProviderError> {
    let mut session = connector.open(url, deadline).await?;
    session.report_to(&ask.progress);
    let read = read_over(&mut session, source, ask, deadline).await;
    session.close().await;
    read.unwrap_or_else(|_| {
        Err(ProviderError::Deadline {
            url: url.to_string(),
            deadline: source.settings.read_deadline,
        })
    })
}

/// Reads everything over an open session; the outer error is the deadline.
pub(super) async fn read_over(
    session: &mut Session,
    source: &LdapSource,
    ask: &Ask,
    deadline: Instant,
) -> Result<Result<Directory, ProviderError>, Elapsed> {
    let reading = DirectoryReading {
        source,
        ask,
        deadline,
        assembler: Assembler::new(&source.mapping, &ask.now).asked_by_id(),
        witness: None,
    };
    reading.read(session).await
}

struct DirectoryReading<'a> {
    source: &'a LdapSource,
    ask: &'a Ask,
    deadline: Instant,
    assembler: Assembler<'a>,
    witness: Option<DirectoryId>,
}

/// What is known before the groups are read.
struct People {
    identity: SourceIdentity,
    gaps: Vec<Gap>,
    said: LookupResults,
}

impl DirectoryReading<'_> {
    async fn read(
        mut self,
        session: &mut Session,
    ) -> Result<Result<Directory, ProviderError>, Elapsed> {
        let people = timeout_at(self.deadline, self.people(session)).await?;
        let (root, people) = match people {
            Ok(people) => people,
            Err(error) => return Ok(Err(error)),
        };
        let groups = timeout_at(self.deadline, self.groups(session, &root)).await;
        let groups = groups.unwrap_or_else(|_| {
            let what = "the groups; the deadline of the reading came before their end";
            vec![Gap::Range(what.into())]
        });
        let proof = Proof {
            at: self.ask.now.wall,
            source: session.url().to_owned(),
            entries: 0,
            lookup: None,
        };
        let mut directory = self.assembler.finish(
            absence(people.gaps, &proof),
            absence(groups, &proof),
            people.identity,
            &self.source.sentinels,
        );
        for (id, said) in people.said {
            directory.accounts.add_lookup(id, said);
        }
        Ok(Ok(directory))
    }

    /// Reads the accounts, and looks up those that are missing.
    async fn people(&mut self, session: &mut Session) -> Result<(RootDse, People), ProviderError> {
        let root = RootDse::read(session).await?;
        let base = &self.source.mapping.base;
        let identity = identity(session, &root, &self.source.mapping).await?;
        let at = self.ask.now.wall;
        if let Some(behind) = behind(&self.ask.heard, &identity.progress, at) {
            return Err(ProviderError::Behind {
                url: session.url().to_owned(),
                from: behind.from,
                to: behind.to,
            });
        }
        let (gaps, locked) = self.accounts(session, &root).await?;
        self.locks(session).await;
        let missing = self.assembler.missing(&self.ask.known);
        let context = LookupContext {
            mapping: &self.source.mapping,
            now: &self.ask.now,
            context: root.context_of(base),
            witness: self.witness.as_ref(),
        };
        let mut said = look_up(session, &context, &missing).await;
        said.extend(locked);
        Ok((
            root,
            People {
                identity,
                gaps,
                said,
            },
        ))
    }

    async fn accounts(
        &mut self,
        session: &mut Session,
        root: &RootDse,
    ) -> Result<(Vec<Gap>, LookupResults), ProviderError> {
        let mapping = &self.source.mapping;
        let attributes: Vec<_> = wanted_attributes(mapping).into_iter().collect();
        let what = Subtree {
            base: &mapping.base,
            filter: &mapping.filter,
            attributes: &attributes,
            page_size: self.page_size(root),
            largest: LARGEST_PERSON,
            trees: &root.naming_contexts,
        };
        let (assembler, witness) = (&mut self.assembler, &mut self.witness);
        let mut halves = Halves::by(&mapping.username);
        let listing = list(session, &what, &mut |entry| {
            if witness.is_none() {
                *witness = id_of(&entry, mapping).ok();
            }
            halves.note(&entry);
            assembler.account(entry);
        })
        .await?;
        // A server that cuts silently would cut the halves elsewhere, or not at all.
        let suspect = listing.gaps.is_empty() && is_suspect_count(listing.entries);
        let mut gaps = listing.gaps;
        if suspect && !halves.agree(session, &what, listing.entries).await {
            gaps.push(Gap::SuspectCount(listing.entries));
        }
        let locked = self.too_large(session, &listing.too_large).await?;
        Ok((gaps, locked))
    }

    /// Adds people whose entries were too large: they are there, and cannot be used. Only the
    /// server's answer tells which of them are locked, so that nobody stays active by making their
    /// entry larger.
    async fn too_large(
        &mut self,
        session: &mut Session,
        entries: &[TooLarge],
    ) -> Result<LookupResults, ProviderError> {
        let mapping = &self.source.mapping;
        let mut said = LookupResults::new();
        for entry in entries {
            let again = ask_again(session, mapping, &entry.dn).await?;
            let id = again.as_ref().and_then(|again| id_of(again, mapping).ok());
            if let (Some(again), Some(id)) = (&again, &id) {
                let state = self.assembler.state_of(again);
                if matches!(state, AccountState::Locked { .. }) {
                    let dn = entry.dn.clone();
                    let new_id = new_id_of(again, mapping);
                    let found = Lookup::Elsewhere { dn, state, new_id };
                    said.insert(id.clone(), Ok(found));
                }
            }
            let (name, why) = refused(entry, LARGEST_PERSON);
            self.assembler.reject_account(id, name, why);
        }
        Ok(said)
    }

    /// If nobody is locked, finds out whether a lock could be seen.
    async fn locks(&mut self, session: &mut Session) {
        for rule in self.assembler.unshown() {
            if absence_shows(session, &self.source.mapping, &rule).await {
                self.assembler.readable(rule);
            } else {
                self.assembler.hidden(rule);
            }
        }
    }

    /// Reads the groups. Whatever happens here leaves the accounts as they are.
    async fn groups(&mut self, session: &mut Session, root: &RootDse) -> Vec<Gap> {
        let mapping = &self.source.mapping;
        if mapping.group_filter.is_empty() {
            return vec![Gap::NotRead];
        }
        let attributes: Vec<_> = wanted_group_attributes(mapping).into_iter().collect();
        let what = Subtree {
            base: &mapping.group_base,
            filter: &mapping.group_filter,
            attributes: &attributes,
            page_size: self.page_size(root),
            largest: LARGEST_ENTRY,
            trees: &root.naming_contexts,
        };
        let assembler = &mut self.assembler;
        let take = &mut |entry| {
            assembler.group(entry);
        };
        let listing = list(session, &what, take).await;
        for entry in listing.iter().flat_map(|listing| &listing.too_large) {
            let (name, why) = refused(entry, LARGEST_ENTRY);
            let id = group_id(session, mapping, &entry.dn).await;
            assembler.reject_group(id, name, why);
        }
        let silent = assembler.silent_groups();
        if listing.is_ok() && !silent.is_empty() {
            let empty = empty_groups(session, root, mapping, what.page_size, silent).await;
            assembler.empty_groups(&empty);
        }
        match listing {
            Ok(listing) if !listing.paged && is_suspect_count(listing.entries) => {
                let suspect = Gap::SuspectCount(listing.entries);
                listing.gaps.into_iter().chain([suspect]).collect()
            }
            Ok(listing) => listing.gaps,
            Err(error) => vec![Gap::Range(error.to_string())],
        }
    }

    fn page_size(&self, root: &RootDse) -> Option<u32> {
        (root.paging != Some(false)).then_some(self.source.settings.page_size)
    }
}

/// Returns the name of a skipped entry, and why it cannot be used.
fn refused(entry: &TooLarge, largest: usize) -> (String, String) {
    let name = match entry.dn.as_str() {
        "" => "an entry whose DN could not be read",
        dn => dn,
    };
    let why = format!(
        "the server's answer for it is too large: {} octets, where at most {largest} are read; \
         remove the values of it that are too many or too long",
        entry.octets
    );
    (name.to_owned(), why)
}

/// Returns the id of a skipped group, if the server tells it.
async fn group_id(session: &mut Session, mapping: &Mapping, dn: &str) -> Option<GroupId> {
    if dn.is_empty() {
        return None;
    }
    let asked = root::read_entry(session, dn, &[&mapping.group_id.name]).await;
    let entry = asked.ok().flatten()?;
    group_id_of(&entry, mapping).ok()
}

fn absence(gaps: Vec<Gap>, proof: &Proof) -> Result<Proof, Vec<Gap>> {
    if gaps.is_empty() {
        Ok(proof.clone())
    } else {
        Err(gaps)
    }
}

/// Returns an entry's own id, `entryUUID` as text or `objectGUID` in hex: only equality matters.
fn own_id(entry: &Entry) -> Option<String> {
    let guid = entry.values("objectguid").first();
    let hex = |bytes: &Vec<u8>| bytes.iter().map(|b| format!("{b:02x}")).collect();
    texts(entry, "entryuuid").pop().or_else(|| guid.map(hex))
}

/// Returns which directory it is: the address, the tree, the attribute of the ids, and the id of
/// the tree's root.
async fn identity(
    session: &mut Session,
    root: &RootDse,
    mapping: &Mapping,
) -> Result<SourceIdentity, ProviderError> {
    let base = &mapping.base;
    let context = root.context_of(base);
    // The id of the tree's root is the same on every replica and every domain controller, and
    // differs between directories.
    let entry = match context {
        Some(context) => {
            root::read_entry(session, context, &["entryUUID", "objectGUID", "contextCSN"]).await?
        }
        None => None,
    };
    Ok(SourceIdentity {
        name: session.url().to_owned(),
        context: context.unwrap_or(base).to_owned(),
        ids: Some(mapping.id.clone()),
        server: entry.as_ref().and_then(own_id),
        progress: stamps(session.url(), root, entry.as_ref()),
        went_back: None,
    })
}

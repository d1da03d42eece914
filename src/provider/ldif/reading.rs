//! One reading of one file, and what it proves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::Mapping;
use crate::config::trusted::{self, FileError};
use crate::model::{Directory, DirectoryId, Entry, Gap, Lookup, Proof, SourceIdentity};
use crate::provider::mapping::{
    Assembler, dn, id_context, id_of, is_suspect_count, may_be_empty, wanted_attributes,
    wanted_group_attributes,
};
use crate::provider::{Ask, ProviderError};

use super::What;
use super::filter::Filter;
use super::records::{Bad, Item, Records};

/// More records than this that cannot be understood: the file is no LDIF.
const MAX_BAD: usize = 1000;

/// What the last entry of a file lacks that may have been cut.
const CUT: &str = "it does not end with an empty line after its last entry: it may have been cut; \
    programs that write LDIF end each entry with one. If it is whole, add an empty line at the end";

/// Reads the file. Blocks; returns early, with an error, when `given_up` becomes true.
pub(super) fn read(
    what: &What,
    ask: &Ask,
    given_up: &AtomicBool,
) -> Result<Directory, ProviderError> {
    let fail = |text: String| ProviderError::File {
        path: what.path.display().to_string(),
        what: text,
    };
    let scope = Scope::new(&what.mapping).map_err(fail)?;
    let (file, before) = open(&what.path).map_err(fail)?;
    let mut records = Records::new(BufReader::new(Watched { file, given_up }), &scope.wanted);
    let mut pass = Pass::new(what, ask, &scope);
    while let Some(item) = records
        .next()
        .map_err(|e| fail(format!("reading failed: {e}")))?
    {
        pass.take(item, records.closed()).map_err(fail)?;
    }
    pass.end(&records, &before, &what.path).map_err(fail)
}

/// A file whose reading can be given up at any time.
struct Watched<'a> {
    file: File,
    given_up: &'a AtomicBool,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given_up.load(Ordering::Relaxed) {
            return Err(io::Error::other("it was given up"));
        }
        self.file.read(buffer)
    }
}

/// Opens a regular file that nobody else could have written: a pipe or a device could block for
/// ever, or never end.
fn open(path: &Path) -> Result<(File, Metadata), String> {
    let tell = |error: FileError| match &error {
        FileError::Unreadable(io) => match io.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "we have no right to read it".to_owned(),
            _ => format!("it cannot be opened: {io}"),
        },
        FileError::NotAFile => error.to_string(),
        error => format!("{error}; {}", error.remedy()),
    };
    let file = trusted::open(path).map_err(tell)?;
    let metadata = file.metadata().map_err(|e| tell(e.into()))?;
    Ok((file, metadata))
}

/// Which entries are accounts, and which are groups.
struct Scope {
    base: String,
    filter: Filter,
    group_base: String,
    /// `None` when groups are not to be read.
    group_filter: Option<Filter>,
    wanted: BTreeSet<String>,
    lock_attributes: BTreeSet<String>,
}

impl Scope {
    fn new(mapping: &Mapping) -> Result<Self, String> {
        let parse = |filter: &str| {
            Filter::parse(filter)
                .map_err(|e| format!("the filter {filter} cannot be applied to a file: {e}"))
        };
        let filter = parse(&mapping.filter)?;
        let mut wanted = wanted_attributes(mapping);
        wanted.extend(filter.attributes());
        let mut group_filter = None;
        if !mapping.group_filter.trim().is_empty() {
            let filter = parse(&mapping.group_filter)?;
            wanted.extend(wanted_group_attributes(mapping));
            wanted.insert("objectclass".to_owned());
            wanted.extend(filter.attributes());
            group_filter = Some(filter);
        }
        Ok(Self {
            base: dn::normalise(&mapping.base),
            filter,
            group_base: dn::normalise(&mapping.group_base),
            group_filter,
            wanted,
            lock_attributes: mapping
                .locks
                .iter()
                .map(|rule| rule.attribute_key())
                .collect(),
        })
    }
}

/// What is known while the file passes by.
struct Pass<'a> {
    what: &'a What,
    ask: &'a Ask,
    scope: &'a Scope,
    assembler: Assembler<'a>,
    /// Known accounts that are in the file and out of scope, with what their state depends on.
    elsewhere: BTreeMap<DirectoryId, Entry>,
    gaps: Vec<Gap>,
    first_bad: Option<String>,
    bad: usize,
    entries: u64,
    entries_counted: u64,
    below_base: usize,
    /// Groups that need no member, by DN in normal form. Whether a file hides the members of
    /// others nobody can tell.
    may_be_empty: BTreeSet<String>,
    selected: usize,
    with_id: usize,
    more_pages: bool,
    /// Whether the file says that the search that wrote it succeeded.
    succeeded: bool,
}

impl<'a> Pass<'a> {
    fn new(what: &'a What, ask: &'a Ask, scope: &'a Scope) -> Self {
        Self {
            what,
            ask,
            scope,
            assembler: Assembler::new(&what.mapping, &ask.now),
            elsewhere: BTreeMap::new(),
            gaps: Vec::new(),
            first_bad: None,
            bad: 0,
            entries: 0,
            entries_counted: 0,
            below_base: 0,
            may_be_empty: BTreeSet::new(),
            selected: 0,
            with_id: 0,
            more_pages: false,
            succeeded: false,
        }
    }

    /// An item, which is `closed` unless the file may end inside it.
    fn take(&mut self, item: Item, closed: bool) -> Result<(), String> {
        match item {
            Item::Entry(entry) => self.entry(entry, closed),
            Item::Bad(bad) => return self.bad(bad),
            Item::Referral(address) if hides_no_people(&address) => {}
            Item::Referral(address) => self.gaps.push(Gap::Referral(address)),
            Item::Result { code: 0, .. } => self.succeeded = true,
            Item::Result { code, message } => self.gaps.push(Gap::ResultCode { code, message }),
            Item::Count(count) => self.count(count),
            Item::Cookie { more } => self.more_pages = more,
        }
        Ok(())
    }

    fn entry(&mut self, entry: Entry, closed: bool) {
        self.entries += 1;
        let name = dn::normalise(&entry.dn);
        let mapping = &self.what.mapping;
        let has_id = entry.values(&mapping.id.name).iter().any(|v| !v.is_empty());
        self.with_id += usize::from(has_id);
        let in_base = dn::is_within(&name, &self.scope.base);
        self.below_base += usize::from(in_base);
        let is_account = in_base && self.scope.filter.matches(&entry);
        let is_group = self.scope.group_filter.as_ref().is_some_and(|filter| {
            dn::is_within(&name, &self.scope.group_base) && filter.matches(&entry)
        });
        if is_group {
            if may_be_empty(&entry, mapping) {
                self.may_be_empty.insert(name);
            }
            self.assembler.group(entry.clone());
        }
        if is_account {
            self.selected += 1;
            let id = id_of(&entry, mapping).ok();
            if closed || id.as_ref().is_some_and(|id| self.ask.known.contains(id)) {
                self.assembler.account(entry);
            } else {
                // Nobody gets a user because the lock was cut off.
                self.assembler.reject_account(id, entry.dn, CUT.to_owned());
            }
        } else if let Ok(id) = id_of(&entry, mapping)
            && self.ask.known.contains(&id)
        {
            let locks = self.scope.lock_attributes.iter();
            let kept =
                locks.filter_map(|name| Some((name.clone(), entry.attributes.get(name)?.clone())));
            let attributes = kept.collect();
            let dn = entry.dn;
            self.elsewhere.entry(id).or_insert(Entry { dn, attributes });
        }
    }

    /// Who it would have been is not known: nobody can be called absent.
    fn bad(&mut self, bad: Bad) -> Result<(), String> {
        self.entries += u64::from(bad.dn.is_some());
        self.bad += 1;
        let where_ = match bad.dn {
            Some(dn) => format!("line {} ({dn})", bad.line),
            None => format!("line {}", bad.line),
        };
        let told = format!("{where_}: {}", bad.why);
        if self.bad > MAX_BAD {
            let first = self.first_bad.as_deref().unwrap_or(&told);
            return Err(format!(
                "it is no LDIF: more than {MAX_BAD} records cannot be understood; the first is {first}"
            ));
        }
        self.first_bad.get_or_insert(told);
        self.assembler
            .reject_account(None, where_.clone(), bad.why.clone());
        if self.scope.group_filter.is_some() {
            self.assembler.reject_group(None, where_, bad.why);
        }
        Ok(())
    }

    /// Each search that wrote a part of the file tells the number of its own entries.
    fn count(&mut self, count: u64) {
        let here = self.entries - self.entries_counted;
        self.entries_counted = self.entries;
        if here != count {
            self.gaps.push(Gap::File(format!(
                "it says that it has {count} entries, and {here} are there"
            )));
        }
    }

    fn end<R: io::BufRead>(
        mut self,
        records: &Records<'_, R>,
        before: &Metadata,
        path: &Path,
    ) -> Result<Directory, String> {
        let mapping = &self.what.mapping;
        if self.entries == 0
            && let Some(first) = self.first_bad
        {
            return Err(format!("it is no LDIF: {first}"));
        }
        if self.selected > 0 && self.with_id == 0 {
            return Err(format!(
                "no entry has {}, so nobody can be recognised; {}",
                mapping.id.name,
                "make the dump with slapcat, or with ldapsearch and the attributes '*' '+'"
            ));
        }
        self.gaps.extend(file_gaps(records, before, path));
        if self.more_pages {
            let what = "the search that wrote the file had more pages";
            self.gaps.push(Gap::Paging(what.to_owned()));
        }
        // `ldapsearch -LLL` writes nothing about a size limit that it met.
        let entries = usize::try_from(self.entries).unwrap_or(usize::MAX);
        if !self.succeeded && is_suspect_count(entries) {
            self.gaps.push(Gap::SuspectCount(entries));
        }
        if self.entries > 0 && self.below_base == 0 {
            let what = format!(
                "none of its {} entries is below {}",
                self.entries, mapping.base
            );
            self.gaps.push(Gap::File(what));
        }
        Ok(self.directory(path))
    }

    fn directory(mut self, path: &Path) -> Directory {
        self.assembler.empty_groups(&self.may_be_empty);
        let mapping = &self.what.mapping;
        let name = path.display().to_string();
        let absence = match self.gaps.is_empty() {
            false => Err(self.gaps),
            true => Ok(Proof {
                at: self.ask.now.wall,
                source: name.clone(),
                entries: 0,
                lookup: None,
            }),
        };
        let group_absence = match self.scope.group_filter {
            Some(_) => absence.clone(),
            None => Err(vec![Gap::NotRead]),
        };
        let missing: Vec<_> = self.assembler.missing(&self.ask.known);
        let found: Vec<_> = missing
            .into_iter()
            .map(|id| (id.clone(), self.elsewhere.get(id)))
            .map(|(id, entry)| (id, entry.map(|entry| found(&self.assembler, entry))))
            .collect();
        let source = SourceIdentity {
            name,
            context: id_context(&mapping.base, mapping),
            ..SourceIdentity::default()
        };
        let sentinels = &self.what.sentinels;
        let mut directory = self
            .assembler
            .finish(absence, group_absence, source, sentinels);
        let whole = directory.accounts.gaps().is_empty();
        for (id, found) in found {
            // All entries of the file were looked at; only a whole file proves "nowhere".
            if let Some(lookup) = found.or_else(|| whole.then_some(Lookup::Nowhere)) {
                directory.accounts.add_lookup(id, Ok(lookup));
            }
        }
        directory
    }
}

fn found(assembler: &Assembler<'_>, entry: &Entry) -> Lookup {
    Lookup::Elsewhere {
        dn: entry.dn.clone(),
        state: assembler.state_of(entry),
    }
}

/// What the file itself says against its being whole.
fn file_gaps<R: io::BufRead>(records: &Records<'_, R>, before: &Metadata, path: &Path) -> Vec<Gap> {
    let gap = |what: String| Gap::File(what);
    let mut gaps = Vec::new();
    if records.bytes() == 0 {
        gaps.push(gap("it is empty".to_owned()));
    }
    if !records.ends_with_newline() {
        gaps.push(gap("its last line has no end".to_owned()));
    } else if !records.closed() {
        gaps.push(gap(CUT.to_owned()));
    }
    let identity = |m: &Metadata| (m.dev(), m.ino(), m.size(), m.mtime(), m.mtime_nsec());
    match path.metadata() {
        Ok(after) if identity(&after) != identity(before) || records.bytes() != before.size() => {
            gaps.push(gap("it changed while it was read".to_owned()));
        }
        Ok(_) => {}
        Err(e) => gaps.push(gap(format!("it went away while it was read: {e}"))),
    }
    gaps
}

/// Whether a referral is one of those that every Active Directory gives for parts without people.
fn hides_no_people(address: &str) -> bool {
    let after_host = address
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'));
    let Some((_, name)) = after_host else {
        return false;
    };
    let name = name
        .split('?')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    [
        "cn=configuration,",
        "dc=domaindnszones,",
        "dc=forestdnszones,",
    ]
    .iter()
    .any(|part| name.starts_with(part))
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;

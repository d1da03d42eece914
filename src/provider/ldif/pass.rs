//! Collects what a file contains, and what that proves at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::config::LockRule;
use crate::config::Mapping;
use crate::model::{Directory, DirectoryId, Dn, Entry, Gap, Lookup, Proof, SourceIdentity};
use crate::provider::mapping::{
    Assembler, NoId, group_id_of, id_of, is_suspect_count, is_tombstone, may_be_empty, new_id_of,
};
use crate::provider::{Ask, referral};

use super::filter::Filter;
use super::records::{Bad, Item, Program, Records};
use super::seen::SeenEntries;
use super::selection::{OPERATIONAL, Selection, may_be};
use super::source::LdifSource;

/// If more records than this cannot be understood, the file is not LDIF.
pub(super) const MAX_BAD: usize = 1000;

/// The gap of a file that may have been cut within its last entry.
const CUT: &str = "it does not end with an empty line after its last entry: it may have been cut; \
    programs that write LDIF end each entry with one. If it is whole, add an empty line at the end";

/// What is known while the file is read.
pub(super) struct Pass<'a> {
    source: &'a LdifSource,
    ask: &'a Ask,
    selection: &'a Selection,
    assembler: Assembler<'a>,
    /// Known accounts that are in the file but not selected, with what their state depends on.
    elsewhere: BTreeMap<DirectoryId, Entry>,
    gaps: Vec<Gap>,
    first_bad: Option<String>,
    bad: usize,
    entries: u64,
    entries_counted: u64,
    seen: SeenEntries,
    below_base: usize,
    /// How many entries below the base have each attribute that the filter of accounts contains.
    asked_for: BTreeMap<String, usize>,
    /// Groups that need no member. It is not known whether a file hides the members of others.
    may_be_empty: BTreeSet<Dn>,
    selected: usize,
    with_id: usize,
    more_pages: bool,
    /// Whether the dump contains the operational attributes.
    operational: bool,
    /// Whether the file says that the search that wrote it succeeded.
    succeeded: bool,
    /// The program that began a part of the file, if it always marks the end of its output.
    unended: Option<Program>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(source: &'a LdifSource, ask: &'a Ask, selection: &'a Selection) -> Self {
        Self {
            source,
            ask,
            selection,
            assembler: Assembler::new(&source.mapping, &ask.now).export(),
            elsewhere: BTreeMap::new(),
            gaps: Vec::new(),
            first_bad: None,
            bad: 0,
            entries: 0,
            entries_counted: 0,
            seen: SeenEntries::default(),
            below_base: 0,
            asked_for: selection
                .filter
                .attributes()
                .into_iter()
                .map(|a| (a, 0))
                .collect(),
            may_be_empty: BTreeSet::new(),
            selected: 0,
            with_id: 0,
            more_pages: false,
            operational: false,
            succeeded: false,
            unended: None,
        }
    }

    /// Takes an item; `closed` is false if the file may end inside it.
    pub(super) fn take(&mut self, item: Item, closed: bool) -> Result<(), String> {
        match item {
            Item::Entry(entry) => self.entry(entry, closed),
            Item::Bad(bad) => return self.bad(bad),
            Item::Referral(address) => {
                let hidden = referral::hides(&[address], &self.source.mapping.base);
                self.gaps.extend(hidden.map(Gap::Referral));
            }
            Item::Result { code: 0, .. } => self.succeeded = true,
            Item::Result { code, message } => self.gaps.push(Gap::ResultCode { code, message }),
            Item::Count(count) => self.count(count),
            Item::Begun(program) => self.begun(program),
            Item::Ended => self.unended = None,
            Item::Cookie { more } => self.more_pages = more,
        }
        Ok(())
    }

    /// Records that a program's output begins. `ldapsearch` marks that once for each search.
    fn begun(&mut self, program: Program) {
        if program == Program::Ldapsearch {
            self.gaps.extend(self.unended.map(unended));
        }
        self.unended = Some(program);
    }

    fn entry(&mut self, entry: Entry, closed: bool) {
        self.entries += 1;
        if is_tombstone(&entry) {
            return;
        }
        let name = Dn::of(&entry.dn);
        let mapping = &self.source.mapping;
        let id = id_of(&entry, mapping).ok();
        let has_id = entry.values(&mapping.id.name).iter().any(|v| !v.is_empty());
        self.with_id += usize::from(has_id);
        if let Some(before) = self.seen.take(&name, &entry.dn, id.as_ref()) {
            self.assembler.replaced(&before);
        }
        let in_base = name.is_within(&self.selection.base);
        self.below_base += usize::from(in_base);
        for (attribute, count) in self.asked_for.iter_mut().filter(|_| in_base) {
            *count += usize::from(!entry.values(attribute).is_empty());
        }
        self.assembler.beside(&entry);
        self.operational |= OPERATIONAL
            .iter()
            .any(|name| !entry.values(name).is_empty());
        let is_account = in_base && self.selection.filter.matches(&entry);
        let is_group = self.selection.group_filter.as_ref().is_some_and(|filter| {
            name.is_within(&self.selection.group_base) && filter.matches(&entry)
        });
        if is_group {
            if may_be_empty(&entry, mapping) {
                self.may_be_empty.insert(name);
            }
            self.assembler.group(entry.clone());
        }
        if is_account {
            self.selected += 1;
            if closed || id.as_ref().is_some_and(|id| self.ask.known.contains(id)) {
                self.assembler.account(entry);
            } else {
                // An account without a lock does not get a user if the lock may have been cut off.
                self.assembler.reject_account(id, entry.dn, CUT.to_owned());
            }
        } else if let Some(id) = id
            && self.ask.known.contains(&id)
        {
            let mapping = &self.source.mapping;
            let new_id = mapping.new_id.iter().map(|id| &id.name);
            let names = self.selection.lock_attributes.iter().chain(new_id);
            let kept =
                names.filter_map(|name| Some((name.clone(), entry.attributes.get(name)?.clone())));
            let attributes = kept.collect();
            let dn = entry.dn;
            self.elsewhere.insert(id, Entry { dn, attributes });
        }
    }

    /// Rejects a record that cannot be used. One with a readable id is that account or group, and
    /// is present. For another one it is not known who it is, so nobody can be called absent.
    fn bad(&mut self, bad: Bad) -> Result<(), String> {
        self.entries += u64::from(bad.dn.is_some());
        let where_ = match &bad.dn {
            Some(dn) => format!("line {} ({dn})", bad.line),
            None => format!("line {}", bad.line),
        };
        let message = format!("{where_}: {}", bad.why);
        self.bad += usize::from(bad.entry.is_none());
        if self.bad > MAX_BAD {
            let first = self.first_bad.as_deref().unwrap_or(&message);
            return Err(format!(
                "it is no LDIF: more than {MAX_BAD} records cannot be understood; the first is {first}"
            ));
        }
        self.first_bad.get_or_insert(message);
        self.bad_account(&bad, where_.clone());
        self.bad_group(&bad, where_);
        Ok(())
    }

    fn bad_account(&mut self, bad: &Bad, name: String) {
        let mapping = &self.source.mapping;
        let id = bad.entry.as_ref().map(|entry| id_of(entry, mapping));
        let why = bad.why.clone();
        let is_meant = || may_be(bad, &self.selection.base, &self.selection.filter);
        match id {
            Some(Ok(id)) if is_meant() || self.ask.known.contains(&id) => {
                self.with_id += 1;
                self.assembler.reject_account(Some(id), name, why);
            }
            Some(Err(NoId::Placeholder(_))) if is_meant() => {
                self.assembler.reject_no_account(name, why);
            }
            Some(Ok(_) | Err(NoId::Placeholder(_))) => {}
            Some(Err(NoId::Unreadable(_))) | None => {
                self.assembler.reject_account(None, name, why);
            }
        }
    }

    fn bad_group(&mut self, bad: &Bad, name: String) {
        let Some(filter) = &self.selection.group_filter else {
            return;
        };
        let matches = |filter: &Filter| bad.entry.as_ref().is_some_and(|e| filter.matches(e));
        // The rest of it shows that it is an account.
        if matches(&self.selection.filter) && !matches(filter) {
            return;
        }
        let id = bad.entry.as_ref();
        let id = id.and_then(|entry| group_id_of(entry, &self.source.mapping).ok());
        if id.is_none() || may_be(bad, &self.selection.group_base, filter) {
            self.assembler.reject_group(id, name, bad.why.clone());
        }
    }

    /// Records the number of entries that a search says it returned: each search that wrote a part
    /// of the file has its own.
    fn count(&mut self, count: u64) {
        let here = self.entries - self.entries_counted;
        self.entries_counted = self.entries;
        if here != count {
            self.gaps.push(Gap::File(format!(
                "it says that it has {count} entries, and {here} are there"
            )));
        }
    }

    pub(super) fn end<R: io::BufRead>(
        mut self,
        records: &Records<'_, R>,
        before: &Metadata,
        path: &Path,
    ) -> Result<Directory, String> {
        let mapping = &self.source.mapping;
        if self.entries == 0
            && let Some(first) = self.first_bad
        {
            return Err(format!("it is no LDIF: {first}"));
        }
        if self.selected > 0 && self.with_id == 0 {
            let former = mapping.new_id.as_ref().map(|new| {
                format!(
                    "people are known by it until somebody approves the ids of {new}, which \
                     accounts.id names now: both attributes must be in the file; "
                )
            });
            return Err(format!(
                "no entry has {}, so nobody can be recognised; {}{}",
                mapping.id.name,
                former.unwrap_or_default(),
                "make the dump with `slapcat`, or with `ldapsearch` and the attributes '*' '+'"
            ));
        }
        self.gaps.extend(file_gaps(records, before, path));
        self.gaps.extend(self.unended.map(unended));
        self.gaps.extend(self.seen.gap());
        self.gaps.extend(self.not_dumped());
        if self.more_pages {
            let what = "the search that wrote the file had more pages";
            self.gaps.push(Gap::Paging(what.to_owned()));
        }
        // `ldapsearch -LLL` does not report a size limit that it reached.
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

    /// Returns a gap for attributes that the filter contains and no entry has, if nobody was found:
    /// a dump of some attributes lacks them.
    fn not_dumped(&self) -> Option<Gap> {
        if self.selected > 0 || self.below_base == 0 {
            return None;
        }
        let lacking = self.asked_for.iter().filter(|(_, count)| **count == 0);
        let lacking: Vec<&str> = lacking.map(|(name, _)| spelt(name)).collect();
        (!lacking.is_empty()).then(|| {
            Gap::File(format!(
                "{} entries below the base {}, none has {}, which accounts.filter asks for: dump it \
                 too (`ldapsearch` with the attributes '*' '+')",
                self.below_base,
                self.source.mapping.base,
                lacking.join(" or "),
            ))
        })
    }

    fn directory(mut self, path: &Path) -> Directory {
        self.assembler.empty_groups(&self.may_be_empty);
        if !self.operational {
            // It is not known whether nobody has them or they were not dumped.
            let unshown = self.assembler.unshown().into_iter();
            unshown
                .filter(LockRule::is_operational)
                .for_each(|rule| self.assembler.hidden(rule));
        }
        let mapping = &self.source.mapping;
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
        let group_absence = match self.selection.group_filter {
            Some(_) => absence.clone(),
            None => Err(vec![Gap::NotRead]),
        };
        let missing: Vec<_> = self.assembler.missing(&self.ask.known);
        let found: Vec<_> = missing
            .into_iter()
            .map(|id| (id.clone(), self.elsewhere.get(id)))
            .map(|(id, entry)| {
                (
                    id,
                    entry.map(|entry| found(&self.assembler, entry, &self.source.mapping)),
                )
            })
            .collect();
        let source = SourceIdentity {
            name,
            context: mapping.base.clone(),
            ids: Some(mapping.id.clone()),
            ..SourceIdentity::default()
        };
        let sentinels = &self.source.sentinels;
        let mut directory = self
            .assembler
            .finish(absence, group_absence, source, sentinels);
        let whole = directory.accounts.gaps().is_empty();
        for (id, found) in found {
            // All entries of the file were examined, but only a complete file proves "nowhere".
            if let Some(lookup) = found.or_else(|| whole.then_some(Lookup::Nowhere)) {
                directory.accounts.add_lookup(id, Ok(lookup));
            }
        }
        directory
    }
}

fn found(assembler: &Assembler<'_>, entry: &Entry, mapping: &Mapping) -> Lookup {
    Lookup::Elsewhere {
        dn: entry.dn.clone(),
        state: assembler.state_of(entry),
        new_id: new_id_of(entry, mapping),
    }
}

/// Returns what in the file itself shows that it is incomplete.
pub(super) fn file_gaps<R: io::BufRead>(
    records: &Records<'_, R>,
    before: &Metadata,
    path: &Path,
) -> Vec<Gap> {
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

/// Returns the gap for the missing end of a program's output.
fn unended(program: Program) -> Gap {
    let (name, words) = match program {
        Program::Ldapsearch => ("ldapsearch", "# search result"),
        Program::Ldbsearch => ("ldbsearch", "# returned 2 records"),
    };
    Gap::File(format!(
        "it was begun by {name} and lacks what that writes at its end ({words}): it broke off"
    ))
}

/// Returns an attribute as people write it.
fn spelt(name: &str) -> &str {
    match name {
        "objectclass" => "objectClass",
        "samaccounttype" => "sAMAccountType",
        other => other,
    }
}

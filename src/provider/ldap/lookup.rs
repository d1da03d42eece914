//! Looks for accounts that a reading did not contain, by their ids, in the whole naming context.

use std::collections::{BTreeMap, BTreeSet};

use ldap3::Scope;

use super::root;
use super::session::{Found, LARGEST_PERSON, Search, Session};
use crate::config::Mapping;
use crate::model::{DirectoryId, Dn, Entry, Gap, Lookup, Now};
use crate::provider::mapping::{
    id_filter, id_of, is_tombstone, leftover_attributes, lock_sources, new_id_of, state_of,
};
use crate::provider::{ProviderError, referral};

/// How many ids one reading looks up. If a directory lacks more at once, a person should look.
const MAX_IDS: usize = 1_000;
/// How many ids one search asks for.
const BATCH: usize = 50;

/// What a look-up needs to know.
pub(super) struct LookupContext<'a> {
    pub mapping: &'a Mapping,
    pub now: &'a Now,
    /// The naming context that contains the base, if the server names it.
    pub context: Option<&'a str>,
    /// An account that the reading contained: a look-up that does not find it proves nothing.
    pub witness: Option<&'a DirectoryId>,
}

/// What the directory answered for each id.
pub(super) type LookupResults = BTreeMap<DirectoryId, Result<Lookup, Gap>>;

/// Looks up ids. A failure leaves the id unknown.
pub(super) async fn look_up(
    session: &mut Session,
    lookup: &LookupContext<'_>,
    missing: &[&DirectoryId],
) -> LookupResults {
    let mut said = LookupResults::new();
    let (asked, beyond) = missing.split_at(missing.len().min(MAX_IDS));
    for batch in asked.chunks(BATCH) {
        let (Some(context), Some(witness)) = (lookup.context, lookup.witness) else {
            let why = match lookup.context {
                None => "the server does not say which naming context contains the base",
                Some(_) => "the reading has nobody to try the look-up with",
            };
            said.extend(unknown(batch, why));
            continue;
        };
        match lookup.batch(session, context, witness, batch).await {
            Ok(answers) => said.extend(answers),
            Err(error) => said.extend(unknown(batch, &error.to_string())),
        }
    }
    let why = format!(
        "it was not made: {} accounts are missing at once, and one reading looks up {MAX_IDS}; if they \
         have left, approve those (`mattersync approve missing`) and the others follow; if not, check \
         base, filter and what the account that we bind with may see",
        missing.len()
    );
    said.extend(unknown(beyond, &why));
    said
}

fn unknown(ids: &[&DirectoryId], why: &str) -> LookupResults {
    let gap = |id: &&DirectoryId| ((*id).clone(), Err(Gap::Lookup(why.to_owned())));
    ids.iter().map(gap).collect()
}

impl LookupContext<'_> {
    async fn batch(
        &self,
        session: &mut Session,
        context: &str,
        witness: &DirectoryId,
        ids: &[&DirectoryId],
    ) -> Result<LookupResults, ProviderError> {
        let wanted: BTreeSet<_> = ids.iter().copied().chain([witness]).collect();
        let filter = any_of(self.mapping, wanted.iter().copied());
        let found = self.search(session, context, &filter).await?;
        if let Some(why) = self.doubt(&found, context) {
            return Ok(unknown(ids, &why));
        }
        let mut places = BTreeMap::<DirectoryId, Vec<Entry>>::new();
        for entry in found.entries {
            match id_of(&entry, self.mapping) {
                Ok(id) => places.entry(id).or_default().push(entry),
                Err(no) => return Ok(unknown(ids, &format!("{}: {}", entry.dn, no.why()))),
            }
        }
        if !places.contains_key(witness) {
            let why = format!("it does not find {witness} either, whom the reading contains");
            return Ok(unknown(ids, &why));
        }
        let missed = self.missed(session, ids, &places).await?;
        let answer = |id: &&DirectoryId| {
            let places = places.get(*id).map_or(&[][..], Vec::as_slice);
            ((*id).clone(), self.answer(places, missed.contains(*id)))
        };
        Ok(ids.iter().map(answer).collect())
    }

    fn answer(&self, places: &[Entry], missed: bool) -> Result<Lookup, Gap> {
        match places {
            [] => Ok(Lookup::Nowhere),
            [one] if missed => Err(Gap::Lookup(format!(
                "{} was found after all; the reading missed it",
                one.dn
            ))),
            [one] => Ok(Lookup::Elsewhere {
                dn: one.dn.clone(),
                state: state_of(one, self.mapping, self.now),
                new_id: new_id_of(one, self.mapping),
            }),
            several => Err(Gap::Lookup(format!(
                "{} entries have this id, the first is {}",
                several.len(),
                several[0].dn
            ))),
        }
    }

    /// Returns the ids of entries within the base that match the filter, which the reading should
    /// have contained.
    async fn missed(
        &self,
        session: &mut Session,
        ids: &[&DirectoryId],
        places: &BTreeMap<DirectoryId, Vec<Entry>>,
    ) -> Result<BTreeSet<DirectoryId>, ProviderError> {
        let base = Dn::of(&self.mapping.base);
        let inside = |id: &&DirectoryId| {
            let mut places = places.get(*id).into_iter().flatten();
            places.any(|entry| Dn::of(&entry.dn).is_within(&base))
        };
        let inside: Vec<_> = ids.iter().copied().filter(inside).collect();
        if inside.is_empty() {
            return Ok(BTreeSet::new());
        }
        let ids = any_of(self.mapping, inside.iter().copied());
        let filter = format!("(&{}{ids})", in_parentheses(&self.mapping.filter));
        let found = self.search(session, &self.mapping.base, &filter).await?;
        if self.doubt(&found, &self.mapping.base).is_some() {
            return Ok(inside.into_iter().cloned().collect());
        }
        let ids = found.entries.iter();
        Ok(ids
            .filter_map(|entry| id_of(entry, self.mapping).ok())
            .collect())
    }

    async fn search(
        &self,
        session: &mut Session,
        base: &str,
        filter: &str,
    ) -> Result<Found, ProviderError> {
        let search = Search {
            base,
            scope: Scope::Subtree,
            filter,
            attributes: &state_attributes(self.mapping),
            page: None,
            largest: LARGEST_PERSON,
        };
        let mut found = session.search(search).await?;
        for entry in std::mem::take(&mut found.too_large) {
            // An entry that shows no id may be any of those that were asked for.
            let again = ask_again(session, self.mapping, &entry.dn).await?;
            found.entries.push(again.unwrap_or(Entry {
                dn: entry.dn,
                ..Entry::default()
            }));
        }
        found.entries.retain(|entry| !is_tombstone(entry));
        Ok(found)
    }

    /// Returns why the answer may be incomplete.
    fn doubt(&self, found: &Found, base: &str) -> Option<String> {
        if found.code != 0 {
            return Some(format!("result {} {}", found.code, found.text));
        }
        let mut references = found.references.iter();
        let hidden = references.find_map(|addresses| referral::hides(addresses, base))?;
        Some(format!("a part of the tree is elsewhere: {hidden}"))
    }
}

/// Returns the attributes that show which account an entry is and whether it is locked.
fn state_attributes(mapping: &Mapping) -> Vec<String> {
    let locks = mapping.locks.iter().map(|rule| rule.attribute_key());
    let computed = lock_sources(mapping);
    locks
        .chain(computed)
        .chain(identity_attributes(mapping))
        .collect()
}

/// Returns the attributes that show which account an entry is, and whether it is a tombstone.
fn identity_attributes(mapping: &Mapping) -> Vec<String> {
    let ids = std::iter::once(&mapping.id).chain(&mapping.new_id);
    let ids = ids.map(|id| id.name.clone());
    ids.chain(leftover_attributes(mapping)).collect()
}

/// Asks once more, by its DN, for an entry that was too large: for the id and the lock attributes
/// or, when these are too large, for the id alone. `None` if the server does not answer.
pub(super) async fn ask_again(
    session: &mut Session,
    mapping: &Mapping,
    dn: &str,
) -> Result<Option<Entry>, ProviderError> {
    if dn.is_empty() {
        return Ok(None);
    }
    for attributes in [state_attributes(mapping), identity_attributes(mapping)] {
        if let Some(entry) = root::read_entry(session, dn, &attributes).await? {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

fn any_of<'a>(mapping: &Mapping, ids: impl Iterator<Item = &'a DirectoryId>) -> String {
    let filters: String = ids.map(|id| id_filter(mapping, id)).collect();
    format!("(|{filters})")
}

pub(super) fn in_parentheses(filter: &str) -> String {
    if filter.starts_with('(') {
        filter.to_owned()
    } else {
        format!("({filter})")
    }
}

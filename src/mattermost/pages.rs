//! Reads lists in pages to their end, and notices what shows that rows are missing.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::client::Client;
use super::error::{CallError, SendError};

/// How many rows a page has; the server silently cuts larger pages to this.
pub(super) const PAGE: usize = 200;
/// The largest size in bytes of a list, of the fields that are kept.
const MAX_BYTES: usize = 512 * 1024 * 1024;

/// A list on the server.
pub(super) struct List<'a> {
    /// The path and query, up to where `page=` follows.
    pub path: &'a str,
    /// The field that identifies a row.
    pub id: &'static str,
    /// The fields that are kept.
    pub keep: &'static [&'static str],
    /// After how many pages the reading stops.
    pub max_pages: usize,
}

/// The result of reading a list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ending {
    /// What shows that rows are missing.
    pub doubts: Vec<String>,
    /// The positions of rows that are too large to be read, counted from 1.
    pub too_large: Vec<usize>,
    /// Whether there were more than `max_pages` pages.
    pub goes_on: bool,
}

impl Client {
    /// Reads a list to its end and passes each row to `take`.
    ///
    /// The end is a page that is empty, or one that contains nothing new. A page that is merely not
    /// full is not the end, because something on the way may have cut it. A page too large to be
    /// read is requested in smaller ones.
    ///
    /// # Errors
    /// An error if a page could not be read.
    pub(super) async fn read_list(
        &self,
        list: &List<'_>,
        mut take: impl FnMut(Value),
    ) -> Result<Ending, CallError> {
        let mut ending = Ending::default();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut pages: BTreeSet<u64> = BTreeSet::new();
        let mut cut_at = None;
        let mut bytes = 0;
        for number in 0..list.max_pages {
            let page = self.page(list, number, &mut ending.too_large).await?;
            bytes += page.bytes;
            if bytes > MAX_BYTES {
                return Err(CallError::Garbled {
                    call: format!("GET {}", list.path),
                    why: format!(
                        "the list has more than {MAX_BYTES} bytes, which no list to us has"
                    ),
                });
            }
            let ids = page
                .rows
                .iter()
                .map(|row| row.get(list.id).and_then(Value::as_str));
            let ids: Vec<&str> = ids.flatten().collect();
            let is_new = ids.iter().any(|id| !seen.contains(*id));
            let is_repeated = !pages.insert(digest(&ids));
            if page.there == 0 {
                return Ok(ending);
            }
            if page.rows.is_empty() {
                // Each part of it was too large, however small: perhaps all parts are the same.
                ending.doubts.push(format!(
                    "no row of page {number} could be read: each is too large, or the query \
                     string is lost on the way (a cache?)"
                ));
                return Ok(ending);
            }
            if !is_new {
                if ids.is_empty() {
                    ending
                        .doubts
                        .push(format!("no row of page {number} has an id"));
                } else if is_repeated {
                    ending.doubts.push(format!(
                        "page {number} repeats another one: the query string is lost on the way \
                         (a cache?)"
                    ));
                }
                page.rows.into_iter().for_each(&mut take);
                return Ok(ending);
            }
            if let Some((page, rows)) = cut_at.take() {
                ending.doubts.push(format!(
                    "page {page} has only {rows} rows although more follow: something on the way \
                     cuts it"
                ));
            }
            if page.there < PAGE {
                cut_at = Some((number, page.there));
            }
            seen.extend(ids.into_iter().map(str::to_owned));
            page.rows.into_iter().for_each(&mut take);
        }
        ending.goes_on = true;
        Ok(ending)
    }

    /// Reads one page, in parts if it is too large.
    async fn page(
        &self,
        list: &List<'_>,
        number: usize,
        too_large: &mut Vec<usize>,
    ) -> Result<Page, CallError> {
        let mut page = Page::default();
        // The parts still to be read, the last one first, each with its beginning and size.
        let mut parts = vec![(number * PAGE, PAGE)];
        while let Some((first, size)) = parts.pop() {
            let path = format!("{}page={}&per_page={size}", list.path, first / size);
            match self.rows(&path, list.keep).await {
                Ok((rows, bytes)) => {
                    page.bytes += bytes;
                    page.there += rows.len();
                    page.rows.extend(rows);
                }
                Err(error) if is_too_large(&error) && size == 1 => {
                    page.there += 1;
                    too_large.push(first + 1);
                }
                Err(error) if is_too_large(&error) => {
                    let by = if size.is_multiple_of(2) { 2 } else { 5 };
                    let part = size / by;
                    parts.extend((0..by).rev().map(|n| (first + n * part, part)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(page)
    }
}

#[derive(Default)]
struct Page {
    rows: Vec<Value>,
    /// How many rows the server has there, too large ones included.
    there: usize,
    bytes: usize,
}

/// Returns whether a smaller request could stay below the limit.
pub(super) fn is_too_large(error: &CallError) -> bool {
    let CallError::Send { error, .. } = error else {
        return false;
    };
    matches!(error, SendError::TooLarge { .. })
}

fn digest(ids: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    ids.hash(&mut hasher);
    hasher.finish()
}

//! Paging cookies: each is good once, on its connection, for its search.

use std::collections::BTreeMap;

use crate::request::{Paging, Search};

/// Where a paged search stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    /// The page to come, from 0.
    pub(crate) page: usize,
    /// Entries that were sent.
    pub(crate) offset: usize,
}

/// The cookies of one connection.
#[derive(Debug)]
pub(crate) struct Cookies {
    connection: usize,
    made: u64,
    places: BTreeMap<Vec<u8>, (String, Place)>,
}

impl Cookies {
    /// For a connection with this number.
    pub(crate) fn new(connection: usize) -> Self {
        Self {
            connection,
            made: 0,
            places: BTreeMap::new(),
        }
    }

    /// Where the request continues; `None` for a cookie that is not good here.
    pub(crate) fn resume(&mut self, search: &Search, paging: &Paging) -> Option<Place> {
        if paging.cookie.is_empty() {
            return Some(Place::default());
        }
        let (of, place) = self.places.remove(&paging.cookie)?;
        (of == identity(search)).then_some(place)
    }

    /// Keeps a place under a new cookie.
    pub(crate) fn keep(&mut self, search: &Search, place: Place) -> Vec<u8> {
        self.made += 1;
        let cookie = format!("{}:{}", self.connection, self.made).into_bytes();
        self.keep_as(cookie.clone(), search, place);
        cookie
    }

    /// Keeps a place under a given cookie.
    pub(crate) fn keep_as(&mut self, cookie: Vec<u8>, search: &Search, place: Place) {
        self.places.insert(cookie, (identity(search), place));
    }
}

fn identity(search: &Search) -> String {
    format!("{} {:?} {}", search.base, search.scope, search.filter)
}

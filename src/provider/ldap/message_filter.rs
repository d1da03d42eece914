//! Decides for each message of a server whether the LDAP library gets it.
//!
//! A message that could harm the library ends the connection. An entry that is too large must not
//! end it, because its own person can make it so large: it is skipped, and a short entry that says
//! so takes its place. The size of all answers of one session is bounded, because most of them are
//! kept in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::ending::Ended;
use super::frame::{self, Message, is_last};
use crate::ber;

/// The name of the attribute that replaces a skipped entry; its value is the number of octets. No
/// real attribute has such a name (RFC 4512, 2.5).
pub(super) const TOO_LARGE: &str = ";too-large";
/// What an element costs beside its octets once it is parsed.
const ELEMENT_COST: usize = 40;
/// What one session may cost in memory, in octets: several times what a directory of 100,000
/// accounts and their groups does.
const MAX_SESSION: usize = 1 << 30;

/// The operations of requests without a complete answer, by the requests' numbers.
pub(super) type PendingRequests = Mutex<BTreeMap<u32, u8>>;

/// The state of the filter between two reads of one connection.
pub(super) struct MessageFilter<'a> {
    largest: &'a AtomicUsize,
    skip: usize,
    left: usize,
}

impl<'a> MessageFilter<'a> {
    /// Makes a filter for a new connection. An entry of more than `largest` octets is skipped.
    pub(super) fn new(largest: &'a AtomicUsize) -> Self {
        Self {
            largest,
            skip: 0,
            left: MAX_SESSION,
        }
    }

    /// Takes from the beginning of `buffer` what can be checked, and returns what the library gets.
    pub(super) fn pass(
        &mut self,
        buffer: &mut Vec<u8>,
        open: &mut BTreeMap<u32, u8>,
    ) -> Result<Vec<u8>, Ended> {
        let mut passed = Vec::new();
        let mut at = 0;
        loop {
            let skipped = self.skip.min(buffer.len() - at);
            self.skip -= skipped;
            at += skipped;
            let judged = self.judge(&buffer[at..], open, &mut passed);
            match judged.map_err(|end| *end)? {
                0 => break,
                length => at += length,
            }
        }
        buffer.drain(..at);
        Ok(passed)
    }

    /// Checks one message. Returns how many of its octets are done with; 0 when more must come.
    fn judge(
        &mut self,
        rest: &[u8],
        open: &mut BTreeMap<u32, u8>,
        passed: &mut Vec<u8>,
    ) -> Result<usize, Box<Ended>> {
        let violation = |what| Box::new(Ended::Violation(what));
        let Some(length) = frame::length(rest).map_err(violation)? else {
            return Ok(0);
        };
        if length > frame::MAX_MESSAGE {
            let Some(begun) = frame::beginning(rest).map_err(violation)? else {
                return Ok(0);
            };
            if begun.tag != frame::SEARCH_ENTRY {
                return Err(violation("an answer of more than 1 MiB that is no entry"));
            }
            if length > self.largest.load(Ordering::Relaxed) {
                let instead = begun.instead(length);
                self.take(&instead, open, passed)?;
                let there = length.min(rest.len());
                self.skip = length - there;
                return Ok(there);
            }
        }
        let Some(message) = rest.get(..length) else {
            return Ok(0);
        };
        self.take(message, open, passed)?;
        Ok(length)
    }

    fn take(
        &mut self,
        message: &[u8],
        open: &mut BTreeMap<u32, u8>,
        passed: &mut Vec<u8>,
    ) -> Result<(), Box<Ended>> {
        let violation = |what| Box::new(Ended::Violation(what));
        let (message, checked) = match frame::check(message) {
            Err(frame::TOO_MANY_ELEMENTS) => match frame::beginning(message) {
                Ok(Some(begun)) if begun.tag == frame::SEARCH_ENTRY => {
                    let instead = begun.instead(message.len());
                    let checked = frame::check(&instead);
                    (std::borrow::Cow::Owned(instead), checked)
                }
                _ => (message.into(), Err(frame::TOO_MANY_ELEMENTS)),
            },
            checked => (message.into(), checked),
        };
        let (id, tag, elements) = match checked.map_err(violation)? {
            Message::Answer { id, tag, elements } => (id, tag, elements),
            Message::Notice(outcome) => return Err(Box::new(Ended::Notice(outcome))),
        };
        match open.get(&id).map(|ask| is_last(*ask, tag)) {
            None => return Err(violation("an answer to no request")),
            Some(None) => return Err(violation("an answer to another question")),
            Some(Some(false)) => (),
            Some(Some(true)) => {
                open.remove(&id);
            }
        }
        let cost = message.len() + elements * ELEMENT_COST;
        self.left = self.left.checked_sub(cost).ok_or_else(|| {
            violation(
                "it sent more than would fit into 1 GiB of memory, as much as no directory has \
                 that we are for; narrow base and filter if this one has",
            )
        })?;
        passed.extend_from_slice(&message);
        Ok(())
    }
}

impl frame::Beginning<'_> {
    /// Returns the entry that replaces one with this number of octets.
    fn instead(&self, octets: usize) -> Vec<u8> {
        let id = self.id.to_be_bytes();
        let text = |text: &[u8]| ber::element(ber::OCTET_STRING, text);
        let values = ber::element(ber::SET, &text(octets.to_string().as_bytes()));
        let attribute = [text(TOO_LARGE.as_bytes()), values].concat();
        let list = ber::element(ber::SEQUENCE, &ber::element(ber::SEQUENCE, &attribute));
        let entry = [text(self.dn.unwrap_or_default()), list].concat();
        let entry = ber::element(frame::SEARCH_ENTRY, &entry);
        let message = [ber::element(ber::INTEGER, &id), entry].concat();
        ber::element(ber::SEQUENCE, &message)
    }
}

#[cfg(test)]
#[path = "message_filter_tests.rs"]
mod tests;

//! The rules of what may follow what. They stand above the rows and do not depend on the store.

mod forget;
mod memory;
mod people;
mod runs;

pub(super) use forget::{erase, has_old, prune};
pub(super) use memory::{apply, counts, doubted};
pub(super) use people::known_as;
pub(super) use runs::{begin, finish, intend, note, settle};

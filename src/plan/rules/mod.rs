//! The rules, a file each. A rule reads the facts and writes to the ledger; no rule imports another. The
//! order in which they are called, and why it is that order, stands in [`crate::plan::plan`].

pub(in crate::plan) mod creations;
pub(in crate::plan) mod dates;
pub(in crate::plan) mod doubts;
pub(in crate::plan) mod duplicates;
pub(in crate::plan) mod emails;
pub(in crate::plan) mod flaps;
pub(in crate::plan) mod guard;
pub(in crate::plan) mod handover;
pub(in crate::plan) mod lifecycle;
pub(in crate::plan) mod matching;
pub(in crate::plan) mod memberships;
pub(in crate::plan) mod naming;
pub(in crate::plan) mod new_ids;
pub(in crate::plan) mod placeholder_ids;
pub(in crate::plan) mod places;
pub(in crate::plan) mod profiles;
pub(in crate::plan) mod purge;
pub(in crate::plan) mod resets;
pub(in crate::plan) mod restored;
pub(in crate::plan) mod seats;
pub(in crate::plan) mod undo;

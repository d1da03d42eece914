//! The plan while it is being made: its steps so far with their tags, and what the rules share. It
//! knows the facts and no rule.

pub(in crate::plan) mod absence;
pub(in crate::plan) mod deactivation;
pub(in crate::plan) mod draft;
pub(in crate::plan) mod expiry;
pub(in crate::plan) mod flapping;
pub(in crate::plan) mod promised;
pub(in crate::plan) mod rings;
pub(in crate::plan) mod scope;
pub(in crate::plan) mod shared_ids;
pub(in crate::plan) mod standing;
pub(in crate::plan) mod successors;
pub(in crate::plan) mod undone_steps;

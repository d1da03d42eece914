//! What follows from steps that were carried out, and how one is taken back.

pub(in crate::plan) mod inverse;
pub(in crate::plan) mod outcome;
pub(in crate::plan) mod recover;

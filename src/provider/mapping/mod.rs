//! Turns the raw entries of any provider into accounts and groups, by the configured mapping.
//!
//! A provider gives its entries to an [`Assembler`], and gets a [`crate::model::Directory`] from
//! it. Nothing here waits, reads a clock or knows a protocol.

mod advice;
mod assembler;
mod attributes;
mod emails;
mod groups;
mod ids;
mod leftovers;
mod locks;
mod names;
mod not_a_person;
mod passwords;
mod person;
mod roles;
mod text;
mod unique;
mod usernames;
mod verdict;

pub(crate) use assembler::Assembler;
pub(crate) use attributes::{
    leftover_attributes, lock_sources, member_attributes, person_attributes, wanted_attributes,
    wanted_group_attributes,
};
pub(crate) use groups::may_be_empty;
pub(crate) use ids::{NoId, escape_filter_value, group_id_of, id_filter, id_of, new_id_of};
pub(crate) use leftovers::is_tombstone;
pub(crate) use locks::state_of;
pub(crate) use unique::is_suspect_count;

#[cfg(test)]
pub(crate) mod testing;

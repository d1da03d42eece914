//! Turns the raw configuration into settings: fills in defaults, and checks every rule that the
//! configuration must keep. All problems are collected; a value with a problem is replaced by a
//! harmless one, so that the rest can be checked too.

mod accounts;
mod email;
mod encryption;
mod mattermost;
mod policy;
mod provider;
mod report;
mod rest;
mod scope;
mod whole;

pub(super) use whole::settings;

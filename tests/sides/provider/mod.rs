//! The provider `ldap` against servers that misbehave on demand and against real ones.

mod cutoff;
mod failover;
mod hostile;
mod inspect;
mod known;
mod large;
mod mutants;
mod parts;
mod samba;
mod slapd;
mod support;
mod trust;

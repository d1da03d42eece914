//! The whole way with real directories: directory, plan, simulator.

mod follow;
mod leaving;
mod limit;
mod openldap;
mod rights;
mod samba;

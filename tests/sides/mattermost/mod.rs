//! The client against servers.
//!
//! When `MATTERSYNC_TEST_MATTERMOST_URL` with `…_TOKEN`, or `…_SOCKET`, name a real server, every
//! test that a real one can pass runs against it, by each of the ways named; a server that is
//! named and does not answer fails the test. Otherwise they run against the simulator, as 5.38
//! and as 11, by both ways. What needs a server that fails on demand is in `faults`, always
//! against the simulator.

mod belongings;
mod faults;
mod people;
mod recorded;
mod rights;
mod roster;
mod secrets;
mod settings;
mod target;
mod teams;
mod tls;

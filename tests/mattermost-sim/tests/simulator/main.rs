//! The simulator as the recordings of real servers show them, as clients rely on it, and behind its
//! sockets.

// All of this crate is tests, their helpers too.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

mod behaviour;
mod replay;
mod sockets;

//! The server behaves, and misbehaves, as it says.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed test may panic"
)]

mod answers;
mod behaves;
mod binds;
mod client;
mod paging;
mod ranges;
mod tls;
mod wire;

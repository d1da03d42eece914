//! What stands at either side of the engine, against servers: the provider and the client.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod mattermost;
mod provider;

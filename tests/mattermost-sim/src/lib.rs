//! A Mattermost server for tests, held to recorded answers of real ones.
//!
//! [`Sim`] listens on TCP and on a Unix socket; [`Mattermost`] is the same server without
//! sockets, asked directly or as a `tower` service. Both start empty, as version 5.38 or as 11,
//! are seeded and read by tests, and fail on demand:
//!
//! ```
//! use mattermost_sim::{Commit, Effect, Fault, Options, Sim, Version};
//!
//! let sim = Sim::start(&Options::new(Version::V11))?;
//! let token = sim.seed_admin("root.admin");
//! sim.add_fault(Fault::new(Effect::Cut(Commit::After)).writes().nth(3));
//! // … let a client work at sim.url() with the token …
//! assert_eq!(sim.users().len(), 1);
//! assert_eq!(sim.writes(), 0);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! What it answers is held, call by call, to the recordings in `contract/` by
//! `tests/simulator/replay`. What no recording shows it either does not offer (404) or does as the
//! server's source does.

#![allow(
    clippy::disallowed_methods,
    reason = "a server that tests start has clocks of its own"
)]

mod auth;
mod bots;
mod call;
mod channel_members;
mod channels;
mod clock;
mod config;
mod errors;
mod faults;
mod integrations;
mod limits;
mod line;
mod mail;
mod mattermost;
mod options;
mod posts;
mod routes;
mod server;
mod sessions;
mod struck;
mod team_members;
mod teams;
mod users;
mod world;

pub use call::{Call, Door};
pub use channels::{Channel, ChannelMember};
pub use errors::Answer;
pub use faults::{Commit, Effect, Fault, Seen, is_write};
pub use mail::{Mail, MailKind};
pub use mattermost::{Fate, Mattermost, PASSWORD};
pub use options::{Options, UserLimit, Version};
pub use posts::Post;
pub use server::{CUT, Sim};
pub use teams::{Team, TeamMember};
pub use users::User;

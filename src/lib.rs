//! mattersync keeps the accounts of a Mattermost server in step with a directory.
//!
//! The rooms, in the order in which data flows:
//!
//! * [`config`]: what the administrator wrote, validated.
//! * [`provider`]: reads the directory into a [`model::Directory`], with what that proves.
//! * [`mattermost`]: reads users, teams and the server's own word about itself; writes one
//!   change at a time.
//! * [`state`]: what is remembered: who is who, who is missing since when, what was begun.
//! * [`plan`]: the pure core. From these three and the policy it makes a [`model::Plan`]: every
//!   step with its reason, and everything that is left alone.
//! * [`apply`]: carries a plan out, writing down each intent before and each outcome after.
//! * [`cycle`]: all of that once: read, plan, choose, apply, record.
//! * [`desk`]: what people ask for beside a cycle, each a type with its work.
//! * [`daemon`]: again and again, under systemd.
//! * [`cli`]: the commands; every one is a view of the same plan.
//! * [`observe`]: how the story is told in the journal.
//! * [`tls`]: whom both clients trust; `ber` reads its and LDAP's messages. [`clock`]: what time it is, and what that is worth.
//!
//! [`model`] holds the words that all of them share.

pub mod apply;
mod ber;
pub mod cli;
pub mod clock;
pub mod config;
pub mod cycle;
pub mod daemon;
pub mod desk;
pub mod mattermost;
pub mod model;
pub mod observe;
pub mod plan;
pub mod provider;
pub mod state;
pub mod tls;

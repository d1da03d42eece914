//! The schedule, triggers, signals, reload, systemd notification, control socket.

#![allow(clippy::disallowed_methods, reason = "the schedule")]

mod asked;
mod config_file;
mod connections;
mod control;
mod error;
mod incomplete;
mod notify;
mod publish;
mod reporter;
mod schedule;
mod service;
mod stamp;
mod status;
mod work;

pub use asked::{Refusal, asked_by};
pub use config_file::{ConfigReport, FileNow};
pub use error::DaemonError;
pub use service::run;
pub use status::{Health, LastCycle, LastRun, Listed, Phase, StatusReport};

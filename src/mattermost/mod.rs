//! The client of Mattermost's API.
//!
//! A [`Transport`] carries one request (over TLS with a token, or over the local-mode socket); a
//! [`Client`] keeps the pace and repeats what may be repeated; a [`Reader`] makes the reading
//! calls, and a [`Writer`] makes one change at a time. A dry run has a [`Reader`], which cannot
//! write.
//!
//! Answers may come from something else than Mattermost: [`ApiErrorKind::Foreign`] is the answer of
//! a proxy, a firewall or a portal in front of it.
//!
//! Reads are repeated after failures, within a budget. Writes never are, except after 429: any
//! error that is not a clean refusal leaves their outcome unknown, and the caller finds it out by
//! reading.

#![allow(clippy::disallowed_methods, reason = "the pace of requests")]

mod activity;
mod belongings;
mod client;
mod error;
mod facts;
mod field_filter;
mod fill;
mod foreign;
mod ids;
mod limits;
mod pace;
mod pages;
mod password;
mod reader;
mod rows;
mod token;
mod transport;
mod whole;
mod wire;
mod writer;

#[cfg(test)]
mod tests;

pub use client::{Client, ConnectError, Counts};
pub use error::{ApiError, ApiErrorKind, CallError, SendError, WriteError};
pub use pace::Pause;
pub use password::{RandomError, nonce, password, password_for};
pub use reader::Reader;
pub use rows::is_username;
pub use token::is_usual as is_usual_token;
pub use transport::{
    AccessKind, HttpTransport, Method, Request, Response, Transport, trust_nobody,
};
pub use writer::{EmailChange, TEAM_BATCH, Writer};

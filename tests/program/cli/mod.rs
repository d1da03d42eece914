//! The binary as a user runs it, against a simulated Mattermost and a directory in a file.

mod alone;
mod check;
mod clean;
mod deactivate;
mod directories;
mod edited;
mod exits;
mod incomplete;
mod last_reading;
mod ldap;
mod people;
mod record;
mod saved;
mod served;
mod state;
mod times;
mod trusted;
mod undo;
mod undo_rings;
mod unread;
mod waits;
mod ways;
pub mod widths;
mod words;

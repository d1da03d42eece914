//! The daemon as a service manager sees it: the real binary, its signals, its words to the service
//! manager, its output, its control socket.

mod alone;
mod backoff;
mod control;
mod crowded;
mod incomplete;
mod manager;
mod reload;
mod starting;
mod stopping;
mod triggers;
mod voice;
mod watchdog;

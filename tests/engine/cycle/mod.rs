//! What a cycle promises, through the engine: an LDIF file on one side, a simulated Mattermost on
//! the other.

mod aftermath;
mod approvals;
mod branch;
mod breaker;
mod kept;
mod meanwhile;
mod orders;
mod reading;
mod saved;
mod teams;
mod writes;

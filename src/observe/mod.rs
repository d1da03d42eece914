//! Reports what happens: the facts of each cycle, and lines in the journal made from them. There is
//! one line for each change, which says who, what and why, and one for each cycle that changed
//! something.

mod events;
mod facts;
mod mails;
mod output;

pub use events::{
    Kind, aftermath, another_installation, complete, cycle_done, cycle_failed, cycle_recovered,
    expiring, held, incomplete, left_alone, more_expiring, more_left_alone, reload_done,
    reload_failed, secret_changed, started, state_unknown, step, stopping, users_gone,
};
pub use facts::{Adoption, CycleFacts, DirectoryFacts, FirstPassword, PlanFacts, Side, held_back};
pub use mails::Mails;
pub use output::{Output, init};

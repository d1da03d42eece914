//! What a run needs.

use std::collections::BTreeSet;

use secrecy::SecretString;
use tokio::sync::watch;

use super::report::Listener;
use super::tried::Attempt;
use crate::clock::Clock;
use crate::mattermost::Writer;
use crate::model::{PasswordPolicy, Roster, User, UserId};
use crate::state::State;

/// What a run needs.
pub struct Applier<'a> {
    /// The client that writes.
    pub writer: &'a Writer,
    /// Where intents and outcomes are recorded.
    pub store: &'a State,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The initial password of new users; without it each gets a random one.
    pub initial_password: Option<SecretString>,
    /// The server's rules for passwords, as far as they are known.
    pub password_policy: Option<PasswordPolicy>,
    /// The users as the plan saw them.
    pub users: &'a Roster<UserId, User>,
    /// Our own bot, where the server disables it together with its owner.
    pub own_bot: Option<&'a UserId>,
    /// Changes that failed again and again, which are tried after everything else.
    pub tried: BTreeSet<Attempt>,
    /// How many calls may be in flight at once.
    pub concurrency: usize,
    /// How many users took a seat when the plan was made.
    pub seats_taken: u64,
    /// Whether one call can add several users to a team.
    pub team_batch: bool,
    /// Becomes true when the run is to end.
    pub stop: watch::Receiver<bool>,
    /// Receives the outcome of every step.
    pub listener: &'a Listener<'a>,
}

//! Everything that can be asked for. The control socket answers what is listed here, and a command
//! can ask for nothing else.

use crate::cycle::Engine;

use super::approve::Approve;
use super::conflicts::Conflicts;
use super::deactivate::Deactivate;
use super::explain::Explain;
use super::forget::Forget;
use super::history::{History, ShowRun};
use super::link_step::{LinkAccount, Unlink};
use super::orphans::{Keep, Orphans};
use super::plan::ShowPlan;
use super::request::{Question, Record, Request};
use super::saved::{SavePlan, SyncSaved};
use super::state_check::StateCheck;
use super::sync::Sync;
use super::undo::{Redo, Undo};

/// A request that is listed here.
pub trait Listed: Request {}

/// Offers requests, each by its name.
pub trait Offer {
    /// Offers a question about the record.
    fn about_record<R: Request<Tool = Record>>(&mut self);
    /// Offers a question about both sides.
    fn about_sides<R: Question>(&mut self);
    /// Offers a request that an engine works on.
    fn with_engine<R: Request<Tool = Engine>>(&mut self);
}

macro_rules! list {
    (record: $($question:ty),+; sides: $($sides:ty),+; engine: $($request:ty),+;) => {
        $(impl Listed for $question {})+
        $(impl Listed for $sides {})+
        $(impl Listed for $request {})+

        /// Offers every request that is listed.
        pub fn offer_all(to: &mut impl Offer) {
            $(to.about_record::<$question>();)+
            $(to.about_sides::<$sides>();)+
            $(to.with_engine::<$request>();)+
        }
    };
}

list! {
    record: History, ShowRun;
    sides: Explain, Conflicts, Orphans;
    engine: ShowPlan, Sync, Approve, Deactivate, LinkAccount, Unlink, Keep, Undo, Redo, Forget, StateCheck, SavePlan, SyncSaved;
}

//! What people ask for beside a cycle.
//!
//! A new command is one type with a [`Request`] here, one line in `registry`, and one view in the
//! command line. It then works the same through the service and without it.

mod alike;
mod approve;
mod conflicts;
mod deactivate;
mod error;
mod explain;
mod forget;
mod full_name;
mod history;
mod holds;
mod link;
mod link_step;
mod new_ids;
mod orphans;
mod outlook;
mod parties;
mod past_steps;
mod person;
mod plan;
mod registry;
mod request;
mod run_report;
mod saved;
mod similar;
mod state_check;
mod sync;
mod undo;

pub use alike::Instead;
pub use approve::{Approve, Approved};
pub use conflicts::{Conflict, ConflictKind, Conflicts, ConflictsReport, Party, Way};
pub use deactivate::{Deactivate, Deactivation};
pub use error::DeskError;
pub use explain::{Called, Explain, Explanation, LinkStory, Story};
pub use forget::{Forget, Forgotten};
pub use history::{History, ShowRun};
pub use holds::note_shown;
pub use link::LinkReport;
pub use link_step::{LinkAccount, Unlink};
pub use orphans::{Keep, Orphan, Orphans, OrphansReport, SaidBy};
pub use outlook::{Outlook, Wanted};
pub use parties::{AccountSide, EntrySide, UserSide};
pub use past_steps::Happened;
pub use person::PersonError;
pub use plan::ShowPlan;
pub use registry::{Listed, Offer, offer_all};
pub use request::{Asker, Question, Record, Request, Turn};
pub use run_report::{ApprovalReport, Change, HistoryReport, NoteReport, RunReport, StepReport};
pub use saved::{SavePlan, Saved, SavedError, SavedPlan, SyncSaved, SyncedSaved};
pub use state_check::{Finding, StateCheck, StateReport};
pub use sync::{Sync, cycle_for};
pub use undo::{LeftStep, Redo, Redone, Undo, UndoReport};

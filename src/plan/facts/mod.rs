//! Look-ups over both sides and memory, and pure functions. Nothing here knows the plan.

pub(in crate::plan) mod address;
pub(in crate::plan) mod approvals;
pub(in crate::plan) mod clock;
pub(in crate::plan) mod effect;
pub(in crate::plan) mod exchange;
pub(in crate::plan) mod fields;
pub(in crate::plan) mod hold_remedies;
pub(in crate::plan) mod hold_words;
pub(in crate::plan) mod limits;
pub(in crate::plan) mod linked_accounts;
pub(in crate::plan) mod losses;
pub(in crate::plan) mod names;
mod obstacle_words;
pub(in crate::plan) mod progress;
pub(in crate::plan) mod spans;
pub(in crate::plan) mod temporary;
pub(in crate::plan) mod user_index;
pub(in crate::plan) mod usernames;

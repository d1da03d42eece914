//! Who is deactivated, and who comes back.
//!
//! Guarantees: missing is deactivated only where a whole reading proves the absence, and only after
//! the grace and enough readings; locked is deactivated at once; only whom we deactivated, and nobody
//! touched since, is reactivated, and only by two readings that agree; whom a person had deactivated
//! stays so until a person says otherwise; whom nothing may be done to is left alone by name.

mod leaving;
mod missing;
mod orders;
mod present;

pub use missing::missing;
pub use orders::ordered;
pub use present::judge;

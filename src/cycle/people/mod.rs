//! What a person asks and says about people: conflicts, orphans, the story of one, who is who.

mod conflicts;
mod deed;
mod explain;
mod find;
mod hand;
mod near;
mod orphans;
mod outlook;
mod past;
mod sides;

pub use conflicts::{Conflict, ConflictKind, Conflicts, ConflictsReport, Party, Way};
pub use explain::{Explain, Explanation, LinkTold, Story};
pub use find::FindError;
pub use hand::{Adopt, ByHand, LinkThem, Unlink};
pub use orphans::{DeactivateOrphan, Keep, Kept, Orphan, OrphanOut, Orphans, OrphansReport};
pub use outlook::{Outlook, Wanted};
pub use past::Happened;
pub use sides::{AccountSide, EntrySide, UserSide};

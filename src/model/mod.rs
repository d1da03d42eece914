//! The words of the product as types: accounts, users, rosters, plans.
//!
//! Nothing here waits, reads a clock or knows a protocol; every other room may use these types,
//! and these types use no other room.

mod account;
mod belongings;
mod evidence;
mod identifiers;
mod ids;
mod memory;
mod plan;
mod reason;
mod record;
mod server;
mod text;
mod time;
mod undone;

pub use account::{
    Account, AccountPart, AccountState, Directories, Directory, EmailCandidates, Entry, Group,
    Lookup, Profile, ProfileField, Reading, Shape, SourceIdentity, WentBack,
};
pub use belongings::{Aftermath, Belonging, BelongingKind, Belongings, Fate, Remnant};
pub use evidence::{Evidence, Gap, Proof, Rejected, Roster};
pub use identifiers::{BestMatches, Identifiers, MatchedBy};
pub use ids::{
    AccountKey, DirectoryId, Fingerprint, GroupId, Nonce, ProviderName, RunId, StepId, TeamId,
    UserId, same_text,
};
pub use memory::{
    Absence, Agreed, Announcement, Approval, ChosenName, ClockSeen, Deactivation, Done, Flip,
    Flipped, Given, HoldKey, Kept, Link, LinkOrigin, Memory, MemoryDelta, Newest, Older, Order,
    Remember, Restored, Return, SeatRefusal, SeatWait, Unlinked,
};
pub use plan::{
    Action, Class, NewUser, Outcome, Phase, Plan, Precondition, Step, Subject, TeamRef, UserRef,
    Values,
};
pub use reason::{Changed, Hold, HoldCause, LeftAlone, Loss, Reason, TeamMoved, Why};
pub use record::{
    About, HeldBack, Made, MattermostProof, Note, Origin, ReadingProof, Released, RunKind,
    StepRecord,
};
pub use server::{
    Capabilities, Member, OwnBot, Part, PasswordPolicy, Places, Seats, ServerFacts, Team, Unread,
    User, Version,
};
pub use text::{printable, shell_word, visible};
pub use time::{Now, Timestamp};
pub use undone::{Undoing, Undone, ValueOf};

//! The words of the product as types: accounts, users, rosters, plans.
//!
//! Nothing here waits, reads a clock or knows a protocol; every other room may use these types,
//! and these types use no other room.

mod account;
mod action;
mod action_kind;
mod belongings;
mod change_stamp;
mod claimed;
mod class;
mod directory;
mod dn;
mod evidence;
mod hold;
mod hold_key;
mod id_attribute;
mod identifiers;
mod ids;
mod link;
mod memory;
mod new_ids;
mod obstacle;
mod outcome;
mod plan;
mod reason;
mod record;
mod remembered;
mod scope;
mod server;
mod subject;
mod text;
mod time;
mod undone;
mod why;

pub use account::{
    Account, AccountPart, AccountState, EmailCandidates, Entry, Group, Lookup, Profile,
    ProfileField, SourceIdentity, WentBack, full_name,
};
pub use action_kind::ActionKind;
pub use belongings::{Aftermath, Belonging, BelongingKind, Belongings, Fate, ReportedBelonging};
pub use change_stamp::ChangeStamp;
pub use claimed::{Claimed, NamedUser};
pub use class::Class;
pub use directory::{Directories, Directory, Reading, Shape};
pub use dn::Dn;
pub use evidence::{Evidence, Gap, Proof, Rejected, Roster};
pub use hold::{Hold, HoldCause, Loss, TeamMoved};
pub use hold_key::HoldKey;
pub use id_attribute::{IdAttribute, IdForm};
pub use identifiers::{BestMatches, Identifiers, MatchedBy};
pub use ids::{
    AccountKey, DirectoryId, Fingerprint, GroupId, Nonce, PlaceId, ProviderName, RunId, StepId,
    TeamId, UserId, same_text,
};
pub use link::{Agreed, BegunCreation, Deactivation, Given, Link, LinkOrigin};
pub use memory::{
    AccountChange, AccountMemory, HoldChange, HoldMemory, Memory, MemoryDelta, PlaceChange,
    PlaceMemory, ProviderChange, ProviderMemory, Remember, ServerChange, ServerMemory, UserChange,
    UserMemory,
};
pub use new_ids::{Gone, NewIds, NoNewId, Renumbered, Stuck};
pub use obstacle::{Agreement, NotAdopted, NotPurged, Oddity, SeatOrderFault, Untouchable};
pub use outcome::{Outcome, OutcomeKind};
pub use plan::{Action, NewUser, Phase, Plan, Precondition, Step, TeamRef, UserRef, Values};
pub use reason::Reason;
pub use record::{
    About, HeldBack, Made, MattermostProof, Note, Noted, Origin, ReadingProof, Released, RunKind,
    StepRecord,
};
pub use remembered::{
    Absence, Announcement, Approval, ChangedPart, ChosenName, ClockSeen, Done, Kept, Newest, Older,
    Order, OwnChange, Restored, Return, SeatRefusal, SeatWait, Unlinked,
};
pub use scope::{Changed, ScopeKey, ScopeValue, ScopeValues};
pub use server::{
    Capabilities, MailSettings, Member, OwnBot, Part, PasswordPolicy, Places, Seats, ServerFacts,
    Team, Unread, User, Version,
};
pub use subject::Subject;
pub use text::{fold, printable, shell_word, visible};
pub use time::{DURATION_UNITS, Now, Timestamp, as_configured, tell_times_in};
pub use undone::{Undoing, Undone, ValueOf};
pub use why::{AlikeNames, LeftAlone, Why};

//! What can happen. A history is data: it can be cut short, and told again.

use crate::ports::{Lie, Trouble};
use crate::world::{Flaw, Lock};

/// Something that happens between two cycles. People are meant by their numbers; where it cannot
/// happen to that one, it happens to the next to whom it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    // In the directory.
    Join(u32),
    /// A new person gets the username of somebody who is gone, or their address too.
    JoinAs(u32, u32, bool),
    /// So many at once.
    Crowd(u32, u32),
    Leave(u32),
    Return(u32),
    /// Deleted, and made again under the same username: a new id.
    Recreate(u32, u32),
    Rename(u32, u32),
    CaseOfName(u32),
    SwapNames(u32, u32),
    RingOfNames(u32, u32, u32),
    /// Wants the username of somebody who keeps it.
    SameName(u32, u32),
    Move(u32, usize),
    MoveOut(u32),
    MoveBack(u32),
    Lock(u32),
    Unlock(u32),
    NewMail(u32, u32),
    SwapMails(u32, u32),
    ShareMail(u32, u32),
    LoseMail(u32),
    CaseOfMail(u32),
    TwoMails(u32, u32),
    NewNames(u32),
    LoseTitle(u32),
    Spoil(u32, Flaw),
    Mend(u32),
    ReplaceDirectory,
    /// Everybody is in another directory, with another id.
    NewIds(u32),
    /// The configuration names another id attribute, or the one before again.
    OtherIdAttribute,
    /// The account expires so many days from now on.
    Expires(u32, i64),
    Prolonged(u32),
    // On Mattermost.
    AdminDeactivates(u32),
    /// Somebody who is inactive already.
    AdminDeactivatesAgain(u32),
    AdminReactivates(u32),
    AdminRenames(u32, u32),
    AdminChangesMail(u32, u32),
    AdminPromotes(u32),
    /// The other administrators go: whoever is left is the last.
    ChiefLeaves,
    /// A stranger with a person's future name, address, or both.
    Stranger(u32, Likeness),
    RemovedFromTeam(u32),
    OwnName(u32, u32),
    OwnMail(u32, u32),
    /// This person takes another username, or address, again and again.
    NameWar(u32, u32),
    MailWar(u32, u32),
    AdminDemotes(u32),
    /// Somebody writes the mark by which mattersync knows what it made.
    ForgesMark(u32, Forgery),
    /// Somebody fills their own props: so that a page of users is too large, or their row alone.
    LargeProps(u32, bool),
    OwnsBot(u32),
    OwnsOurBot(u32),
    /// From now on the server fails whatever is written about so many people, with an error of its
    /// own.
    RefusedForEver(u32, u32, Refusal),
    TeamRenamed(u32),
    TeamArchived,
    /// The team has its name again, and is in use.
    TeamBack,
    ClickMails,
    // Persons who speak to mattersync.
    ApproveAll,
    ApproveOne(u32),
    Order(u32),
    // The machine.
    WallJump(i64),
    Reboot,
    Restart,
    KeepCopy,
    /// With the mark of the last run, which is no part of the copy, or without it.
    RestoreCopy(bool),
    LoseState(bool),
}

/// In what a stranger is like somebody of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    Name,
    Mail,
    Both,
    Bot,
    Admin,
    None,
}

/// Whose mark is forged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// A stranger with a person's name and address signs up, and has a mark.
    Stranger,
    /// Somebody who is linked has another mark, or that of somebody else, or none.
    Other,
    Copied,
    Erased,
}

/// What a server refuses of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Whatever has their name in it, as a database without all letters does.
    Values,
    /// Whatever it is.
    Everything,
}

/// What the directory says of itself in one reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    Reordered(u64),
    /// The connection breaks after so many entries.
    Cut(usize),
    CutInside(usize),
    /// The search ends early with this result.
    Ends(usize, u32),
    /// Nobody is there, and the result is 0.
    Emptied,
    NoBase,
    Reference,
    LookupsFail,
    Refused(u32),
    /// A right is lost: a container is not shown.
    HideUnit(usize),
    HideAttribute(&'static str),
    HideAttributeIn(usize, &'static str),
    /// The entry of this person is larger than anybody reads.
    LargeEntry(u32),
    /// A replica that lacks everybody whose number gives 0 in this division.
    Replica(u32, u32),
}

/// What may be known of a fault from its kind alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The reading is the truth.
    True,
    /// The reading is complete as far as anybody can tell, and it is not the truth.
    Lies,
    /// The reading proves no absence.
    Broken,
}

impl Fault {
    pub fn proof(&self) -> Proof {
        match self {
            // Who is listed is listed; only absence is not proven.
            Self::None | Self::Reordered(_) | Self::LookupsFail | Self::LargeEntry(_) => {
                Proof::True
            }
            Self::HideUnit(_)
            | Self::HideAttribute(_)
            | Self::HideAttributeIn(..)
            | Self::Replica(..) => Proof::Lies,
            _ => Proof::Broken,
        }
    }
}

/// From one cycle to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    pub events: Vec<Event>,
    pub fault: Fault,
    pub trouble: Trouble,
    /// What Mattermost says.
    pub lie: Lie,
    /// How much time passes afterwards, in minutes.
    pub minutes: u32,
}

/// What does not change within a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub new_server: bool,
    pub socket: bool,
    pub verifies: bool,
    pub adopt: &'static str,
    pub grace_hours: u32,
    pub protect: bool,
    /// Seats above the number of people at the start.
    pub seats: Option<u32>,
    pub room: u32,
    /// A second source of addresses: `{uid}@example.org`.
    pub fallback: bool,
    pub lock: Lock,
    pub page: u32,
    pub people: u32,
    pub concurrency: u32,
    pub limits: Limits,
    /// Who was let in again by hand goes again.
    pub enforce: bool,
    /// Mattersync works with a bot's token.
    pub bot: bool,
    /// People keep a second anchor wherever they go.
    pub anchors: bool,
    /// Accounts expire on a day.
    pub dates: bool,
    /// Who has been gone for long is deleted for ever.
    pub purge: bool,
}

/// How the guard's limits are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    Auto,
    Numbers,
    Percent,
    Off,
}

impl Setting {
    /// The account that mattersync works with.
    pub fn own_account(&self) -> Option<&'static str> {
        match (self.socket, self.bot) {
            (true, _) => None,
            (false, true) => Some(OUR_BOT),
            (false, false) => Some("root.admin"),
        }
    }
}

/// The bot that is ours.
pub const OUR_BOT: &str = "mattersync";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    pub seed: u64,
    pub setting: Setting,
    pub rounds: Vec<Round>,
}

impl Likeness {
    pub const ALL: [Self; 6] = [
        Self::Name,
        Self::Mail,
        Self::Both,
        Self::Bot,
        Self::Admin,
        Self::None,
    ];
}

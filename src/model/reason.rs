//! Why: the reasons of steps, of leaving alone, of holding.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::{
    AccountKey, Agreement, Changed, Claimed, DirectoryId, Fingerprint, Gap, HoldKey, NamedUser,
    NewIds, NotAdopted, NotPurged, Oddity, RunId, StepId, Subject, Timestamp, Untouchable, UserId,
    ValueOf, WentBack,
};

/// Why a step is wanted, in the values that led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The account has no user yet.
    NoUserYet,
    /// The same person was on the server before.
    SamePerson {
        /// What agrees.
        by: Agreement,
    },
    /// Another account of the same person is gone.
    SameAnchor {
        /// The second anchor that both have.
        anchor: String,
        /// Where the other account was last seen.
        was: String,
    },
    /// An attribute says that the account is locked.
    Locked {
        /// Which attribute.
        attribute: String,
        /// Its value.
        value: String,
    },
    /// The account is missing.
    Missing {
        /// For how long for certain.
        certain: Duration,
        /// In how many complete readings.
        readings: u32,
        /// Where it was last seen.
        last_dn: String,
        /// Where it is now, if it was found outside the base or the filter.
        now_at: Option<String>,
    },
    /// The account is back, or no longer locked, and the deactivation was ours.
    Returned {
        /// Why it had been deactivated.
        deactivated_because: String,
    },
    /// Directory and user differ.
    Differs {
        /// The attribute, field or source in the directory.
        attribute: String,
        /// What the directory says.
        directory: String,
        /// What the user has.
        mattermost: String,
    },
    /// The username or address is needed by somebody else in the same run.
    MakesRoom {
        /// The name that somebody else needs.
        name: String,
    },
    /// Somebody left in the middle of an exchange of names, and has the temporary one.
    LeftBetween {
        /// The directory's name for the account when it was last seen.
        last: String,
    },
    /// The server would disable our bot together with its owner.
    OwnsOurBot {
        /// The bot's username.
        bot: String,
        /// The owner's username.
        owner: String,
    },
    /// The team is in the configuration and does not exist.
    TeamConfigured,
    /// Everyone is a member of this team.
    EveryoneIsMember {
        /// The team's display name.
        team: String,
    },
    /// A person takes back what a run did.
    Undone {
        /// Which run.
        run: RunId,
        /// Who.
        by: String,
        /// Whether a deactivation stays until a person ends it.
        lasting: bool,
    },
    /// A person said so.
    Ordered {
        /// Who.
        by: String,
    },
    /// A person approved the adoption, and said that nobody else's password may stay good.
    NewPassword {
        /// Who.
        by: String,
    },
    /// A person said who is who.
    ByHand {
        /// Who said it.
        by: String,
        /// Whether with `mattersync link`; else with `mattersync unlink`.
        linked: bool,
    },
    /// The account's date of expiry has come.
    Expired {
        /// Which attribute holds the date.
        attribute: String,
        /// The date.
        at: Timestamp,
        /// When it was announced, if that was long enough before: then it is no surprise to
        /// anybody, and the guard does not count it.
        announced: Option<Timestamp>,
    },
    /// An administrator reactivated the user, and the policy is to deactivate him again.
    Again {
        /// Why they are to be out.
        because: Box<Reason>,
    },
    /// The account has been gone for so long that the user is to be deleted for ever.
    GoneFor {
        /// Since when complete readings do not contain it.
        since: Timestamp,
        /// When the user was deactivated.
        deactivated: Timestamp,
        /// `policy.purge-after`.
        after: Duration,
        /// Where it was last seen.
        last_dn: String,
    },
}

/// Something that was looked at and left as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftAlone {
    /// Whom it is about.
    pub subject: Subject,
    /// Why nothing is done.
    pub why: Why,
}

/// Why somebody is left alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Why {
    /// A user whom we neither created nor adopted has this name or address.
    Conflict {
        /// What the account wants.
        what: Claimed,
        /// The value.
        value: String,
        /// Who has it.
        holder: NamedUser,
        /// Why it is not an adoption.
        because: NotAdopted,
    },
    /// A person took the account's link apart.
    Unlinked {
        /// Which user it was linked to.
        user: NamedUser,
        /// Who said so.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// Another account of the directory has the same address.
    Duplicate {
        /// The address.
        email: String,
        /// The other account's DN.
        other: String,
    },
    /// Another account is linked to the same user.
    LinkedTwice {
        /// The user.
        user: UserId,
        /// The other account.
        other: AccountKey,
    },
    /// The account has the name, address or second anchor of a user whose own account was not
    /// found: a person says whether both are one.
    LooksLike {
        /// What agrees.
        what: Claimed,
        /// Its value.
        value: String,
        /// The user.
        holder: NamedUser,
        /// The account that the user is linked with: its last DN and id.
        was: String,
        /// This account's id.
        id: DirectoryId,
        /// Nothing else agrees.
        alone: bool,
    },
    /// The username looks like another one.
    LookAlike {
        /// As the directory spells it.
        username: String,
        /// Its legal form.
        becomes: String,
        /// What is odd about it.
        because: Oddity,
    },
    /// The state file may be an older copy.
    OlderState {
        /// How that was noticed.
        how: String,
    },
    /// The second anchor belongs to another account too, and is of no use.
    SharedAnchor {
        /// The second anchor.
        anchor: String,
        /// The other account's DN.
        other: String,
    },
    /// A group of `policy.seat-order` that cannot be followed.
    SeatOrder(String),
    /// The entry cannot be used.
    BadEntry(String),
    /// The username has no legal form.
    NoUsername(String),
    /// No candidate address is legal.
    NoEmail(String),
    /// The server accepts only addresses of certain domains.
    DomainRefused {
        /// The address.
        email: String,
        /// The domains.
        allowed: String,
    },
    /// The account is locked, and there is no user: nothing to do.
    LockedWithoutUser,
    /// The account is missing, but not yet long or often enough.
    Grace {
        /// For how long for certain.
        certain: Duration,
        /// The grace.
        grace: Duration,
        /// In how many complete readings.
        readings: u32,
    },
    /// The account was not seen, but the reading does not prove that it is gone.
    Unproven(Gap),
    /// Not all of Mattermost's users were read: somebody may have the name or the address already.
    UsersUnread(Gap),
    /// The user of a linked account is there, or perhaps so, but nobody knows as what.
    UserUnread {
        /// The user.
        user: UserId,
        /// Why not.
        gap: Gap,
    },
    /// What Mattermost tells of a user whom no account stands behind cannot be used.
    BadUser(String),
    /// The lock cannot be seen: neither deactivated nor reactivated.
    StateUnknown(String),
    /// Back once; reactivated when the next reading agrees.
    SeenBackOnce,
    /// An administrator deactivated the user by hand.
    DeactivatedByHand,
    /// Deactivated by `mattersync deactivate`; only a person undoes that.
    DeactivatedByOrder {
        /// Who gave the order.
        by: String,
    },
    /// An administrator reactivated the user although the account is locked or missing.
    ReactivatedByHand,
    /// `mattersync undo` took our deactivation back, although the account is locked or missing.
    DeactivationUndone {
        /// The run that had deactivated.
        run: RunId,
        /// Who took it back.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// Named in `protect`.
    Protected,
    /// A bot, our own account, or the last administrator.
    Untouchable(Untouchable),
    /// The server takes no more active users.
    NoSeat {
        /// The server's limit.
        limit: u64,
    },
    /// The user is gone from the server although we link an account to it.
    UserGone,
    /// A login service owns the user's fields.
    LoginService {
        /// Which service.
        service: String,
        /// What differs.
        fields: Vec<ValueOf>,
    },
    /// The server lets nobody change the state of a user who logs in through this service.
    StateManaged {
        /// Which service.
        service: String,
        /// The username.
        name: String,
        /// Whether they were to be deactivated; else they were to be reactivated.
        out: bool,
    },
    /// A change of address waits for the person's click.
    EmailWaiting {
        /// The new address.
        email: String,
    },
    /// Two people swap their addresses, and the server verifies addresses or takes only those of
    /// certain domains.
    EmailSwap {
        /// The address.
        email: String,
    },
    /// The field lost its value, but the reading does not prove it.
    FieldUnproven {
        /// Which field or attribute.
        field: String,
    },
    /// The team is archived.
    TeamArchived {
        /// Its name.
        team: String,
    },
    /// The team that was filled under this name is another one than has the name now.
    TeamMoved(TeamMoved),
    /// Groups decide who is in the team.
    TeamConstrained {
        /// Its name.
        team: String,
    },
    /// The team takes only addresses of certain domains.
    TeamDomain {
        /// Its name.
        team: String,
        /// The person's address.
        email: String,
        /// The domains.
        allowed: String,
    },
    /// The team is full.
    TeamFull {
        /// Its name.
        team: String,
        /// `MaxUsersPerTeam`.
        limit: u64,
    },
    /// The first user of a server without an active human administrator would become one.
    NoAdmin,
    /// The server would refuse the initial password that is configured, for this reason.
    PasswordRefused(String),
    /// A person took it back, and the directory still says what it said then.
    Undone {
        /// Which value.
        what: ValueOf,
        /// The run that had done it.
        run: RunId,
        /// Who took it back.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// It cannot be taken back.
    NotUndone {
        /// The run that had done it.
        run: RunId,
        /// Why, in words.
        why: String,
    },
    /// An address that is taken back is still that of somebody who has to confirm another one first.
    UndoWaits {
        /// The run that had done it.
        run: RunId,
        /// The address.
        email: String,
        /// Who has it: the username.
        holder: String,
    },
    /// The entry is not a person's: no user is made for it, and a user who is linked to it stays as
    /// he is.
    NotAPerson {
        /// The rule of `accounts.not-a-person` that says so, with the value.
        rule: String,
        /// Whether a user is linked to it, so that a person should decide.
        linked: bool,
    },
    /// The account expires by itself within days.
    ExpiresSoon {
        /// When.
        at: Timestamp,
        /// In how many days, rounded down.
        days: u64,
    },
    /// The account has been gone long enough, and still the user is not deleted.
    NotPurged {
        /// Since when it is gone.
        since: Timestamp,
        /// Why not.
        because: NotPurged,
    },
    /// A step of an earlier run has an unknown outcome that this reading does not settle.
    OutcomeUnknown(String),
    /// The configuration was changed, and people who are missing since are still within the grace.
    DroppedByConfiguration {
        /// How many.
        people: usize,
        /// What was changed.
        changes: Vec<Changed>,
    },
    /// The configuration was changed, and people who are back since are reactivated when the next
    /// reading agrees.
    BackByConfiguration {
        /// How many.
        people: usize,
        /// What was changed.
        changes: Vec<Changed>,
    },
}

impl Why {
    /// The word for the reason, without whom it is about.
    pub fn kind(&self) -> &'static str {
        self.into()
    }
}

/// Something that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// What `mattersync approve` is told.
    pub key: HoldKey,
    /// Why.
    pub cause: HoldCause,
    /// The steps that are kept back.
    pub steps: Vec<StepId>,
    /// What they would do, as an approval is bound to it.
    pub fingerprints: BTreeSet<Fingerprint>,
}

impl Hold {
    /// Counts what waits: steps, or new ids.
    pub fn size(&self) -> usize {
        match &self.cause {
            HoldCause::NewIds(new_ids) => new_ids.renumbered.len(),
            _ => self.steps.len(),
        }
    }
}

/// Why something is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldCause {
    /// More of the class than its limit for one cycle.
    Limit {
        /// The limit.
        limit: u64,
        /// How many the plan wants: people, not steps.
        wanted: u64,
    },
    /// More people were to get back what they changed on Mattermost than the directory's own
    /// changes leave of the limit for one cycle.
    GivenBack {
        /// What they leave of it.
        limit: u64,
        /// How many wait: people, not steps.
        wanted: u64,
    },
    /// More of the class within 24 hours than three times its limit.
    Day {
        /// Three times the limit.
        limit: u64,
        /// Done in the last 24 hours.
        done: u64,
        /// How many the plan wants: people, not steps.
        wanted: u64,
    },
    /// The configuration names another id attribute.
    NewIds(NewIds),
    /// A roster shrank by more than a fifth.
    Shrank {
        /// Accounts before.
        from: usize,
        /// Accounts now.
        to: usize,
        /// Which containers lost accounts, the greatest loss first.
        #[serde(default)]
        lost: Vec<Loss>,
    },
    /// A container that had three or more accounts has none.
    ContainerVanished {
        /// Accounts before.
        had: usize,
    },
    /// An attribute that many accounts had is there for less than half of them.
    AttributeFaded {
        /// Accounts that had it.
        had: usize,
        /// Of so many.
        had_of: usize,
        /// Accounts that have it now.
        has: usize,
        /// Of so many.
        has_of: usize,
    },
    /// Users whom we deactivated and reactivated, or gave something back to, too often of late.
    Flapping {
        /// The most changes.
        limit: u32,
        /// Within this time.
        within: Duration,
        /// Whether it is about usernames, addresses or other fields of somebody.
        #[serde(default)]
        values: bool,
        /// The changes of each, by name.
        changes: BTreeMap<String, Vec<Timestamp>>,
    },
    /// The wall clock jumped, so that dates may seem to have come, or not to have come.
    ClockJumped {
        /// By so many milliseconds ahead; below zero: back.
        ahead: i64,
    },
    /// The provider says that it is another server or domain.
    OtherIdentity {
        /// Before.
        from: String,
        /// Now.
        to: String,
    },
    /// The same server knows of less than before: a backup of it was put back.
    WentBack(WentBack),
    /// Settings that decide who is in scope were changed.
    Configuration {
        /// Each of them.
        changes: Vec<Changed>,
    },
    /// The team that was filled under a name is another one than has the name now.
    TeamMoved(TeamMoved),
    /// The state file is an older copy.
    OlderState {
        /// How that was noticed.
        how: String,
    },
}

/// A team that no longer has the name under which it was filled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TeamMoved {
    /// The name under which it was filled, as `[[team]]` has it.
    pub team: String,
    /// Its name now; `None` if it was deleted for ever.
    pub now: Option<String>,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether another team has the old name now.
    pub taken: bool,
}

/// A container with fewer accounts than before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Loss {
    /// Its DN, in lower case.
    pub container: String,
    /// Accounts before.
    pub from: usize,
    /// Accounts now.
    pub to: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_counted_by_its_name_in_json() {
        let json = serde_json::to_value(Why::LockedWithoutUser).unwrap();
        assert_eq!(json, Why::LockedWithoutUser.kind());
        let grown = Why::NotAPerson {
            rule: String::new(),
            linked: false,
        };
        let json = serde_json::to_value(&grown).unwrap();
        assert!(json.get(grown.kind()).is_some(), "{json}");
    }
}

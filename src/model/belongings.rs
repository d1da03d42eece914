//! Things that act in a user's name and outlive the user's deactivation.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use super::{AccountKey, UserId};

/// The kinds of things that act in a user's name.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
pub enum BelongingKind {
    /// A personal access token. The server refuses it while its owner is deactivated, and accepts
    /// it again as soon as the owner is reactivated.
    Token,
    /// A bot. The server disables it with its owner, unless told otherwise, and does not enable
    /// it again.
    Bot,
    /// An incoming webhook: goes on to post, also while its owner is deactivated.
    IncomingWebhook,
    /// An outgoing webhook: goes on to send what people write.
    OutgoingWebhook,
    /// A slash command: goes on to send what people write.
    SlashCommand,
    /// An OAuth application: goes on to let people in elsewhere.
    OauthApplication,
}

impl BelongingKind {
    /// Every kind, in the order in which they are listed.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Returns the kind's name in the singular and in the plural.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Token => ("personal access token", "personal access tokens"),
            Self::Bot => ("bot", "bots"),
            Self::IncomingWebhook => ("incoming webhook", "incoming webhooks"),
            Self::OutgoingWebhook => ("outgoing webhook", "outgoing webhooks"),
            Self::SlashCommand => ("slash command", "slash commands"),
            Self::OauthApplication => ("OAuth application", "OAuth applications"),
        }
    }
}

/// One thing that acts in a user's name. Its id may be a secret, because anybody who knows the id
/// of an incoming webhook can post with it. Therefore `Debug` shows no id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belonging {
    /// The kind.
    pub kind: BelongingKind,
    /// The id that the command to end it takes.
    pub id: String,
    /// The user to whom it belongs.
    pub owner: UserId,
    /// A bot's username, a command's trigger word; else what its owner called it. May be empty.
    pub name: String,
    /// Whether it is switched on.
    pub active: bool,
}

impl fmt::Debug for Belonging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let off = if self.active { "" } else { ", off" };
        write!(f, "{:?} {:?} of {}{off}", self.kind, self.name, self.owner)
    }
}

impl fmt::Display for Belonging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, _) = self.kind.names();
        match self.kind {
            BelongingKind::Bot => write!(f, "{kind} {}", self.name),
            BelongingKind::SlashCommand => write!(f, "{kind} /{}", self.name),
            _ if self.name.is_empty() => write!(f, "{kind} without a name"),
            _ => write!(f, "{kind} \"{}\"", self.name),
        }
    }
}

impl Belonging {
    /// Returns what it does now that its owner left or returned.
    pub fn state(&self, fate: Fate) -> &'static str {
        match (self.kind, fate, self.active) {
            (BelongingKind::Token, Fate::Left, _) => "refused until its owner returns",
            (BelongingKind::Token, Fate::Returned, _) => "works again",
            (BelongingKind::Bot, Fate::Left, false) => "disabled, also after a return; to keep it:",
            (BelongingKind::Bot, Fate::Returned, false) => "stays disabled",
            _ => "goes on working",
        }
    }

    /// Returns what to type to end it or, for a disabled bot, to use it again. `mmctl` has a
    /// command for all but OAuth applications, from version 5.38 on.
    pub fn to_type(&self, fate: Fate) -> String {
        let Self { id, name, .. } = self;
        match (self.kind, fate, self.active) {
            (BelongingKind::Token, ..) => format!("mmctl token revoke {id}"),
            (BelongingKind::Bot, _, true) => format!("mmctl bot disable {name}"),
            (BelongingKind::Bot, Fate::Left, false) => {
                format!("mmctl bot assign {name} NEW-OWNER; mmctl bot enable {name}")
            }
            (BelongingKind::Bot, Fate::Returned, false) => format!("mmctl bot enable {name}"),
            (BelongingKind::IncomingWebhook | BelongingKind::OutgoingWebhook, ..) => {
                format!("mmctl webhook delete {id}")
            }
            (BelongingKind::SlashCommand, ..) => format!("mmctl command archive {id}"),
            (BelongingKind::OauthApplication, ..) => format!(
                "Integrations > OAuth 2.0 Applications in Mattermost, or DELETE \
                 /api/v4/oauth/apps/{id}"
            ),
        }
    }
}

/// The things that were found, and the kinds that could not be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Belongings {
    /// The things that were found.
    pub found: Vec<Belonging>,
    /// The kinds of which not all could be seen, each with the reason.
    pub not_asked: BTreeMap<BelongingKind, String>,
}

impl Belongings {
    /// Returns belongings of which no kind was asked for, for this reason.
    pub fn unasked(kinds: &[BelongingKind], why: &str) -> Self {
        Self {
            found: Vec::new(),
            not_asked: kinds.iter().map(|kind| (*kind, why.to_owned())).collect(),
        }
    }
}

/// Whether a run deactivated or reactivated a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// The user was deactivated.
    Left,
    /// The user was reactivated.
    Returned,
}

/// One thing that acts in the name of a user who left or returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedBelonging {
    /// The thing.
    #[serde(flatten)]
    pub thing: Belonging,
    /// What it does now, as [`Belonging::state`] says.
    pub state: String,
    /// What to type, as [`Belonging::to_type`] says.
    pub to_type: String,
}

/// What a user who left leaves working, or what works again for a user who returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aftermath {
    /// The user.
    pub user: UserId,
    /// The username.
    pub name: String,
    /// The account, if the user is linked.
    pub account: Option<AccountKey>,
    /// Whether the user left or returned.
    pub fate: Fate,
    /// For a user who left, every thing that is switched on, and the bots that are not. For a user
    /// who returned, the tokens that work again, and the bots that stay disabled.
    pub belongings: Vec<ReportedBelonging>,
    /// The kinds that could not be asked for, each with the reason.
    #[serde(default)]
    pub not_asked: BTreeMap<BelongingKind, String>,
}

impl Aftermath {
    /// Keeps what concerns the person now that they left or returned.
    pub fn of(
        fate: Fate,
        user: &UserId,
        name: &str,
        account: Option<&AccountKey>,
        all: &Belongings,
    ) -> Self {
        let concerns = |thing: &&Belonging| {
            thing.owner == *user
                && match (fate, thing.kind) {
                    (Fate::Left, BelongingKind::Bot) => true,
                    (Fate::Left, _) | (Fate::Returned, BelongingKind::Token) => thing.active,
                    (Fate::Returned, BelongingKind::Bot) => !thing.active,
                    (Fate::Returned, _) => false,
                }
        };
        let remnant = |thing: &Belonging| ReportedBelonging {
            thing: thing.clone(),
            state: thing.state(fate).to_owned(),
            to_type: thing.to_type(fate),
        };
        let asked = |kind: &BelongingKind| fate.kinds().contains(kind);
        let not_asked = all.not_asked.iter().filter(|(kind, _)| asked(kind));
        Self {
            user: user.clone(),
            name: name.to_owned(),
            account: account.cloned(),
            fate,
            belongings: all.found.iter().filter(concerns).map(remnant).collect(),
            not_asked: not_asked.map(|(k, why)| (*k, why.clone())).collect(),
        }
    }

    /// Returns how many there are of each kind: `2 personal access tokens, 1 bot`.
    pub fn numbers(&self) -> String {
        let things = || self.belongings.iter().map(|remnant| &remnant.thing);
        let number = |kind| things().filter(|thing| thing.kind == kind).count();
        let words = BelongingKind::ALL.iter().copied().filter_map(|kind| {
            let (one, many) = kind.names();
            match number(kind) {
                0 => None,
                1 => Some(format!("1 {one}")),
                n => Some(format!("{n} {many}")),
            }
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

impl Fate {
    /// Returns the kinds to ask for after this change.
    pub fn kinds(self) -> &'static [BelongingKind] {
        match self {
            Self::Left => BelongingKind::ALL,
            Self::Returned => &[BelongingKind::Token, BelongingKind::Bot],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(kind: BelongingKind, active: bool) -> Belonging {
        Belonging {
            kind,
            id: "secretid".into(),
            owner: UserId::new("u"),
            name: "name".into(),
            active,
        }
    }

    #[test]
    fn who_left_leaves_what_is_on_and_who_returned_wakes_tokens() {
        let found = BelongingKind::ALL
            .iter()
            .copied()
            .flat_map(|kind| [thing(kind, true), thing(kind, false)])
            .collect();
        let why = "refused".to_owned();
        let all = Belongings {
            found,
            not_asked: [(BelongingKind::OauthApplication, why)].into(),
        };
        let user = UserId::new("u");
        let left = Aftermath::of(Fate::Left, &user, "u", None, &all);
        assert_eq!(
            left.numbers(),
            "1 personal access token, 2 bots, 1 incoming webhook, 1 outgoing webhook, 1 slash \
             command, 1 OAuth application"
        );
        assert_eq!(left.not_asked.len(), 1);
        let back = Aftermath::of(Fate::Returned, &user, "u", None, &all);
        assert_eq!(back.numbers(), "1 personal access token, 1 bot");
        let states: Vec<&str> = back.belongings.iter().map(|r| r.state.as_str()).collect();
        assert_eq!(states, ["works again", "stays disabled"]);
        assert!(back.not_asked.is_empty());
        let other = Aftermath::of(Fate::Left, &UserId::new("v"), "v", None, &all);
        assert!(other.belongings.is_empty());
    }

    #[test]
    fn an_id_is_shown_only_where_it_is_typed() {
        for kind in BelongingKind::ALL.iter().copied() {
            let thing = thing(kind, true);
            assert!(!format!("{thing} {thing:?}").contains("secretid"));
            let types_name = kind == BelongingKind::Bot;
            assert_eq!(thing.to_type(Fate::Left).contains("secretid"), !types_name);
        }
    }
}

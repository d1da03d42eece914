//! Reads what people created: tokens, bots, webhooks, slash commands, OAuth applications.
//!
//! Each list is read once for all people, because a cycle may be about many. A list that cannot be
//! read is reported and is not an error: nothing depends on it.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::model::{Belonging, BelongingKind, Belongings, TeamId, UserId};

use super::error::{ApiErrorKind, CallError};
use super::ids::is_id;
use super::pages::{List, PAGE};
use super::reader::Reader;
use super::transport::AccessKind;
use super::wire::ApiTeam;

/// How many pages of one list are read: 10,000 rows.
const MOST_PAGES: usize = 50;
/// For how many people tokens are asked for one by one. For more people the tokens of all users are
/// listed; the socket has no such list.
const FEW: usize = 3;
/// For how many people tokens are asked for one by one over the socket.
const MOST_PEOPLE: usize = 50;
/// For how many teams commands are listed; each costs a request.
const MOST_TEAMS: usize = 100;
/// The longest name that is kept, in characters. People choose names.
const NAME_CHARS: usize = 64;

#[derive(Deserialize)]
struct ApiToken {
    id: String,
    user_id: String,
    #[serde(default)]
    description: String,
    is_active: bool,
}

#[derive(Deserialize)]
struct ApiBot {
    user_id: String,
    owner_id: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    delete_at: i64,
}

/// A webhook, a command or an application. Their secrets are not listed here, and so never read.
#[derive(Deserialize)]
struct ApiMade {
    id: String,
    #[serde(alias = "creator_id")]
    user_id: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    description: String,
    /// The trigger word; only a command has one.
    #[serde(default)]
    trigger: String,
    /// The name; only an application has one.
    #[serde(default)]
    name: String,
}

/// Why a list was not read completely.
enum NotListed {
    Call(CallError),
    Because(String),
}

impl From<CallError> for NotListed {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl NotListed {
    fn words(&self) -> String {
        match self {
            Self::Because(why) => why.clone(),
            Self::Call(error) => match error.kind() {
                Some(ApiErrorKind::SwitchedOff) => "switched off on the server".into(),
                Some(ApiErrorKind::NotOffered) => "this way in does not offer it".into(),
                _ => error.to_string(),
            },
        }
    }

    /// Returns whether further requests would fail too.
    fn is_general(&self) -> bool {
        let Self::Call(error) = self else {
            return false;
        };
        matches!(error, CallError::Send { .. }) || error.kind() == Some(ApiErrorKind::TokenRejected)
    }
}

impl Reader {
    /// Reads what these people created, of these kinds, into `all`. Never fails: a kind stays in
    /// `all.not_asked` until it was read completely, so that a caller who stops waiting has what is
    /// known by then.
    ///
    /// Costs a request for each kind and 200 rows; for tokens one for each person if there are few
    /// people or over the socket; for commands one for each team.
    pub async fn belongings(
        &self,
        people: &BTreeSet<UserId>,
        kinds: &[BelongingKind],
        all: &mut Belongings,
    ) {
        for &kind in kinds {
            let outcome = self.belongings_of_kind(people, kind, &mut all.found).await;
            match outcome {
                Ok(()) => {
                    all.not_asked.remove(&kind);
                }
                Err(gap) => {
                    all.not_asked.insert(kind, gap.words());
                    if gap.is_general() {
                        let why = gap.words();
                        let later = kinds.iter().skip_while(|k| **k != kind).skip(1);
                        all.not_asked.extend(later.map(|k| (*k, why.clone())));
                        return;
                    }
                }
            }
        }
    }

    async fn belongings_of_kind(
        &self,
        people: &BTreeSet<UserId>,
        kind: BelongingKind,
        found: &mut Vec<Belonging>,
    ) -> Result<(), NotListed> {
        let made = |row: ApiMade| row.into_belonging(kind);
        match kind {
            BelongingKind::Token => self.tokens(people, found).await,
            BelongingKind::Bot => {
                let path = "/bots?include_deleted=true&";
                self.all_pages(path, people, found, ApiBot::into_belonging)
                    .await
            }
            BelongingKind::IncomingWebhook => {
                self.all_pages("/hooks/incoming?", people, found, made)
                    .await
            }
            BelongingKind::OutgoingWebhook => {
                self.all_pages("/hooks/outgoing?", people, found, made)
                    .await
            }
            BelongingKind::SlashCommand => self.commands(people, found).await,
            BelongingKind::OauthApplication if self.client().way() == AccessKind::Local => Err(
                NotListed::Because("the local socket does not tell of OAuth applications".into()),
            ),
            BelongingKind::OauthApplication => {
                self.all_pages("/oauth/apps?", people, found, made).await
            }
        }
    }

    async fn tokens(
        &self,
        people: &BTreeSet<UserId>,
        found: &mut Vec<Belonging>,
    ) -> Result<(), NotListed> {
        let local = self.client().way() == AccessKind::Local;
        if !local && people.len() > FEW {
            return self
                .all_pages("/users/tokens?", people, found, ApiToken::into_belonging)
                .await;
        }
        let people_with_ids = people.iter().filter(|user| is_id(user.as_str()));
        for user in people_with_ids.take(MOST_PEOPLE) {
            let path = format!("/users/{user}/tokens?");
            self.all_pages(&path, people, found, ApiToken::into_belonging)
                .await?;
        }
        match people.len().checked_sub(MOST_PEOPLE) {
            None | Some(0) => Ok(()),
            Some(more) => Err(NotListed::Because(format!(
                "over the socket each person costs a request: {more} more were not asked about"
            ))),
        }
    }

    /// Reads commands, which the server lists for one team at a time. Commands of archived teams do
    /// not work and are left out.
    async fn commands(
        &self,
        people: &BTreeSet<UserId>,
        found: &mut Vec<Belonging>,
    ) -> Result<(), NotListed> {
        let path = format!("/teams?page=0&per_page={PAGE}");
        let teams: Vec<ApiTeam> = self.client().get(&path).await?;
        let teams = teams.into_iter().filter_map(ApiTeam::into_team);
        let teams = teams.filter(|team| team.archived_at.is_none());
        let teams: Vec<TeamId> = teams.map(|team| team.id).collect();
        for team in teams.iter().take(MOST_TEAMS) {
            let path = format!("/commands?team_id={team}&custom_only=true");
            let rows: Vec<ApiMade> = self.client().get(&path).await?;
            let rows = rows
                .into_iter()
                .filter_map(|row| row.into_belonging(BelongingKind::SlashCommand));
            found.extend(rows.filter(|thing| people.contains(&thing.owner)));
        }
        match teams.len().checked_sub(MOST_TEAMS) {
            None | Some(0) => Ok(()),
            Some(more) => Err(NotListed::Because(format!(
                "each team costs a request: {more} or more further teams were not asked about"
            ))),
        }
    }

    async fn all_pages<T: Row>(
        &self,
        path: &str,
        people: &BTreeSet<UserId>,
        found: &mut Vec<Belonging>,
        into: impl Fn(T) -> Option<Belonging>,
    ) -> Result<(), NotListed> {
        let list = List {
            path,
            id: T::ID,
            keep: T::FIELDS,
            max_pages: MOST_PAGES,
        };
        let mut bad = 0;
        let take = |row| match serde_json::from_value::<T>(row) {
            // Pages shift, so a row may come again.
            Ok(row) => {
                let thing = into(row).filter(|thing| people.contains(&thing.owner));
                found.extend(thing.filter(|thing| !found.contains(thing)));
            }
            Err(_) => bad += 1,
        };
        let ending = self.client().read_list(&list, take).await?;
        bad += ending.too_large.len();
        if let Some(doubt) = ending.doubts.into_iter().next() {
            Err(NotListed::Because(doubt))
        } else if ending.goes_on {
            Err(NotListed::Because(format!(
                "there are more than {} of them on the server: the rest was not looked at",
                PAGE * MOST_PAGES
            )))
        } else if bad > 0 {
            Err(NotListed::Because(format!(
                "{bad} of them are not understood"
            )))
        } else {
            Ok(())
        }
    }
}

/// A row of one of the lists.
trait Row: DeserializeOwned {
    /// The field that identifies a row.
    const ID: &'static str;
    /// The fields that are read.
    const FIELDS: &'static [&'static str];
}

impl Row for ApiToken {
    const ID: &'static str = "id";
    const FIELDS: &'static [&'static str] = &["id", "user_id", "description", "is_active"];
}

impl Row for ApiBot {
    const ID: &'static str = "user_id";
    const FIELDS: &'static [&'static str] = &["user_id", "owner_id", "username", "delete_at"];
}

impl Row for ApiMade {
    const ID: &'static str = "id";
    const FIELDS: &'static [&'static str] = &[
        "id",
        "user_id",
        "creator_id",
        "display_name",
        "description",
        "trigger",
        "name",
    ];
}

impl ApiToken {
    fn into_belonging(self) -> Option<Belonging> {
        belonging(
            BelongingKind::Token,
            self.id,
            self.user_id,
            &self.description,
            self.is_active,
        )
    }
}

impl ApiBot {
    /// A person's account that was made a bot is its own owner, and belongs to nobody.
    fn into_belonging(self) -> Option<Belonging> {
        let foreign = self.user_id != self.owner_id;
        let active = self.delete_at == 0;
        let kind = BelongingKind::Bot;
        belonging(kind, self.user_id, self.owner_id, &self.username, active).filter(|_| foreign)
    }
}

impl ApiMade {
    fn into_belonging(self, kind: BelongingKind) -> Option<Belonging> {
        let names = match kind {
            BelongingKind::SlashCommand => [self.trigger, self.display_name],
            BelongingKind::OauthApplication => [self.name, self.description],
            _ => [self.display_name, self.description],
        };
        let name = names.iter().find(|name| !name.is_empty());
        let name = name.map_or("", String::as_str);
        belonging(kind, self.id, self.user_id, name, true)
    }
}

/// Makes a belonging. A text that is not an id cannot be typed, and is left out.
fn belonging(
    kind: BelongingKind,
    id: String,
    owner: String,
    name: &str,
    active: bool,
) -> Option<Belonging> {
    let name = name.chars().map(|c| if c.is_control() { ' ' } else { c });
    is_id(&id).then(|| Belonging {
        kind,
        id,
        owner: UserId::new(owner),
        name: name.take(NAME_CHARS).collect(),
        active,
    })
}

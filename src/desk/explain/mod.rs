//! The whole story of one person.

mod search;
mod waits;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::cycle::{Engine, Sides, View, state_in_words};
use crate::model::{
    AccountKey, AccountState, Action, Dn, Evidence, LinkOrigin, Lookup, Now, Outcome, ProfileField,
    Timestamp, Unread, UserId, same_text as same, shell_word,
};
use crate::plan::{Policy, UserIndex, why_left};
use crate::state::People;

use crate::desk::alike::{Somebody, everybody, similar};
use crate::desk::error::DeskError;
use crate::desk::orphans::SaidBy;
use crate::desk::outlook::Outlook;
use crate::desk::parties::{AccountSide, EntrySide, UserSide};
use crate::desk::past_steps::{Happened, add_activity};
use crate::desk::person::find_recorded;
use crate::desk::request::{Asker, Question, Request};

pub use self::search::Called;
use self::search::{Known, Pair};

/// The most steps of earlier runs that are told.
const PAST: u32 = 500;

/// The most people of one name whose stories are told.
const MOST_STORIES: usize = 3;

/// Tell the story of one person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explain {
    /// Username, address, DN or id, of the account or of the user.
    pub person: String,
    /// Read both sides anew.
    #[serde(default)]
    pub fresh: bool,
}

/// What is known under one name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// What was asked for.
    pub person: String,
    /// Everybody who is known under that name: an account with its user is one.
    pub stories: Vec<Story>,
    /// Where so many have that name that no story is told: all of them.
    #[serde(default)]
    pub called: Vec<Called>,
    /// Where nobody is: names that are nearly the same.
    pub near: Vec<String>,
    /// What could not be read, so that nobody knows who is not there.
    pub incomplete: Vec<Unread>,
    /// When that was read from which this is answered; `None` if it was read for this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Timestamp>,
}

/// The story of one person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Story {
    /// Whether what was asked for is a name, address or place of former times.
    #[serde(default)]
    pub formerly: bool,
    /// The account, as read and as it is understood.
    pub account: Option<AccountSide>,
    /// The entry, if it cannot be used.
    pub entry: Option<EntrySide>,
    /// What the directory says of an account that the reading does not contain.
    pub absent: Option<String>,
    /// The user.
    pub user: Option<UserSide>,
    /// What brings both together.
    pub link: Option<LinkStory>,
    /// Who took the link apart, and when.
    pub unlinked: Option<SaidBy>,
    /// Who said that a user without an account is to be kept.
    pub kept: Option<SaidBy>,
    /// What the plan decides, in a sentence.
    pub decision: String,
    /// What would be changed now, and what is left alone and why.
    pub now: Outlook,
    /// What it waits for.
    pub waits: Vec<String>,
    /// What happened before, newest first.
    pub past: Vec<Happened>,
}

/// "This account is this user", as remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStory {
    /// The account.
    pub account: AccountKey,
    /// The user.
    pub user: UserId,
    /// How it came to be.
    pub origin: LinkOrigin,
    /// Since when.
    pub since: Timestamp,
    /// Where the account was when it was last seen.
    pub last_dn: String,
    /// What it was called then.
    pub last_username: String,
    /// Its second anchor then, if one is configured.
    pub anchor: Option<String>,
    /// What we last gave to each field.
    pub given: Vec<(ProfileField, String)>,
    /// Our own deactivation: when the server made it (not known while it is in doubt), and why.
    pub deactivated: Option<(Option<Timestamp>, String)>,
}

impl Request for Explain {
    const NAME: &'static str = "explain";
    type Tool = Engine;
    type Answer = Explanation;

    fn writes(&self) -> bool {
        false
    }

    async fn run(self, engine: &mut Engine, asker: &Asker<'_>) -> Result<Explanation, DeskError> {
        let sides = engine.read_sides(asker.stages).await?;
        self.answer(&sides).await
    }
}

impl Question for Explain {
    fn is_fresh(&self) -> bool {
        self.fresh
    }

    async fn answer(self, sides: &Sides) -> Result<Explanation, DeskError> {
        let (view, now) = (&sides.view, &sides.now);
        let mut called = Vec::new();
        let mut stories = {
            let world = view.world();
            let policy = &sides.settings().policy;
            let user_index = UserIndex::of(&world, policy);
            let user_index = &user_index;
            let builder = StoryBuilder {
                search: Known { view, user_index },
                view,
                user_index,
                policy,
                now,
            };
            let stories = builder.stories(&self.person);
            match stories.is_empty() {
                true => {
                    let store = sides.store();
                    let mut found = builder.recorded(find_recorded(store, &self.person).await?);
                    let named = builder.search.called(&self.person);
                    match named.len() <= MOST_STORIES {
                        true => found.extend(builder.others(&found, named)),
                        false => called = builder.search.list(named),
                    }
                    found
                }
                false => stories,
            }
        };
        for (key, user, story) in &mut stories {
            let past = sides.store().steps_about(key.as_ref(), user.as_ref(), PAST);
            let past = past.await?;
            story.past = past.into_iter().map(Happened::from).collect();
            story.tell_end();
        }
        let mut stories: Vec<Story> = stories.into_iter().map(|(.., story)| story).collect();
        let users = stories.iter_mut().filter_map(|story| story.user.as_mut());
        add_activity(sides, users.collect()).await;
        let near = match stories.is_empty() && called.is_empty() {
            true => near(view, &self.person),
            false => Vec::new(),
        };
        Ok(Explanation {
            person: self.person,
            stories,
            called,
            near,
            incomplete: view.unread(),
            read: sides.read,
        })
    }
}

impl Story {
    /// Says of somebody who is on neither side any more that they were deleted for ever.
    fn tell_end(&mut self) {
        if self.account.is_some() || self.user.is_some() {
            return;
        }
        let is_end = |past: &&Happened| {
            past.outcome == Some(Outcome::Done) && matches!(past.step.action, Action::Purge { .. })
        };
        if let Some(end) = self.past.iter().find(is_end) {
            self.decision = format!("deleted for ever by run {}, on {}", end.run.0, end.at);
        }
    }
}

fn near(view: &View, person: &str) -> Vec<String> {
    let directories = view.directories.values();
    let bad = directories.flat_map(|d| d.accounts.rejected());
    let bad = bad.filter_map(|bad| first_value(&bad.name));
    let mut all = everybody(view);
    all.extend(bad.map(|username| Somebody {
        username,
        ..Somebody::default()
    }));
    similar(person, all.iter())
}

/// Returns the value that a DN begins with: `anna` of `uid=anna,ou=people`.
fn first_value(dn: &str) -> Option<String> {
    let first = Dn::first_rdn(dn).into_iter().next();
    first.map(|(_, value)| value)
}

struct StoryBuilder<'a> {
    search: Known<'a>,
    view: &'a View,
    user_index: &'a UserIndex<'a>,
    policy: &'a Policy,
    now: &'a Now,
}

type FoundStory = (Option<AccountKey>, Option<UserId>, Story);

impl StoryBuilder<'_> {
    fn stories(&self, person: &str) -> Vec<FoundStory> {
        let mut stories: Vec<FoundStory> = self
            .search
            .named(person)
            .into_iter()
            .map(|(key, user)| self.story(key, user))
            .collect();
        let typed = Dn::read(person);
        let entries = self.view.directories.values();
        let entries = entries.flat_map(|d| d.accounts.rejected()).filter(|bad| {
            let id = bad.key.as_ref().is_some_and(|id| same(id.as_str(), person));
            let is_its = |key: &AccountKey| Some(&key.id) == bad.key.as_ref();
            let known = stories
                .iter()
                .any(|(key, ..)| key.as_ref().is_some_and(is_its));
            let named = first_value(&bad.name).is_some_and(|name| same(&name, person));
            !known && (id || named || typed.as_ref() == Some(&Dn::of(&bad.name)))
        });
        let entries: Vec<EntrySide> = entries.map(EntrySide::of).collect();
        for entry in entries {
            let (_, _, mut story) = self.story(None, None);
            story.decision = format!("nothing is done: the entry cannot be used: {}", entry.why);
            story.entry = Some(entry);
            stories.push((None, None, story));
        }
        stories
    }

    /// Tells of people who are known so in the record alone: gone, or by another name now.
    fn recorded(&self, who: People) -> Vec<FoundStory> {
        let found = self.search.recorded(who).into_iter();
        let stories = found.map(|(key, user)| {
            let (key, user, mut story) = self.story(key, user);
            story.formerly = story.account.is_some() || story.user.is_some();
            (key, user, story)
        });
        stories.collect()
    }

    /// Tells of those who are not told of yet.
    fn others(&self, told: &[FoundStory], found: BTreeSet<Pair>) -> Vec<FoundStory> {
        let is_told = |(key, user): &Pair| {
            let mut told = told.iter();
            told.any(|(k, u, _)| (key.is_some() && k == key) || (user.is_some() && u == user))
        };
        let new = found.into_iter().filter(|pair| !is_told(pair));
        new.map(|(key, user)| self.story(key, user)).collect()
    }

    fn story(&self, key: Option<AccountKey>, user: Option<UserId>) -> FoundStory {
        let view = self.view;
        let memory = &view.memory;
        let account = key.as_ref().and_then(|k| Some((k, view.account(k)?)));
        let found = user.as_ref().and_then(|id| view.users.get(id));
        let link = key.as_ref().and_then(|k| Some((k, memory.link(k)?)));
        let mark = key
            .as_ref()
            .and_then(|k| memory.account(k).unlinked.as_ref());
        let kept = user.as_ref().and_then(|id| memory.kept(id));
        let now = Outlook::of(&view.plan, key.as_ref(), user.as_ref());
        let absent = match (&key, account) {
            (Some(key), None) => Some(self.absent(key)),
            _ => None,
        };
        let decision = self.decision(key.as_ref(), user.as_ref(), &now);
        let waits = match &key {
            Some(key) => self.waits(key, user.as_ref(), &now),
            None => Vec::new(),
        };
        let entry = key.as_ref().and_then(|key| {
            let directory = view.directories.get(&key.provider)?;
            let mut bad = directory.accounts.rejected().iter();
            bad.find(|bad| bad.key.as_ref() == Some(&key.id))
        });
        let story = Story {
            formerly: false,
            account: account.map(|(key, a)| AccountSide::of(view, key, a)),
            entry: entry.map(EntrySide::of),
            absent,
            user: found.map(|user| UserSide::of(view, self.user_index, user)),
            link: link.map(|(key, link)| LinkStory {
                account: key.clone(),
                user: link.user.clone(),
                origin: link.origin,
                since: link.since,
                last_dn: link.last_dn.clone(),
                last_username: link.last_username.clone(),
                anchor: link.anchor.clone(),
                given: link
                    .given
                    .iter()
                    .map(|(f, g)| (*f, g.sent.clone()))
                    .collect(),
                deactivated: link
                    .deactivated
                    .as_ref()
                    .map(|d| (d.delete_at, d.why.clone())),
            }),
            unlinked: mark.map(|mark| SaidBy {
                by: mark.by.clone(),
                at: mark.at,
            }),
            kept: kept.map(|kept| SaidBy {
                by: kept.by.clone(),
                at: kept.at,
            }),
            decision,
            now,
            waits,
            past: Vec::new(),
        };
        (key, user, story)
    }

    /// Says where an account is that is not among those that were read.
    fn absent(&self, key: &AccountKey) -> String {
        let Some(directory) = self.view.directories.get(&key.provider) else {
            return format!("the configuration names no provider {}", key.provider);
        };
        let elsewhere = directory.accounts.found_elsewhere(&key.id);
        if let Some((dn, at)) = elsewhere {
            return format!(
                "the base or the filter leaves the entry out; a look-up by id found it at {dn}, {}",
                state_in_words(at)
            );
        }
        match directory.accounts.look(&key.id) {
            Evidence::Present(_) => "it is there".to_owned(),
            Evidence::Absent(proof) => match proof.lookup {
                Some(Lookup::Nowhere) => format!(
                    "the directory does not have it: not among {} entries, and a look-up by id \
                     found it nowhere",
                    proof.entries
                ),
                _ => format!(
                    "not among the {} entries of a complete reading; it was not looked up by id",
                    proof.entries
                ),
            },
            Evidence::Unknown(gap) => format!("nobody can tell whether it is there: {gap}"),
        }
    }

    fn decision(&self, key: Option<&AccountKey>, user: Option<&UserId>, now: &Outlook) -> String {
        if let Some(first) = now.steps.first() {
            let more = match now.steps.len() {
                1 => String::new(),
                n => format!(", and {} more", n - 1),
            };
            let held = match first.held_by.as_slice() {
                [] if first.waits => ", which waits for what is held".to_owned(),
                [] => String::new(),
                names => {
                    let names: Vec<String> = names
                        .iter()
                        .map(|name| shell_word(name))
                        .map(|name| format!("`mattersync approve {name}`"))
                        .collect();
                    format!(", which waits for {}", names.join(", "))
                }
            };
            return format!("{}{more}{held}", first.what);
        }
        if let Some(left) = now.left_alone.last() {
            return format!("left alone: {}", why_left(left));
        }
        let found = user.and_then(|id| self.view.users.get(id));
        let account = key.and_then(|key| self.view.account(key));
        match (account, found) {
            (Some(account), Some(user)) => match (&account.state, user.is_active()) {
                (AccountState::Locked { .. }, false) => {
                    "nothing to do: locked in the directory, deactivated on Mattermost".to_owned()
                }
                _ => "nothing to do: both sides agree".to_owned(),
            },
            (None, Some(user)) => match self.user_index.obstacle(user) {
                Some(obstacle @ crate::plan::LinkObstacle::Linked(_)) if !user.is_active() => {
                    format!("nothing to do: deactivated on Mattermost; {obstacle}")
                }
                Some(obstacle) => format!("never touched: {obstacle}"),
                None => "never touched: this user has no account in the directory (`mattersync \
                         orphans`)"
                    .to_owned(),
            },
            _ => "nothing is done".to_owned(),
        }
    }
}

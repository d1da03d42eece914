//! What persons approved, as the checker takes it down.

use mattersync::desk::Approved;
use mattersync::model::{Action, HoldKey};

use crate::world::Directory;

use super::Checker;

/// What a step would do, in the words of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    Create(u32),
    Adopt(u32, String),
    Rename(String, String),
    Mail(String, String),
    Down(String),
    Up(String),
    Profile(String),
    /// The link with this user moves to this account.
    Move(u32, String),
    Purge(String),
}

impl Wish {
    pub fn of(action: &Action) -> Option<Self> {
        let number = |key: &mattersync::model::AccountKey| Directory::number_of(key.id.as_str());
        Some(match action {
            Action::CreateUser { account, .. } => Self::Create(number(account)?),
            Action::Adopt { account, user, .. } => Self::Adopt(number(account)?, user.to_string()),
            Action::Rename { user, username, .. } => {
                Self::Rename(user.to_string(), username.to.clone())
            }
            Action::ChangeEmail { user, email, .. } => {
                Self::Mail(user.to_string(), email.to.clone())
            }
            Action::Deactivate { user, .. } => Self::Down(user.to_string()),
            Action::Reactivate { user, .. } => Self::Up(user.to_string()),
            Action::UpdateProfile { user, .. } => Self::Profile(user.to_string()),
            Action::MoveLink { account, user, .. } => {
                Self::Move(number(account)?, user.to_string())
            }
            Action::Purge { user, .. } => Self::Purge(user.to_string()),
            _ => return None,
        })
    }
}

impl Wish {
    /// Whom it is about.
    pub fn whom(&self) -> String {
        match self {
            Self::Create(number) => number.to_string(),
            Self::Adopt(_, user)
            | Self::Move(_, user)
            | Self::Purge(user)
            | Self::Rename(user, _)
            | Self::Mail(user, _)
            | Self::Down(user)
            | Self::Up(user)
            | Self::Profile(user) => user.clone(),
        }
    }

    /// Whether it is a name or an address that a ring is opened with.
    pub fn is_for_a_moment(&self) -> bool {
        match self {
            Self::Rename(_, name) => name.starts_with("renaming-"),
            Self::Mail(_, mail) => mail.ends_with("@mattersync.invalid"),
            _ => false,
        }
    }
}

#[derive(Debug, Default)]
pub struct Approvals {
    given: Vec<(String, Wish, i64)>,
    /// Approvals that an older state may bring back.
    ghosts: Vec<(String, Wish, i64)>,
}

const HOURS_72: i64 = 72 * 3_600_000;

impl Approvals {
    /// Whether a person has released this from this hold.
    pub fn released(&self, hold: &str, wish: &Wish, wall: i64) -> bool {
        let mut all = self.given.iter().chain(&self.ghosts);
        all.any(|(h, w, until)| h == hold && w == wish && *until > wall)
    }

    /// Whether a person has released this from any hold.
    pub fn released_anywhere(&self, wish: &Wish, wall: i64) -> bool {
        let mut all = self.given.iter().chain(&self.ghosts);
        all.any(|(_, w, until)| w == wish && *until > wall)
    }

    pub fn forget(&mut self, restored: bool) {
        let given = std::mem::take(&mut self.given);
        if restored {
            self.ghosts.extend(given);
        }
    }
}

impl Checker {
    /// A person approved `what`, and was told what that releases.
    pub fn approved(&mut self, what: &str, approved: &Approved, wall: i64) {
        let plan = &approved.plan.plan;
        self.shrunk |= what.starts_with("shrank");
        // Somebody has looked.
        self.noticed &= what != "restored";
        if let Some(attribute) = what.strip_prefix("attribute:field:") {
            self.agreed.insert(attribute.replace('_', " "));
        }
        let holds: Vec<String> = plan.holds.iter().map(|h| hold_word(&h.key)).collect();
        let a_person = !holds.iter().any(|h| h == what);
        for (hold, word) in plan.holds.iter().zip(holds) {
            if !a_person && word != what {
                continue;
            }
            let released = hold
                .steps
                .iter()
                .filter(|id| approved.released.contains(id));
            for id in released {
                let step = plan.steps.iter().find(|s| s.id == *id).unwrap();
                if let Some(wish) = Wish::of(&step.action) {
                    let until = wall + HOURS_72;
                    self.approvals.given.push((word.clone(), wish, until));
                }
            }
        }
    }

    /// Whether a careful person would approve an adoption: the user is nobody else's.
    pub fn is_right(&self, wish: &Wish) -> bool {
        match wish {
            Wish::Adopt(number, user) => {
                let owner = self.owner.get(user);
                owner.is_none_or(|owner| owner == number)
            }
            _ => true,
        }
    }
}

/// What a hold is called in commands.
pub fn hold_word(key: &HoldKey) -> String {
    match key {
        HoldKey::Class(class) => class.name().to_owned(),
        HoldKey::NewIds(provider) => format!("new-ids:{provider}"),
        HoldKey::Shrank(provider) => format!("shrank:{provider}"),
        HoldKey::Container(_, dn) => format!("container:{dn}"),
        HoldKey::Attribute(_, name) => format!("attribute:{name}"),
        HoldKey::Field(_, field) => format!("attribute:field:{}", field.api_name()),
        HoldKey::Identity(provider) => format!("identity:{provider}"),
        HoldKey::Configuration(provider) => format!("configuration:{provider}"),
        HoldKey::Restored => "restored".to_owned(),
        HoldKey::Flapping => "flapping".to_owned(),
        HoldKey::Clock => "clock".to_owned(),
        HoldKey::Team(name) => format!("team:{name}"),
    }
}

impl Checker {
    /// Whether a careful person would approve a step.
    pub fn may_approve(&self, step: &mattersync::model::Step) -> bool {
        Wish::of(&step.action).is_none_or(|wish| self.is_right(&wish))
    }
}

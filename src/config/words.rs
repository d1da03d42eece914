//! The words of the configuration for the choices of a policy.

use crate::plan::{AdoptRule, Authority, ByHand};

/// The words of `policy.adopt`.
pub(super) const ADOPT: [(&str, AdoptRule); 4] = [
    ("never", AdoptRule::Never),
    ("username", AdoptRule::Username),
    ("email", AdoptRule::Email),
    ("username-and-email", AdoptRule::UsernameAndEmail),
];

/// The words of `[policy.attributes]`.
pub(super) const AUTHORITY: [(&str, Authority); 3] = [
    ("directory", Authority::Directory),
    ("initial", Authority::Initial),
    ("off", Authority::Off),
];

/// The words of `policy.reactivated-by-hand`.
pub(super) const BY_HAND: [(&str, ByHand); 2] =
    [("respect", ByHand::Respect), ("enforce", ByHand::Enforce)];

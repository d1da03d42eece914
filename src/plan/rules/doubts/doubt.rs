//! Something about a reading that a person must look at.

use crate::model::{HoldCause, HoldKey, ProviderName};

/// Changes that concern fewer entries than this raise no doubt.
pub(super) const FEW: usize = 3;

/// Something about a reading that a person must look at before anything is taken away.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    /// What an approval names.
    pub key: HoldKey,
    /// What is odd.
    pub cause: HoldCause,
    /// Which provider it is about; `None` for all.
    pub provider: Option<ProviderName>,
}

impl Doubt {
    pub(super) fn concerns(&self, provider: &ProviderName) -> bool {
        self.provider.as_ref().is_none_or(|own| own == provider)
    }
}

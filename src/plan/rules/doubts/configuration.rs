//! Whether the configuration decides otherwise than before who is in scope.

use super::doubt::Doubt;
use crate::model::{HoldCause, HoldKey, ProviderChange, ProviderName, Remember, Subject, Why};
use crate::plan::facts::hold_words::hold_name;
use crate::plan::ledger::draft::Draft;
use crate::plan::ledger::scope;

/// A change of the settings that decide who is in scope.
pub(super) fn configured(
    draft: &Draft<'_>,
    provider: &ProviderName,
) -> Option<(HoldKey, HoldCause)> {
    let now = draft.policy.scopes.get(provider)?;
    let changes = scope::changes(draft.world.memory.provider(provider).scope.as_ref()?, now);
    let key = HoldKey::Configuration(provider.clone());
    (!changes.is_empty()).then_some((key, HoldCause::Configuration { changes }))
}

/// Says of a change of the configuration what will be held because of it when the grace ends, or
/// the next reading agrees. That is about nobody by name: it is called as the hold will be.
pub(super) fn foretell(draft: &mut Draft<'_>, doubt: &Doubt, missing: usize, back: usize) {
    let HoldCause::Configuration { changes } = &doubt.cause else {
        return;
    };
    let subject = || Subject {
        name: hold_name(&doubt.key),
        ..Subject::default()
    };
    if missing > 0 {
        let (people, changes) = (missing, changes.clone());
        draft.leave(subject(), Why::DroppedByConfiguration { people, changes });
    }
    if back > 0 {
        let (people, changes) = (back, changes.clone());
        draft.leave(subject(), Why::BackByConfiguration { people, changes });
    }
}

pub(super) fn learn_scope(draft: &mut Draft<'_>, provider: &ProviderName, staying: &[&HoldKey]) {
    let is = |key: &&&HoldKey| matches!(key, HoldKey::Configuration(_));
    let Some(now) = draft.policy.scopes.get(provider) else {
        return;
    };
    let now = scope::values(now);
    let last = draft.world.memory.provider(provider).scope.as_ref();
    if !staying.iter().any(|key| is(&key)) && last != Some(&now) {
        draft.learn(Remember::Provider(
            provider.clone(),
            ProviderChange::Scope(Some(now)),
        ));
    }
}

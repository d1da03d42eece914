//! Whether this is still the same directory, and whether it went back in time.

use crate::model::{
    Directory, HoldCause, HoldKey, ProviderChange, ProviderName, Remember, SourceIdentity, WentBack,
};
use crate::plan::facts::progress;
use crate::plan::ledger::draft::Draft;

/// Returns what is odd about the server that answered.
pub fn odd(last: Option<&SourceIdentity>, now: &SourceIdentity) -> Option<HoldCause> {
    let last = last?;
    if other(last, now) {
        let name = if last.knows_same_ids(now) {
            |s: &SourceIdentity| s.server.clone().unwrap_or_default()
        } else {
            SourceIdentity::where_ids_count
        };
        let (from, to) = (name(last), name(now));
        return Some(HoldCause::OtherIdentity { from, to });
    }
    gone_back(last, now).map(HoldCause::WentBack)
}

/// Whether a provider that answered is certainly another one than before.
fn other(last: &SourceIdentity, now: &SourceIdentity) -> bool {
    let servers = (&last.server, &now.server);
    !last.knows_same_ids(now) || matches!(servers, (Some(last), Some(now)) if last != now)
}

/// Tells of a server that went back in time, now or earlier, while no person has approved it.
fn gone_back(last: &SourceIdentity, now: &SourceIdentity) -> Option<WentBack> {
    let noted = last.went_back.clone();
    noted.or_else(|| progress::went_back(last, now))
}

/// The next change may bring the server beyond where it was: that it went back must stay known.
pub fn note_step_back(draft: &mut Draft<'_>, provider: &ProviderName, cause: &HoldCause) {
    let HoldCause::WentBack(went_back) = cause else {
        return;
    };
    let known = draft.world.memory.provider(provider).identity.as_ref();
    if let Some(known) = known.filter(|known| known.went_back.is_none()) {
        let mut known = known.clone();
        known.went_back = Some(went_back.clone());
        draft.learn(Remember::Provider(
            provider.clone(),
            ProviderChange::Identity(Some(known)),
        ));
    }
}

/// Remembers which provider it is, unless that is in doubt.
pub fn learn_identity(
    draft: &mut Draft<'_>,
    provider: &ProviderName,
    directory: &Directory,
    staying: &[&HoldKey],
) {
    let memory = draft.world.memory;
    if !staying
        .iter()
        .any(|key| matches!(key, HoldKey::Identity(_)))
    {
        let mut source = directory.accounts.source().clone();
        let last = memory.provider(provider).identity.as_ref();
        // A server that does not say who it is does not make us forget who it was.
        if source.server.is_none() {
            source.server = last
                .filter(|last| last.knows_same_ids(&source))
                .and_then(|last| last.server.clone());
        }
        let same = last.filter(|last| !other(last, &source));
        source.progress = progress::merged(same, &source);
        if last != Some(&source) {
            draft.learn(Remember::Provider(
                provider.clone(),
                ProviderChange::Identity(Some(source)),
            ));
        }
    }
}

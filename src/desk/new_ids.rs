//! Gives everybody the new ids that a person approved.

use crate::cycle::{Engine, Stages, View};
use crate::model::{
    HoldCause, HoldChange, HoldKey, MemoryDelta, NewIds, Note, Noted, ProviderChange, ProviderName,
    Remember, SourceIdentity,
};
use crate::plan::hold_name;

use super::error::DeskError;

/// Returns the provider whose new ids are held under this name, if a text is such a name.
pub(super) fn named(view: &View, what: &str) -> Option<ProviderName> {
    let mut holds = view.plan.holds.iter();
    holds.find_map(|hold| match &hold.key {
        HoldKey::NewIds(provider) if hold_name(&hold.key).eq_ignore_ascii_case(what) => {
            Some(provider.clone())
        }
        _ => None,
    })
}

/// Gives the new ids, to everybody or to nobody, if they are those that were last shown. What
/// became of earlier steps is found out first: it is remembered by the old ids.
///
/// # Errors
/// When they were not shown, are others than shown, or cannot be given to everybody; when Mattermost
/// or the state cannot be read, or the state cannot be written.
pub(super) async fn give(
    engine: &mut Engine,
    view: &View,
    provider: &ProviderName,
    (by, stages): (&str, &Stages<'_>),
) -> Result<NewIds, DeskError> {
    let key = HoldKey::NewIds(provider.clone());
    let hold = view.plan.holds.iter().find(|hold| hold.key == key);
    let Some((hold, HoldCause::NewIds(new_ids))) = hold.map(|hold| (hold, &hold.cause)) else {
        return refuse("the new ids are no longer held".to_owned());
    };
    if !new_ids.is_possible() {
        let first = new_ids.stuck.first().map(|one| {
            let (dn, id, why) = (&one.dn, &one.id, &one.why);
            format!(". {dn} ({id}): {why}")
        });
        return refuse(format!(
            "{new_ids}{}. Mend that, or write {} back into accounts.id",
            first.unwrap_or_default(),
            new_ids.from
        ));
    }
    engine.conclude_doubts(stages).await?;
    let in_doubt = engine.store().unsettled().await?.len();
    if in_doubt > 0 {
        return refuse(format!(
            "what became of {in_doubt} steps is not known yet, which the next cycles find out. Type \
             the same again in ten minutes"
        ));
    }
    let memory = engine.store().load().await?;
    let seen = memory.hold(&key).shown.as_ref();
    let is_new = |print| seen.is_none_or(|seen| !seen.contains(print));
    let unseen = hold
        .fingerprints
        .iter()
        .filter(|print| is_new(*print))
        .count();
    if unseen > 0 {
        return refuse(format!(
            "{unseen} of {} new ids are not as they were shown. Look at them first: mattersync \
             approve",
            hold.fingerprints.len()
        ));
    }
    let mut delta: MemoryDelta = new_ids.rewrite(&memory, provider);
    // Another server or tree stays another one: that is for the next cycle to say.
    let known = memory.provider(provider).identity.clone();
    let identity = known.map(|known| SourceIdentity {
        ids: Some(new_ids.to.clone()),
        ..known
    });
    delta.push(Remember::Provider(
        provider.clone(),
        ProviderChange::Identity(identity),
    ));
    delta.push(Remember::Hold(key, HoldChange::Shown(None)));
    let note = Note {
        run: None,
        at: engine.clock().now().wall,
        account: None,
        user: None,
        what: Noted::NewIds {
            by: by.to_owned(),
            from: new_ids.from.clone(),
            to: new_ids.to.clone(),
            accounts: new_ids.renumbered.len(),
        },
    };
    let lines = new_ids.renumbered.iter();
    let ids = lines.map(|line| (line.from.clone(), line.to.clone()));
    let (provider, ids) = (provider.clone(), ids.collect());
    engine.store().renumber(provider, ids, delta, note).await?;
    Ok(new_ids.clone())
}

fn refuse<T>(why: String) -> Result<T, DeskError> {
    Err(DeskError::Refused(format!("nothing was changed: {why}")))
}

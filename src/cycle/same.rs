//! Whether the people whom the configuration speaks of are those who are remembered.

use std::collections::BTreeMap;

use crate::config::{IdAttribute, ProviderSettings, Settings};
use crate::model::{Memory, ProviderName, SourceIdentity};
use crate::provider::mapping::ids_of;

use super::error::CycleError;

/// Links of providers that the configuration does not name: how many accounts each has.
pub fn strangers(memory: &Memory, provider: &ProviderName) -> BTreeMap<ProviderName, usize> {
    let mut others = BTreeMap::new();
    let keys = memory.links.keys();
    for key in keys.filter(|key| key.provider != *provider) {
        *others.entry(key.provider.clone()).or_default() += 1;
    }
    others
}

/// [`strangers`] in words, a sentence each.
pub fn unseen(strangers: &BTreeMap<ProviderName, usize>) -> Vec<String> {
    let told = strangers.iter().map(|(name, links)| {
        let accounts = match links {
            1 => "1 account".to_owned(),
            links => format!("{links} accounts"),
        };
        format!(
            "{accounts} of the provider {:?}, which the configuration does not name, are not \
             looked at: whoever leaves there keeps access",
            name.as_str()
        )
    });
    told.collect()
}

/// Refuses to go on where everybody would be somebody else: by other ids, or under another
/// provider's name.
///
/// # Errors
/// [`CycleError::OtherIds`], [`CycleError::OtherProvider`].
pub fn same_people(memory: &Memory, settings: &Settings) -> Result<(), CycleError> {
    let provider = &settings.provider;
    if let Some((_, old)) = other_ids(memory, provider) {
        return Err(CycleError::OtherIds {
            from: old.to_string(),
            to: provider.mapping.id.to_string(),
        });
    }
    let others = strangers(memory, &provider.name);
    let known = others.values().sum::<usize>() < memory.links.len();
    let Some((back, _)) = others.iter().max_by_key(|(_, links)| **links) else {
        return Ok(());
    };
    if known {
        return Ok(());
    }
    let told = others.iter().map(|(name, links)| match links {
        1 => format!("{:?} (1 account)", name.as_str()),
        links => format!("{:?} ({links} accounts)", name.as_str()),
    });
    Err(CycleError::OtherProvider {
        now: provider.name.to_string(),
        known: told.collect::<Vec<_>>().join(", "),
        back: back.to_string(),
        directory: settings.state_directory.display().to_string(),
    })
}

/// The identity that was remembered and the attribute by which people were known, if the
/// configuration names another one. Where nobody is linked nothing is lost by a change.
pub fn other_ids<'m>(
    memory: &'m Memory,
    settings: &ProviderSettings,
) -> Option<(&'m SourceIdentity, IdAttribute)> {
    let last = memory.identities.get(&settings.name)?;
    let (_, old) = ids_of(&last.context)?;
    let linked = memory.links.keys().any(|key| key.provider == settings.name);
    (linked && old != settings.mapping.id).then_some((last, old))
}

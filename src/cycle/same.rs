//! Checks that the configuration identifies people as the state does.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{ProviderSettings, Settings};
use crate::model::{IdAttribute, Memory, ProviderName};

use super::error::CycleError;

/// Counts the linked accounts of each provider that the configuration does not name.
pub fn strangers<'a>(
    memory: &Memory,
    configured: impl Iterator<Item = &'a ProviderName>,
) -> BTreeMap<ProviderName, usize> {
    let configured: BTreeSet<&ProviderName> = configured.collect();
    let mut others = BTreeMap::new();
    let keys = memory.links().map(|(key, _)| key);
    for key in keys.filter(|key| !configured.contains(&key.provider)) {
        *others.entry(key.provider.clone()).or_default() += 1;
    }
    others
}

/// Says that another installation seems to be at work, where users whom it made show that.
pub fn another(made_elsewhere: &[String]) -> Option<String> {
    let (first, others) = made_elsewhere.split_first()?;
    let who = match others.len() {
        0 => format!("{first} carries"),
        n => format!("{first} and {n} more carry"),
    };
    Some(format!(
        "{who} the mark of a creation by mattersync of which this state file knows nothing. If another \
         mattersync works on this Mattermost, stop it: two at once undo each other's work. If this is \
         a new host, bring the state of the old one here. People can write such a mark themselves"
    ))
}

/// Says of each of [`strangers`] in a sentence that its accounts are not looked at.
pub fn unseen(strangers: &BTreeMap<ProviderName, usize>) -> Vec<String> {
    let lines = strangers.iter().map(|(name, links)| {
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
    lines.collect()
}

/// Refuses to go on where no account would be recognised: under another provider's name.
///
/// # Errors
/// [`CycleError::OtherProvider`].
pub fn same_people(memory: &Memory, settings: &Settings) -> Result<(), CycleError> {
    let others = strangers(memory, settings.provider_names());
    let known = others.values().sum::<usize>() < memory.links().count();
    let Some((back, _)) = others.iter().max_by_key(|(_, links)| **links) else {
        return Ok(());
    };
    if known {
        return Ok(());
    }
    let named = others.iter().map(|(name, links)| match links {
        1 => format!("{:?} (1 account)", name.as_str()),
        links => format!("{:?} ({links} accounts)", name.as_str()),
    });
    let names: Vec<&str> = settings
        .provider_names()
        .map(ProviderName::as_str)
        .collect();
    Err(CycleError::OtherProvider {
        now: names.join(", "),
        known: named.collect::<Vec<_>>().join(", "),
        back: back.to_string(),
        directory: settings.state_directory.display().to_string(),
    })
}

/// Returns the id attribute by which a provider's people are known, where the configuration names
/// another one since. Where nobody is linked, a change loses nothing.
pub fn former_ids(memory: &Memory, settings: &ProviderSettings) -> Option<IdAttribute> {
    let last = memory.provider(&settings.name).identity.as_ref()?;
    let former = last.ids.clone()?;
    let mut keys = memory.links().map(|(key, _)| key);
    let is_linked = keys.any(|key| key.provider == settings.name);
    (is_linked && former != settings.mapping.id).then_some(former)
}

//! Another id attribute in the configuration: no cycle until everybody has got the new id.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cycle::{CycleError, Engine, Stage, Stages, known, other_ids};
use crate::model::{
    Gap, HoldChange, HoldKey, Memory, ProviderChange, ProviderName, Reading, Remember,
    SourceIdentity,
};
use crate::plan::{Migration, Setting};
use crate::provider::{Ask, open};

use super::error::DeskError;
use super::request::{Asker, Request};

/// Show, or apply, who gets which id from another attribute.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MigrateIds {
    /// Apply what was shown.
    pub apply: bool,
}

/// What [`MigrateIds`] shows or did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MigrationReport {
    /// The provider.
    pub provider: String,
    /// The attribute by which people were known.
    pub from: String,
    /// The attribute by which they are to be known.
    pub to: String,
    /// Which server or file was read.
    pub source: String,
    /// Usable accounts that were read.
    pub accounts: usize,
    /// Why the reading does not prove who is not there; nothing is applied because of it.
    pub gaps: Vec<Gap>,
    /// Who gets which id.
    pub migration: Migration,
    /// Whether it was applied.
    pub applied: bool,
}

impl Request for MigrateIds {
    const NAME: &'static str = "migrate-ids";
    type Tool = Engine;
    type Answer = MigrationReport;

    fn writes(&self) -> bool {
        true
    }

    async fn run(
        self,
        engine: &mut Engine,
        asker: &Asker<'_>,
    ) -> Result<MigrationReport, DeskError> {
        let report = migrate_ids(engine, self.apply, asker.stages).await?;
        if report.applied {
            tracing::info!(
                sync_action = "migrate-ids",
                "{} moved {} from {} to {}",
                asker.by,
                report.migration.renumbered.len(),
                report.from,
                report.to
            );
        }
        Ok(report)
    }

    fn wants_cycle(&self) -> bool {
        self.apply
    }
}

/// Shows who gets which id, or applies what was shown.
///
/// # Errors
/// When the configuration names the same attribute as before; when the directory cannot be
/// read; when what was shown cannot be applied, or is not what would be applied.
async fn migrate_ids(
    engine: &mut Engine,
    apply: bool,
    stages: &Stages<'_>,
) -> Result<MigrationReport, DeskError> {
    if apply {
        engine.conclude_doubts(stages).await?;
    }
    let memory = engine.store().load().await?;
    let mut providers = engine.settings().providers.iter();
    let found = providers.find_map(|one| Some((one.clone(), other_ids(&memory, one)?)));
    let Some((settings, (last, old))) = found else {
        return Err(DeskError::Refused(
            "people are known by the same attribute as before: nothing is to be migrated. If \
             accounts.id was changed just now: does the service know? systemctl reload mattersync"
                .to_owned(),
        ));
    };
    let new = settings.mapping.id.clone();
    stages(Stage::Reading);
    let mut by_both = settings.clone();
    by_both.mapping.id = old.clone();
    by_both.mapping.anchor = Some(new.clone());
    let ask = Ask {
        known: known(&memory, &settings.name),
        heard: last.progress.clone(),
        ..engine.ask(&engine.clock().now())
    };
    let reading = open(&by_both).read(&ask).await;
    let Reading::Full(directory) = reading.map_err(CycleError::from)?;
    let migration = Migration::of(&memory, &settings.name, &directory, &new.name);
    let mut report = MigrationReport {
        provider: settings.name.to_string(),
        from: old.to_string(),
        to: new.to_string(),
        source: directory.accounts.source().name.clone(),
        accounts: directory.accounts.len(),
        gaps: directory.accounts.gaps().to_vec(),
        migration,
        applied: false,
    };
    let hold = HoldKey::Identity(settings.name.clone());
    let prints = report.migration.fingerprints();
    let delta = if apply {
        may_apply(&report, memory.hold(&hold).shown.as_ref(), &prints)?;
        // Another server or tree stays another one: that is for the next cycle to say.
        let identity = SourceIdentity {
            ids: Some(new.clone()),
            ..last.clone()
        };
        let mut delta = report.migration.rewrite(&memory, &settings.name);
        delta.push(Remember::Provider(
            settings.name.clone(),
            ProviderChange::Identity(Some(identity)),
        ));
        delta.push(Remember::Hold(hold, HoldChange::Shown(None)));
        let scope = engine.settings().policy.scopes.get(&settings.name);
        let scope = scope.and_then(|now| scope_with_these_ids(&memory, &settings.name, now));
        delta.extend(scope);
        report.applied = true;
        delta
    } else {
        vec![Remember::Hold(hold, HoldChange::Shown(Some(prints)))]
    };
    let stored = engine.store().observe(delta).await;
    stored?;
    Ok(report)
}

/// A person has just said that the same people are known by other ids: that this was configured
/// is no reason to hold anything.
fn scope_with_these_ids(
    memory: &Memory,
    provider: &ProviderName,
    now: &BTreeMap<String, Setting>,
) -> Option<Remember> {
    let mut scope = memory.provider(provider).scope.as_ref()?.clone();
    let id = now.get_key_value("accounts.id");
    scope.extend(id.map(|(key, setting)| (key.clone(), setting.value.clone())));
    Some(Remember::Provider(
        provider.clone(),
        ProviderChange::Scope(Some(scope)),
    ))
}

fn may_apply(
    report: &MigrationReport,
    shown: Option<&BTreeSet<crate::model::Fingerprint>>,
    wanted: &BTreeSet<crate::model::Fingerprint>,
) -> Result<(), DeskError> {
    let refuse = |why: String| Err(DeskError::Refused(format!("nothing was changed: {why}")));
    let Some(shown) = shown else {
        return refuse("look at it first: mattersync migrate-ids".into());
    };
    if let Some(gap) = report.gaps.first() {
        return refuse(format!(
            "the reading of the directory is not complete, and who is not in it may be there \
             ({gap})"
        ));
    }
    if let Some(first) = report.migration.stuck.first() {
        return refuse(format!(
            "{} of the linked accounts cannot be given a new id, the first is {} ({}). \
             mattersync migrate-ids lists all",
            report.migration.stuck.len(),
            first.dn,
            first.why
        ));
    }
    let new = wanted.difference(shown).count();
    if new > 0 {
        return refuse(format!(
            "{new} of {} are not as they were shown: look again, mattersync migrate-ids",
            wanted.len()
        ));
    }
    Ok(())
}

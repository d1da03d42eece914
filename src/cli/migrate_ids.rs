//! `mattersync migrate-ids`: everybody gets an id from another attribute.

use crate::desk::{self, MigrationReport};

use super::answer::Answer;
use super::args::MigrateIds;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::print::{Page, Terminal, count};
use super::steps::{cut, more};

/// Longer lists are cut unless everything is wanted.
const MOST: usize = 50;

/// Shows the mapping, or applies the one that was shown.
///
/// # Errors
/// When nothing is to be migrated, it cannot be applied, or the directory cannot be read.
pub fn migrate_ids(
    context: &Context,
    args: &MigrateIds,
    terminal: Terminal,
) -> Result<Answer, Failure> {
    let report = context.ask(desk::MigrateIds { apply: args.apply })?;
    let ready = report.gaps.is_empty() && report.migration.stuck.is_empty();
    let exit = if ready { Exit::DONE } else { Exit::FAILED };
    if args.show.json.json {
        return Answer::json(&report, exit);
    }
    let mut page = Page::new(terminal);
    tell(&mut page, &report, args.show.all);
    Ok(Answer::page(&page, exit))
}

fn tell(page: &mut Page, report: &MigrationReport, all: bool) {
    let migration = &report.migration;
    page.line(format!(
        "Directory   {} ({}): {}",
        report.provider,
        report.source,
        count(report.accounts, "account", "accounts"),
    ));
    page.line(format!(
        "People {} known by {}, and {} by {}.",
        if report.applied { "were" } else { "are" },
        report.from,
        if report.applied {
            "are now known"
        } else {
            "would be known"
        },
        report.to
    ));
    let (gone, there): (Vec<_>, Vec<_>) =
        migration.renumbered.iter().partition(|l| l.gone.is_some());
    let list = |page: &mut Page, head: [&str; 5], rows: Vec<Vec<String>>| {
        let shown = if all {
            rows.len()
        } else {
            cut(rows.len(), MOST)
        };
        page.table(&head, &rows[..shown]);
        more(page, rows.len() - shown);
    };
    if !there.is_empty() {
        page.title(count(there.len(), "new id", "new ids"));
        let row = |line: &&desk::Renumbered| {
            let user = line.user.as_ref().map(ToString::to_string);
            vec![
                line.username.clone(),
                line.from.to_string(),
                line.to.to_string(),
                user.unwrap_or_else(|| "none yet".to_owned()),
                line.dn.clone(),
            ]
        };
        let rows = there.iter().map(row).collect();
        list(page, ["NAME", "OLD ID", "NEW ID", "USER", "ACCOUNT"], rows);
    }
    if !gone.is_empty() {
        page.title(format!(
            "{} no new id: not in the directory. The links stay, by a mark that no account has",
            count(gone.len(), "person gets", "people get")
        ));
        let row = |line: &&desk::Renumbered| {
            let user = line.user.as_ref().map(ToString::to_string);
            vec![
                line.username.clone(),
                line.from.to_string(),
                user.unwrap_or_default(),
                line.dn.clone(),
                line.gone.clone().unwrap_or_default(),
            ]
        };
        let rows = gone.iter().map(row).collect();
        list(page, ["NAME", "OLD ID", "USER", "LAST SEEN", "WHERE"], rows);
    }
    problems(page, report);
    page.gap();
    match (report.applied, report.gaps.len() + migration.stuck.len()) {
        (true, _) => page.line("Done. The next cycle goes on by the new ids."),
        (false, 0) => page.line("Nothing was changed. Next: mattersync migrate-ids --apply"),
        (false, _) => page.line(
            "Nothing was changed, and nothing can be applied until this is mended. To go on \
             meanwhile, write the old attribute back into accounts.id.",
        ),
    }
}

fn problems(page: &mut Page, report: &MigrationReport) {
    if !report.gaps.is_empty() {
        page.gap();
        page.alarm("THE READING OF THE DIRECTORY IS NOT COMPLETE:");
        for gap in &report.gaps {
            page.alarm(format!("  {gap}"));
        }
    }
    let stuck = &report.migration.stuck;
    if !stuck.is_empty() {
        page.gap();
        page.alarm(format!(
            "{} CANNOT BE GIVEN A NEW ID:",
            count(stuck.len(), "PERSON", "PEOPLE")
        ));
        for one in stuck {
            page.alarm(format!("  {} ({}): {}", one.dn, one.id, one.why));
        }
    }
}

//! Who gets which id after `accounts.id` was changed.

use crate::model::{NewIds, shell_word};

use super::print::{Page, count, cut, more};

/// Longer lists are cut unless everything is wanted.
const MOST: usize = 50;

/// Shows new ids that wait for a person under this name.
pub fn show(page: &mut Page, name: &str, new_ids: &NewIds, all: bool) {
    page.alarm(format!("HELD: {name}: {new_ids}."));
    if new_ids.is_possible() {
        page.alarm("Nobody gets a new id until somebody types:");
        page.command(2, format!("mattersync approve {}", shell_word(name)));
    } else {
        page.alarm(format!(
            "Mend what is listed here, or write {} back into accounts.id.",
            new_ids.from
        ));
    }
    let list = |page: &mut Page, head: [&str; 5], rows: Vec<Vec<String>>| {
        let shown = match all {
            true => rows.len(),
            false => cut(rows.len(), MOST),
        };
        page.table(&head, &rows[..shown]);
        more(page, rows.len() - shown);
    };
    let (gone, there): (Vec<_>, Vec<_>) = new_ids
        .renumbered
        .iter()
        .partition(|line| line.gone.is_some());
    if !there.is_empty() {
        page.title(count(there.len(), "new id", "new ids"));
        let rows = there.iter().map(|line| {
            let user = line.user.as_ref().map(ToString::to_string);
            vec![
                line.username.clone(),
                line.from.to_string(),
                line.to.to_string(),
                user.unwrap_or_else(|| "none yet".to_owned()),
                line.dn.clone(),
            ]
        });
        let head = ["NAME", "OLD ID", "NEW ID", "USER", "ACCOUNT"];
        list(page, head, rows.collect());
    }
    if !gone.is_empty() {
        page.title(format!(
            "{} no new id: not in the directory. The links stay, by a mark that no account has",
            count(gone.len(), "person gets", "people get")
        ));
        let rows = gone.iter().map(|line| {
            let (user, gone) = (line.user.as_ref(), line.gone.as_ref());
            vec![
                line.username.clone(),
                line.from.to_string(),
                user.map(ToString::to_string).unwrap_or_default(),
                line.dn.clone(),
                gone.map(ToString::to_string).unwrap_or_default(),
            ]
        });
        let head = ["NAME", "OLD ID", "USER", "LAST SEEN", "WHERE"];
        list(page, head, rows.collect());
    }
    if !new_ids.stuck.is_empty() {
        let people = count(new_ids.stuck.len(), "PERSON", "PEOPLE");
        page.gap();
        page.alarm(format!("{people} CANNOT BE GIVEN A NEW ID:"));
        for one in &new_ids.stuck {
            page.alarm(format!("  {} ({}): {}", one.dn, one.id, one.why));
        }
    }
}

/// Tells that everybody got the new ids.
pub fn given(page: &mut Page, new_ids: &NewIds) {
    let people = count(new_ids.renumbered.len(), "account", "accounts");
    page.line(format!(
        "People were known by {}, and are now known by {}: {people}. The next cycle goes on by the \
         new ids.",
        new_ids.from, new_ids.to
    ));
}

//! The schema of the state file. Migrations go forward only; each version is a frozen SQL text.
//!
//! Each version is SQL and uses no type of this program, so that no later change of the program
//! changes what an old migration does. The JSON in some columns is of the program's types: a
//! change of these either reads the old form too (`serde` defaults) or comes with a migration.

use rusqlite::{Connection, TransactionBehavior};

/// Marks a file as ours (`PRAGMA application_id`): "msyn".
pub(super) const APPLICATION_ID: i32 = 0x6d73_796e;

/// The SQL at index n leads from version n to n + 1.
const VERSIONS: &[&str] = &[include_str!("v1.sql")];

/// The newest version that this program knows.
pub(super) fn newest() -> i64 {
    i64::try_from(VERSIONS.len()).unwrap_or(i64::MAX)
}

/// Brings the file to the newest version, all or nothing.
pub(super) fn migrate(db: &mut Connection) -> Result<(), rusqlite::Error> {
    through(db, VERSIONS)
}

fn through(db: &mut Connection, versions: &[&str]) -> Result<(), rusqlite::Error> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let mut version = found;
    for text in versions
        .iter()
        .skip(usize::try_from(found).unwrap_or(usize::MAX))
    {
        transaction.execute_batch(text)?;
        version += 1;
    }
    if version != found {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version)?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// A version that was released is in people's files; this digest changes only before that.
    #[test]
    fn a_version_is_frozen() {
        let digest = |text: &&str| -> String {
            let digest = Sha256::digest(text);
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let digests: Vec<String> = VERSIONS.iter().map(digest).collect();
        assert_eq!(
            digests,
            ["d35dcb6b022cbeae6fb4960256f667824dd70827d4757db7ac3984d3b78fee17"]
        );
    }

    #[test]
    fn a_migration_keeps_what_was_there() {
        let mut db = Connection::open_in_memory().unwrap();
        let next = "ALTER TABLE runs ADD COLUMN why TEXT; CREATE TABLE more (x)";
        migrate(&mut db).unwrap();
        db.execute(
            "INSERT INTO runs (began, state, config) VALUES (1, 'open', 'c')",
            [],
        )
        .unwrap();
        through(&mut db, &[VERSIONS, &[next]].concat()).unwrap();
        let version: i64 = db
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        let runs: i64 = db
            .query_row("SELECT count(*) FROM runs WHERE why IS NULL", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!((version, runs), (newest() + 1, 1));
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db).unwrap();
        let broken = "CREATE TABLE more (x); INSERT INTO nowhere VALUES (1)";
        assert!(through(&mut db, &[VERSIONS, &[broken]].concat()).is_err());
        let version: i64 = db
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        let tables: i64 = db
            .query_row(
                "SELECT count(*) FROM sqlite_master WHERE name = 'more'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!((version, tables), (newest(), 0));
    }
}

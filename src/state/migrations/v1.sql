-- Version 1 of the state file. Frozen: a change of the schema is a new version in a new file.
--
-- No STRICT, no WITHOUT ROWID, no partial index: the sqlite3 of every supported system, back to
-- version 3.7, can look at this file. Moments are milliseconds since 1970-01-01 UTC.

-- Who is who: this account of the directory is this user of Mattermost.
CREATE TABLE links (
    provider       TEXT NOT NULL,
    id             TEXT NOT NULL,
    user           TEXT NOT NULL UNIQUE,
    origin         TEXT NOT NULL CHECK (origin IN ('created', 'adopted')),
    since          INTEGER NOT NULL,
    last_dn        TEXT NOT NULL,
    last_username  TEXT NOT NULL,
    -- Our own deactivation: the server's delete_at (none until its outcome is known), why, and
    -- who ordered it.
    deactivated_at  INTEGER,
    deactivated_why TEXT,
    deactivated_by  TEXT,
    -- An address that waits for the person's click.
    email_waiting  TEXT,
    -- JSON: the fields that were set by us, what was sent, what the server stored.
    given          TEXT NOT NULL,
    PRIMARY KEY (provider, id),
    CHECK (deactivated_at IS NULL OR deactivated_why IS NOT NULL)
);

-- The small rest. `key` is an account's directory id, a user's id, a hold, or empty; `value` is
-- JSON.
CREATE TABLE memory (
    kind     TEXT NOT NULL CHECK (kind IN ('absence', 'return', 'name', 'nonce', 'waiting',
                                           'order', 'held', 'shape', 'identity',
                                           'filled')),
    provider TEXT NOT NULL,
    key      TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (kind, provider, key)
);

-- What people permitted. `approval` is the whole as JSON and what counts; the columns beside it
-- are for looking.
CREATE TABLE approvals (
    hold     TEXT NOT NULL PRIMARY KEY,
    given_by TEXT NOT NULL,
    given_at INTEGER NOT NULL,
    until    INTEGER NOT NULL,
    approval TEXT NOT NULL
);

-- Guarded steps of the last 24 hours.
CREATE TABLE done (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    class       TEXT NOT NULL,
    at          INTEGER NOT NULL,
    fingerprint TEXT NOT NULL
);

CREATE TABLE runs (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    began   INTEGER NOT NULL,
    ended   INTEGER,
    state   TEXT NOT NULL CHECK (state IN ('open', 'finished', 'abandoned')),
    changed INTEGER NOT NULL DEFAULT 0 CHECK (changed IN (0, 1)),
    config  TEXT NOT NULL,
    CHECK ((ended IS NULL) = (state <> 'finished'))
);
CREATE INDEX runs_by_state ON runs (state);

CREATE TABLE steps (
    run           INTEGER NOT NULL REFERENCES runs (id),
    number        INTEGER NOT NULL,
    -- The place in the plan's order.
    position      INTEGER NOT NULL,
    action        TEXT NOT NULL,
    class         TEXT,
    provider      TEXT,
    account       TEXT,
    user          TEXT,
    team          TEXT,
    name          TEXT NOT NULL,
    -- The whole step as JSON.
    step          TEXT NOT NULL,
    intended_at   INTEGER,
    settled_at    INTEGER,
    outcome       TEXT CHECK (outcome IN ('done', 'not-done', 'unknown')),
    message       TEXT,
    -- The later run that began the same change again.
    superseded_by INTEGER REFERENCES runs (id),
    -- 1 from the intent until the outcome is known or superseded.
    unsettled     INTEGER NOT NULL DEFAULT 0 CHECK (unsettled IN (0, 1)),
    PRIMARY KEY (run, number)
);
CREATE INDEX steps_by_account ON steps (unsettled, account);

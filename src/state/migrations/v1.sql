-- Version 1 of the state file. Frozen once it is released: a change of the schema is a new version
-- in a new file.
--
-- No STRICT, no WITHOUT ROWID, no partial index: the sqlite3 of every supported system, back to
-- version 3.7, can look at this file. Moments are milliseconds since 1970-01-01 UTC. What is
-- remembered of one key is one row; `memory` is JSON, the columns beside it are for looking.

-- What is remembered of an account, and the user that it is linked to.
CREATE TABLE accounts (
    provider TEXT NOT NULL,
    id       TEXT NOT NULL,
    user     TEXT UNIQUE,
    memory   TEXT NOT NULL,
    PRIMARY KEY (provider, id)
);

CREATE TABLE users (
    id     TEXT NOT NULL PRIMARY KEY,
    memory TEXT NOT NULL
);

CREATE TABLE providers (
    name   TEXT NOT NULL PRIMARY KEY,
    memory TEXT NOT NULL
);

-- `place` is JSON: what kind of place, and its id.
CREATE TABLE places (
    place  TEXT NOT NULL PRIMARY KEY,
    memory TEXT NOT NULL
);

-- `hold` is JSON: what is held.
CREATE TABLE holds (
    hold   TEXT NOT NULL PRIMARY KEY,
    memory TEXT NOT NULL
);

-- The steps that the approval of a hold still releases.
CREATE TABLE released (
    hold        TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (hold, fingerprint)
);

-- The Mattermost server and this machine: one row. `fence` is the number of the newest lease.
CREATE TABLE server (
    number INTEGER PRIMARY KEY CHECK (number = 1),
    fence  INTEGER NOT NULL,
    memory TEXT NOT NULL
);
INSERT INTO server (number, fence, memory) VALUES (1, 0, '{}');

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
    -- JSON: what kind of run it was, who asked for it, what the reading proved, whose approvals
    -- released what.
    about   TEXT,
    CHECK ((ended IS NULL) = (state <> 'finished'))
);
CREATE INDEX runs_by_state ON runs (state);
CREATE INDEX runs_by_began ON runs (began);

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
    -- How many e-mails it causes.
    mails         INTEGER NOT NULL,
    intended_at   INTEGER,
    settled_at    INTEGER,
    -- JSON: what became of it.
    outcome       TEXT,
    -- The word for it: 'done', 'not-done', 'unknown' or 'not-begun'.
    word          TEXT NOT NULL,
    -- JSON: what the server made of it, the id of a made user, the delete_at of a deactivation.
    made          TEXT,
    -- The later run that began the same change again.
    superseded_by INTEGER REFERENCES runs (id),
    -- 1 from the intent until the outcome is known or superseded.
    unsettled     INTEGER NOT NULL DEFAULT 0 CHECK (unsettled IN (0, 1)),
    PRIMARY KEY (run, number)
);
CREATE INDEX steps_by_account ON steps (unsettled, account);
CREATE INDEX steps_of_account ON steps (account);
CREATE INDEX steps_of_user ON steps (user);

-- What else was found out about a person in a run, for example what a leaver leaves alive.
CREATE TABLE notes (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    run      INTEGER REFERENCES runs (id),
    at       INTEGER NOT NULL,
    provider TEXT,
    account  TEXT,
    user     TEXT,
    kind     TEXT NOT NULL,
    -- JSON.
    value    TEXT NOT NULL
);
CREATE INDEX notes_by_run ON notes (run);
CREATE INDEX notes_by_account ON notes (account);
CREATE INDEX notes_by_user ON notes (user);

-- Version 2 of the state file: second anchors, what a run was and what it made, notes about people.

-- The kinds are the program's; a new one needs no new table.
CREATE TABLE memory_v2 (
    kind     TEXT NOT NULL,
    provider TEXT NOT NULL,
    key      TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (kind, provider, key)
);
INSERT INTO memory_v2 SELECT kind, provider, key, value FROM memory;
DROP TABLE memory;
ALTER TABLE memory_v2 RENAME TO memory;

-- The account's second anchor when it was last seen.
ALTER TABLE links ADD COLUMN anchor TEXT;

-- JSON: what kind of run it was, who asked for it, what the reading proved, whose approvals
-- released what.
ALTER TABLE runs ADD COLUMN about TEXT;

-- JSON: what the server made of the step: the id of a made user, the delete_at of a deactivation.
ALTER TABLE steps ADD COLUMN result TEXT;

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
CREATE INDEX runs_by_began ON runs (began);
CREATE INDEX notes_by_run ON notes (run);
CREATE INDEX notes_by_account ON notes (account);
CREATE INDEX notes_by_user ON notes (user);
CREATE INDEX steps_of_account ON steps (account);
CREATE INDEX steps_of_user ON steps (user);

-- Version 3 of the state file: what was agreed about a user before somebody changed it on Mattermost.

-- JSON: the username and the address about which both sides last agreed.
ALTER TABLE links ADD COLUMN agreed TEXT NOT NULL DEFAULT '{}';

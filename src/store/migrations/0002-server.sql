-- From version 1 to version 2. Applied in one transaction with the new user_version.

-- Who asked for a run names it, so that it is never made twice.
ALTER TABLE runs ADD COLUMN request TEXT;
CREATE UNIQUE INDEX runs_by_request ON runs(request) WHERE request IS NOT NULL;

-- What came to the server's webhook, accepted or not. An accepted delivery has a place in `queue`,
-- made in the same transaction. A rejected one says nothing true of itself: its id is anybody's.
CREATE TABLE deliveries (
  number      INTEGER PRIMARY KEY AUTOINCREMENT,
  id          TEXT NOT NULL,     -- X-GitHub-Delivery
  received_at INTEGER NOT NULL,
  client      TEXT NOT NULL,
  event       TEXT NOT NULL,
  repository  TEXT NOT NULL,     -- owner/name; empty where it is not known
  branch      TEXT NOT NULL,
  commit_sha  TEXT NOT NULL,
  verdict     TEXT NOT NULL,     -- accepted, ignored, rejected
  reason      TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX deliveries_once ON deliveries(id) WHERE verdict <> 'rejected';

CREATE TABLE queue (
  number         INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of a pipeline's runs
  request        TEXT NOT NULL UNIQUE,               -- names the run, runs.request
  pipeline       TEXT NOT NULL,                      -- of the server's configuration
  branch         TEXT NOT NULL,
  commit_sha     TEXT NOT NULL,
  author         TEXT NOT NULL,
  message        TEXT NOT NULL,
  state          TEXT NOT NULL,  -- waiting, running, ended, superseded
  starts         INTEGER NOT NULL DEFAULT 0,  -- of processes: more than one where one died
  created_at     INTEGER NOT NULL,
  started_at     INTEGER,
  ended_at       INTEGER,
  exit_code      INTEGER,
  note           TEXT NOT NULL DEFAULT ''            -- why it ended as it did
) STRICT;
CREATE INDEX queue_open ON queue(pipeline, number) WHERE state IN ('waiting', 'running');

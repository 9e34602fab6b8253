-- The state of one machine's pipelines, version 1; what came since is in migrations/, and a new
-- database gets all of it in turn. PRAGMA user_version carries the version; a newer one is refused,
-- an older one is migrated when it is opened (database.cpp). Times are milliseconds since 1970, UTC.

CREATE TABLE pipelines (
  name        TEXT PRIMARY KEY,
  plan_digest TEXT NOT NULL,
  plan        TEXT NOT NULL,  -- the plan's canonical JSON
  commit_sha  TEXT NOT NULL,  -- the commit that it was made from
  repository_url TEXT NOT NULL,  -- … and its repository
  updated_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE runs (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
  pipeline       TEXT NOT NULL,
  state          TEXT NOT NULL,
  plan_digest    TEXT NOT NULL,
  plan           TEXT NOT NULL,
  commit_sha     TEXT NOT NULL,
  repository_url TEXT NOT NULL,
  branch         TEXT NOT NULL,
  author         TEXT NOT NULL,
  message        TEXT NOT NULL,
  options        TEXT NOT NULL,  -- JSON: what the engine needs to resume it
  restarted_from INTEGER REFERENCES runs(id),
  owner_pid      INTEGER NOT NULL,
  owner_start    INTEGER NOT NULL,  -- start time of that process, in clock ticks since boot
  created_at     INTEGER NOT NULL,
  started_at     INTEGER,
  ended_at       INTEGER,
  exit_code      INTEGER,
  error_code     TEXT,
  error_message  TEXT,
  error_hint     TEXT
) STRICT;
CREATE INDEX runs_by_pipeline ON runs(pipeline, id);
CREATE INDEX runs_unfinished ON runs(state) WHERE state IN ('queued', 'running');

CREATE TABLE stages (
  run_id     INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  id         TEXT NOT NULL,
  attempt    INTEGER NOT NULL,
  position   INTEGER NOT NULL,
  kind       TEXT NOT NULL,
  state      TEXT NOT NULL,
  started_at INTEGER,
  ended_at   INTEGER,
  error      TEXT,
  PRIMARY KEY (run_id, id, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE steps (
  run_id     INTEGER NOT NULL,
  stage_id   TEXT NOT NULL,
  attempt    INTEGER NOT NULL,  -- of the stage
  position   INTEGER NOT NULL,
  id         TEXT NOT NULL,
  kind       TEXT NOT NULL,
  title      TEXT NOT NULL,
  state      TEXT NOT NULL,
  tries      INTEGER NOT NULL,  -- within this attempt
  started_at INTEGER NOT NULL,
  ended_at   INTEGER,
  exit_code  INTEGER,
  summary    TEXT,
  error      TEXT,
  log        TEXT NOT NULL,  -- path relative to the run's directory
  PRIMARY KEY (run_id, stage_id, attempt, position),
  FOREIGN KEY (run_id, stage_id, attempt) REFERENCES stages(run_id, id, attempt) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE outputs (
  run_id      INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  environment TEXT NOT NULL,
  stack       TEXT NOT NULL,
  key         TEXT NOT NULL,
  value       TEXT NOT NULL,
  PRIMARY KEY (run_id, environment, stack, key)
) STRICT, WITHOUT ROWID;

-- Process groups that a run has started and not yet seen ended: what a killed run leaves behind.
CREATE TABLE process_groups (
  run_id        INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  process_group INTEGER NOT NULL,
  start_time    INTEGER NOT NULL,
  boot          TEXT NOT NULL,
  PRIMARY KEY (run_id, process_group)
) STRICT, WITHOUT ROWID;

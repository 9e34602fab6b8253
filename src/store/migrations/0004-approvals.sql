-- What runs ask people before they go on, and what people answered.

CREATE TABLE approvals (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id        INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  environment   TEXT NOT NULL,
  state         TEXT NOT NULL,     -- pending, approved, rejected, expired, withdrawn
  digest        TEXT NOT NULL,     -- of what was shown
  changes       TEXT NOT NULL,     -- JSON: what was shown (changes/change_set.hpp)
  summary       TEXT NOT NULL,     -- … in a few words
  broadens      INTEGER NOT NULL,  -- 1: it grants more than before
  approvers     TEXT NOT NULL,     -- JSON: a list of names; empty: anybody
  quorum        INTEGER NOT NULL,
  self_approval INTEGER NOT NULL,  -- 1: the commit's author may be the only one
  created_at    INTEGER NOT NULL,
  expires_at    INTEGER NOT NULL,
  ended_at      INTEGER,
  taken_at      INTEGER            -- when the run learned of the end, and acted on it
) STRICT;
-- A run asks one question of an environment at a time.
CREATE UNIQUE INDEX approvals_open ON approvals(run_id, environment) WHERE state = 'pending';
CREATE INDEX approvals_by_run ON approvals(run_id, id);

CREATE TABLE approval_decisions (
  approval_id INTEGER NOT NULL REFERENCES approvals(id) ON DELETE CASCADE,
  who         TEXT NOT NULL,
  decision    TEXT NOT NULL,       -- approve, reject
  comment     TEXT NOT NULL,
  decided_at  INTEGER NOT NULL,
  PRIMARY KEY (approval_id, who)
) STRICT, WITHOUT ROWID;

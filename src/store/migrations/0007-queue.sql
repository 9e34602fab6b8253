-- Branches with pipelines of their own, the order of what GitHub sends, parked runs.

ALTER TABLE queue ADD COLUMN branch_id TEXT NOT NULL DEFAULT '';
  -- of a branch with a pipeline of its own; empty: the pipeline's own branch
ALTER TABLE queue ADD COLUMN source_time INTEGER;
  -- when it happened at GitHub, by GitHub's clock: tells a late delivery from a new one
ALTER TABLE queue ADD COLUMN before_sha TEXT NOT NULL DEFAULT '';
  -- the commit that a push started from
ALTER TABLE queue ADD COLUMN parked_at INTEGER;
  -- its process was told to end with the server; the next server goes on with it
ALTER TABLE queue ADD COLUMN owner_pid INTEGER;
ALTER TABLE queue ADD COLUMN owner_start INTEGER;
  -- the process that executes it, and its start in clock ticks since boot
CREATE INDEX queue_by_branch ON queue(pipeline, branch, number);
CREATE INDEX queue_by_end ON queue(ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX deliveries_by_time ON deliveries(received_at);

-- What the pipelines of branches have deployed, or were about to deploy: written before a
-- deployment begins, removed when the stack is gone. `number` is the order of the first deployment,
-- so that the reverse of it is an order in which stacks can be deleted.
CREATE TABLE branch_stacks (
  number        INTEGER PRIMARY KEY AUTOINCREMENT,
  pipeline      TEXT NOT NULL,  -- of the runs: "app@feature-login-3f9a2c"
  environment   TEXT NOT NULL,
  account       TEXT NOT NULL,
  region        TEXT NOT NULL,
  stack         TEXT NOT NULL,  -- as configured
  physical_name TEXT NOT NULL,
  qualifier     TEXT NOT NULL,  -- of the bootstrap
  UNIQUE (pipeline, account, region, physical_name)
) STRICT;

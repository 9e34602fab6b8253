-- What ended without an entry in the queue: pull requests that were closed, branches that were
-- deleted and had nothing to tear down. A delivery that is older than its end runs nothing.
CREATE TABLE source_ends (
  number       INTEGER PRIMARY KEY,
  pipeline     TEXT NOT NULL,
  branch       TEXT NOT NULL,
  pull_request INTEGER NOT NULL,  -- 0: the branch itself
  source_time  INTEGER NOT NULL,  -- when it ended, by GitHub's clock
  what         TEXT NOT NULL,     -- "the pull request was closed"
  UNIQUE (pipeline, branch, pull_request)
) STRICT;

-- Not every entry of the queue is a push.
ALTER TABLE queue ADD COLUMN kind TEXT NOT NULL DEFAULT 'push';
  -- push; pull_request (its head is validated); manual (somebody asked for a commit);
  -- resume (of run_id); retry (of run_id's commit); teardown (of a branch that is gone)
ALTER TABLE queue ADD COLUMN asked_by TEXT NOT NULL DEFAULT '';  -- of a person's wish: the token
ALTER TABLE queue ADD COLUMN run_id INTEGER;         -- of resume and retry
ALTER TABLE queue ADD COLUMN pull_request INTEGER;   -- its number

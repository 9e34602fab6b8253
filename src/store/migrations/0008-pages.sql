-- What the server's pages ask, answered by indexes. The two columns are filled by the triggers
-- below, so that whoever makes a run needs to know nothing of pages.

-- The pipeline under the name that the server gives it: that of the run's entry in the queue; of a
-- run that another handed over to, that one's; of any other run its own pipeline's name.
ALTER TABLE runs ADD COLUMN served TEXT NOT NULL DEFAULT '';
-- When this commit was first asked for: lead times begin there, also of a second try.
ALTER TABLE runs ADD COLUMN asked_at INTEGER NOT NULL DEFAULT 0;

CREATE INDEX runs_by_commit ON runs(commit_sha, id);
CREATE INDEX runs_by_branch ON runs(branch, id);
CREATE INDEX runs_by_state ON runs(state, id);
CREATE INDEX runs_by_served ON runs(served, id, state, started_at, ended_at);
CREATE INDEX runs_finished ON runs(served, ended_at, state, id, branch, asked_at, started_at)
  WHERE ended_at IS NOT NULL;
CREATE INDEX runs_by_restart ON runs(restarted_from) WHERE restarted_from IS NOT NULL;
CREATE INDEX queue_by_run ON queue(run_id) WHERE run_id IS NOT NULL;

WITH RECURSIVE origin(id, root) AS (
  SELECT id, id FROM runs WHERE restarted_from IS NULL
  UNION ALL SELECT runs.id, origin.root FROM runs JOIN origin ON runs.restarted_from = origin.id)
UPDATE runs SET served = coalesce(
  (SELECT queue.pipeline FROM origin JOIN runs AS first ON first.id = origin.root
   JOIN queue ON queue.request = first.request WHERE origin.id = runs.id), pipeline);
UPDATE runs SET asked_at = coalesce(
  (SELECT created_at FROM queue WHERE queue.request = runs.request), created_at);
UPDATE runs SET asked_at = (SELECT min(other.asked_at) FROM runs AS other
  WHERE other.commit_sha = runs.commit_sha AND other.served = runs.served);

-- Search in any part of a word.
CREATE VIRTUAL TABLE runs_text USING fts5(
  message, author, branch, commit_sha, content='', tokenize='trigram');
INSERT INTO runs_text (rowid, message, author, branch, commit_sha)
  SELECT id, substr(message, 1, 500), author, branch, commit_sha FROM runs;

CREATE TRIGGER runs_are_found AFTER INSERT ON runs BEGIN
  UPDATE runs SET served = coalesce(
    (SELECT pipeline FROM queue WHERE request = NEW.request),
    (SELECT served FROM runs AS earlier WHERE earlier.id = NEW.restarted_from),
    NEW.pipeline) WHERE id = NEW.id;
  UPDATE runs SET asked_at = min(
    coalesce((SELECT created_at FROM queue WHERE request = NEW.request), NEW.created_at),
    coalesce((SELECT min(asked_at) FROM runs AS earlier WHERE earlier.commit_sha = NEW.commit_sha
              AND earlier.id <> NEW.id
              AND earlier.served = (SELECT served FROM runs AS this WHERE this.id = NEW.id)),
             NEW.created_at)) WHERE id = NEW.id;
  INSERT INTO runs_text (rowid, message, author, branch, commit_sha)
    VALUES (NEW.id, substr(NEW.message, 1, 500), NEW.author, NEW.branch, NEW.commit_sha);
END;

CREATE TRIGGER runs_are_forgotten AFTER DELETE ON runs BEGIN
  INSERT INTO runs_text (runs_text, rowid, message, author, branch, commit_sha)
    VALUES ('delete', OLD.id, substr(OLD.message, 1, 500), OLD.author, OLD.branch, OLD.commit_sha);
END;

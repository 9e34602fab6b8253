-- What happens to runs, stages, approvals and entries of the queue, written by the very transaction that makes
-- it happen, whichever process that is: nothing is missed while no server runs, and nothing is told
-- that was rolled back. The server's notifier takes the rows away (server/notify/).
CREATE TABLE happenings (
  number  INTEGER PRIMARY KEY AUTOINCREMENT,
  subject TEXT NOT NULL,     -- run, stage (of run `id`), entry (of the queue), approval
  id      INTEGER NOT NULL,
  name    TEXT NOT NULL,     -- of the stage or environment; of a failed run, the stage that failed
  state   TEXT NOT NULL,     -- the new one
  at      INTEGER NOT NULL,
  error_code    TEXT,
  error_message TEXT,
  error_hint    TEXT
) STRICT;
-- Where nobody takes them away, because no server is used, the last ones stay.
CREATE TRIGGER happenings_bound AFTER INSERT ON happenings BEGIN
  DELETE FROM happenings WHERE number <= NEW.number - 20000;
END;

CREATE TRIGGER run_happens AFTER UPDATE OF state ON runs WHEN NEW.state <> OLD.state BEGIN
  INSERT INTO happenings (subject, id, name, state, at, error_code, error_message, error_hint)
  VALUES ('run', NEW.id,
          coalesce((SELECT id FROM stages WHERE run_id = NEW.id
                      AND state IN ('failed', 'cancelled', 'interrupted')
                    ORDER BY ended_at DESC, attempt DESC LIMIT 1), ''),
          NEW.state, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER),
          NEW.error_code, NEW.error_message, NEW.error_hint);
END;
CREATE TRIGGER stage_happens AFTER UPDATE OF state ON stages WHEN NEW.state <> OLD.state BEGIN
  INSERT INTO happenings (subject, id, name, state, at, error_message)
  VALUES ('stage', NEW.run_id, NEW.id, NEW.state,
          CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), NEW.error);
END;
-- A stage's further attempt is a row of its own.
CREATE TRIGGER stage_happens_again AFTER INSERT ON stages WHEN NEW.state = 'running' BEGIN
  INSERT INTO happenings (subject, id, name, state, at)
  VALUES ('stage', NEW.run_id, NEW.id, NEW.state,
          CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));
END;
CREATE TRIGGER entry_happens_first AFTER INSERT ON queue BEGIN
  INSERT INTO happenings (subject, id, name, state, at)
  VALUES ('entry', NEW.number, '', NEW.state,
          CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));
END;
CREATE TRIGGER entry_happens AFTER UPDATE OF state ON queue WHEN NEW.state <> OLD.state BEGIN
  INSERT INTO happenings (subject, id, name, state, at, error_message)
  VALUES ('entry', NEW.number, '', NEW.state,
          CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), NEW.note);
END;

CREATE TRIGGER approval_happens_first AFTER INSERT ON approvals BEGIN
  INSERT INTO happenings (subject, id, name, state, at)
  VALUES ('approval', NEW.id, NEW.environment, NEW.state,
          CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));
END;
CREATE TRIGGER approval_happens AFTER UPDATE OF state ON approvals WHEN NEW.state <> OLD.state
BEGIN
  INSERT INTO happenings (subject, id, name, state, at)
  VALUES ('approval', NEW.id, NEW.environment, NEW.state,
          CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));
END;

-- What is told to whom. One row for an event and a channel, made in the transaction that takes the
-- happening away, so that it is told once.
CREATE TABLE notifications (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order in which a channel tells them
  event      TEXT NOT NULL,     -- names it for ever: run/12/failed/407.1769847330123
  channel    TEXT NOT NULL,     -- of the server's configuration
  kind       TEXT NOT NULL,     -- failure, recovery, …
  pipeline   TEXT NOT NULL,
  target     TEXT NOT NULL,     -- where only the newest counts: a commit's status; else empty
  payload    TEXT NOT NULL,     -- JSON (server/notify/event.cpp)
  state      TEXT NOT NULL,     -- waiting, told, folded, obsolete, expired, dead
  attempts   INTEGER NOT NULL DEFAULT 0,  -- begun
  unsure     INTEGER NOT NULL DEFAULT 0,  -- 1: an attempt's end is not known
  created_at INTEGER NOT NULL,
  next_at    INTEGER NOT NULL,  -- no attempt before
  ended_at   INTEGER,           -- told, or given up
  last_error TEXT NOT NULL DEFAULT '',
  remote_id  TEXT NOT NULL DEFAULT '',    -- what the other side calls it
  folded_into INTEGER,          -- the notification that tells it among others
  UNIQUE (event, channel)
) STRICT;
CREATE INDEX notifications_waiting ON notifications(channel, number) WHERE state = 'waiting';
CREATE INDEX notifications_by_target ON notifications(channel, target, number) WHERE target <> '';
CREATE INDEX notifications_told ON notifications(channel, ended_at) WHERE state = 'told';

-- How each branch of a pipeline stands, so that a success after failures is a recovery.
CREATE TABLE outcomes (
  pipeline TEXT NOT NULL,
  branch   TEXT NOT NULL,       -- or pull/<number>
  failures INTEGER NOT NULL,    -- in a row; 0: it works
  episode  TEXT NOT NULL,       -- the event of the first of them
  since    INTEGER NOT NULL,    -- its time
  last_run INTEGER NOT NULL,    -- that ended; 0: none was made
  last_at  INTEGER NOT NULL,
  PRIMARY KEY (pipeline, branch)
) STRICT, WITHOUT ROWID;

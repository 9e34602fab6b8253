-- Who may use a server, and what was done with it.

CREATE TABLE tokens (
  number       INTEGER PRIMARY KEY AUTOINCREMENT,
  name         TEXT NOT NULL UNIQUE,  -- never given twice: the audit log names it
  role         TEXT NOT NULL,         -- read, run, approve, admin: each includes those before it
  hash         TEXT NOT NULL UNIQUE,  -- SHA-256 of the token, which is told once and kept nowhere
  created_at   INTEGER NOT NULL,
  created_by   TEXT NOT NULL,
  expires_at   INTEGER,
  last_used_at INTEGER,               -- to the minute
  revoked_at   INTEGER
) STRICT;
-- A token is looked for by the first digits of its hash; the rest is compared in constant time.
CREATE INDEX tokens_by_hash ON tokens(substr(hash, 1, 16));

-- Browsers that have shown a token. A session ends with its token.
CREATE TABLE sessions (
  hash       TEXT PRIMARY KEY,  -- SHA-256 of the cookie
  token      INTEGER NOT NULL REFERENCES tokens(number) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  client     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_hash ON sessions(substr(hash, 1, 16));

CREATE TABLE audit (
  number  INTEGER PRIMARY KEY AUTOINCREMENT,
  at      INTEGER NOT NULL,
  who     TEXT NOT NULL,   -- a token's name, "local", or empty: nobody that we know
  client  TEXT NOT NULL,   -- the address
  action  TEXT NOT NULL,   -- "run.cancel", "token.create", …
  object  TEXT NOT NULL,   -- "run 12", "token ci", …
  result  TEXT NOT NULL,   -- done, refused, failed
  detail  TEXT NOT NULL
) STRICT;
CREATE INDEX audit_unknown ON audit(number) WHERE who = '';
CREATE TRIGGER audit_is_kept BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;

-- What Prometheus asks again and again.
CREATE INDEX runs_by_end ON runs(pipeline, state, ended_at, started_at);

-- SHA-256 of an accepted delivery's body. GitHub signs the body alone: who has seen one could send
-- it again under another id.
ALTER TABLE deliveries ADD COLUMN content_sha256 TEXT NOT NULL DEFAULT '';
CREATE INDEX deliveries_by_content ON deliveries(content_sha256) WHERE content_sha256 <> '';

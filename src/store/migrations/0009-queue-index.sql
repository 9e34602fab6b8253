-- A pipeline's waiting pushes are asked for at every push.
CREATE INDEX queue_by_state ON queue(state, pipeline, branch);
-- Counted at every scrape of the metrics.
CREATE INDEX deliveries_by_verdict ON deliveries(verdict);

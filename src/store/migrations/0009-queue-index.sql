-- What waits and what executes is asked several times a second, beside all that has ended.
DROP INDEX queue_open;
CREATE INDEX queue_by_state ON queue(state, pipeline, branch);
-- Counted at every scrape of the metrics.
CREATE INDEX deliveries_by_verdict ON deliveries(verdict);

-- The newest push of a branch is asked for at every push: what comes later than it is not run.
CREATE INDEX queue_by_source ON queue(pipeline, branch, source_time, number)
  WHERE source_time IS NOT NULL;

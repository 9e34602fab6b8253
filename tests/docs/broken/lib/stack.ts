// Only its name counts.

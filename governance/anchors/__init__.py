"""Places outside the database that take checkpoints of the log."""

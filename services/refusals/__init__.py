"""Recording of refusals at the edge: outbox, spool and drop counts."""

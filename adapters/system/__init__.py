"""The machine: clock, files, the spool."""

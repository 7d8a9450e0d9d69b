"""HTTP clients: shared sessions, bounded reading, the gateway client of the command."""

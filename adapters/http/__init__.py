"""HTTP clients: shared sessions, bounded reading, and the commands' client of the API."""

"""Use cases over ports: shared by the API, the worker and the command. No server client, no framework."""

"""The API process: callers, routes, problems. Wired in ``main``."""

"""HTTP API process: authentication, routes and problem details. Wired in ``main``."""

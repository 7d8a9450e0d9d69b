"""HTTP plumbing: bodies, headers, middleware, OpenAPI, health, metrics."""

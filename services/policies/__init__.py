"""The operator's policies: by content hash, the current one, and its change."""

"""The stored tree of the audit log: store, heads, proofs, witnesses."""

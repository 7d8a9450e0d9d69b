"""The stored tree of the audit log: store, entries, proofs, anchors, witness."""

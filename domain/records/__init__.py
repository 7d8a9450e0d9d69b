"""Records of the audit log: their fields and digests, queries, custody, reconciliation of runs without an outcome.

Public: all modules.
"""

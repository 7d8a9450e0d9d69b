"""The audit log as a Merkle tree (RFC 9162): tiles, checkpoints, proofs, exports, archives, verification.

Public: all modules.
"""

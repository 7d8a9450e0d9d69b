"""Verification of the stored log, receipts and evidence. Shares with the sequencer only the hashes of RFC 9162."""

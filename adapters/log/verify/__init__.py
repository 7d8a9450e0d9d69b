"""Verification of the stored log against Vault, archives and receipts."""

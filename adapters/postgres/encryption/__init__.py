"""Encryption of stored records by tenant keys and subject keys."""

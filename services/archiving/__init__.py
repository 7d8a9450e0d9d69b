"""Archiving of old months: files written, read back and verified, then rows dropped; and restored."""

"""Adapters assembled for a process."""

"""Archived months: files, storage, manifests, wiring and checks."""

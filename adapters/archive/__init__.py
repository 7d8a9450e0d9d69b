"""Archived months: files, their place, manifests, opening and checking."""

"""Detectors that need libraries or files."""

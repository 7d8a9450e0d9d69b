"""Detectors and finders that need libraries or files."""

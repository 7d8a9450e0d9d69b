"""Detectors of the kinds of values, by format and surroundings."""

"""The load generator and the fake model."""

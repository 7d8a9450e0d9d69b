"""Use cases assembled with adapters, for an operator's commands."""

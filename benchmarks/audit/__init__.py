"""The audit log, measured."""

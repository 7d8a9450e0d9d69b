"""The archive workflow."""

"""Activities of the archive workflow."""

"""Reading and exporting the audit log."""

"""Routes of the audit log and of custody."""

"""Authentication, tokens and rates at the HTTP edge."""

"""Recording of refusals at the HTTP edge."""

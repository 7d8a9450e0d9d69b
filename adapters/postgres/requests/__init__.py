"""Requests at the HTTP edge in PostgreSQL: rates, and repeats."""

"""Temporal workflows: order, timeouts, retries."""

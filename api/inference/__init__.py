"""Routes that start, await, read and cancel runs."""

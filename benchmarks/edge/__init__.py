"""Benchmarks of the HTTP edge."""

"""The gateway beside bare Temporal, the textbook design and its peers. Run it: ``python -m benchmarks.gateway``."""

"""The gateway, bare Temporal, the textbook design and other gateways. Run it: ``python -m benchmarks.gateway``."""

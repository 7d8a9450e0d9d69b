"""Benchmarks: each measures Assay beside others, on the same machine, in one go."""

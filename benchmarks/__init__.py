"""Benchmarks: comparisons of Assay with alternatives on the same machine, in one run."""

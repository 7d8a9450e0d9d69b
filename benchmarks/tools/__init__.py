"""Tools of all benchmarks: processes, CPU time by group, medians and spreads, timers, a running Assay."""

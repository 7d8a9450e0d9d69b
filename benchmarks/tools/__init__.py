"""What any benchmark needs: processes of its own, CPU time by group, medians and spreads, timers, a running Assay."""

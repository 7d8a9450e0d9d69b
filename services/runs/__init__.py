"""Events of runs, and waiting for them."""

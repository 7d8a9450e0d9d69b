"""The servers of one machine, one module each, and their group."""

"""The servers of one machine, one module each, and the group of them."""

"""Inputs, results and names of activities: all that workflows import of them."""

"""Activities of the inference workflow, one per stage."""

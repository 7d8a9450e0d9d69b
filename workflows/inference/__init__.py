"""The inference workflow: stages, their order, their failures, the run summary."""

"""The reconciliation workflow."""

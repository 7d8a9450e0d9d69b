"""Activities of the reconciliation sweep."""

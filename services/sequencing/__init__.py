"""Growing the tenants' trees, signing their heads, and collecting cosignatures."""

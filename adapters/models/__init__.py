"""Model providers, by wire format."""

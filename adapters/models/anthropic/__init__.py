"""Anthropic's messages as a provider's wire format."""

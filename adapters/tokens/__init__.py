"""Signed tokens: access tokens and browser sessions."""

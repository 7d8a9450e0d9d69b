"""Formats of the clients' own SDKs: requests, answers and errors, each in its form."""

"""Streams of server-sent events in the clients' formats."""

"""Adapters of ports to servers and libraries, a folder a technology."""

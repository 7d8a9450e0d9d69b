"""Temporal activities: thin adapters of ports and services, by workflow; contracts apart."""

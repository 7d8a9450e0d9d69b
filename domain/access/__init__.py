"""Principals, roles, clients, teams and browser sessions.

Public: ``principals``, ``roles``, ``clients``, ``sessions``, ``ports``.
"""

"""Principals, roles, clients, teams and browser sessions.

Public: ``principals``, ``resources``, ``roles``, ``clients``, ``sessions``, ``ports``.
"""

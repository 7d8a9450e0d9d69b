"""Request rates, token budgets and reservations.

Public: ``values``, ``ports``.
"""

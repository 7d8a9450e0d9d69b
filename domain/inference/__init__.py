"""Requests, model calls and answers, run status, token estimates.

Public: ``requests``, ``models``, ``runs``, ``token_estimates``, ``ports``.
"""

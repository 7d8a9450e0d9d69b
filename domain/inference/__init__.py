"""Content, requests and their texts, model calls and answers, run status, token estimates.

Public: ``content``, ``requests``, ``parsing``, ``texts``, ``models``, ``runs``, ``token_estimates``, ``ports``.
"""

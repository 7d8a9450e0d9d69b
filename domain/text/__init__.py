"""Text as people and models read it: views, hidden characters, sanitising.

Public: ``view``, ``json_text``, ``hidden_characters``, ``sanitise`` and the package ``normalise``.
"""

"""Sets of texts for the detectors of secrets and personal data: made by seeded generators, and by hand.

``harmless``: look-alikes, nothing of which may be masked. ``real``: texts with values that must be. ``logs``: long
tables. ``answers``: answers with placeholders.
"""

"""Secrets and personal data: finding, masking, restoring in the answer.

Public: ``policy``, ``masking``, ``restoring``, ``answers``, ``ports``.
"""

"""Screening of answers: leaks, canaries, exfiltration by links and markup.

Public: ``screen``, ``policy``, ``canary``.
"""

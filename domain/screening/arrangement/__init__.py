"""Orders hidden by the arrangement of words: in initials, or between foreign words.

Public: ``detector``.
"""

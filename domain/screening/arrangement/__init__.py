"""Orders hidden by the arrangement of words: in the initials of lines, sentences or words, or between foreign words.

Public: ``detector``.
"""

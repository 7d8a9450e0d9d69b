"""Normalisation of disguised text (encodings, confusables, spacing) to one view.

Public: ``pipeline``, ``fold``, ``steps``.
"""

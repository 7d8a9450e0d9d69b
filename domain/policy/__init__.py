"""The policy document: read from YAML, validated section by section, identified by its content hash.

Public: ``document``, ``reader``, ``ports``; others read one section each.
"""

"""The HTTP server of the API process: limits of connections, heads and bodies below the application.

Public: ``limits``, ``protocol``.
"""

"""Words and runs of signs of a view."""

import re

TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)?|(?:[^\w\s]|_)+")
"""A word or number, or a run of signs."""

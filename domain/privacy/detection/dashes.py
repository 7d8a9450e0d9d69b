"""Dashes as detectors read them: typographic ones as plain ones, at unchanged positions."""

_PLAIN = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")


def plain_dashes(text: str) -> str:
    """Return the text with typographic dashes and the minus sign as hyphens."""
    return text if text.isascii() else text.translate(_PLAIN)

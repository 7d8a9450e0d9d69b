"""Names of the Transit keys that sign, in one place. The policies in ``deploy/vault`` grant by these names."""

from typing import Final

TOKEN_KEY: Final = "token-signing"  # noqa: S105 - the name of a key
RECEIPT_KEY: Final = "receipt-signing"
LOG_KEY: Final = "log-signing"
ARCHIVE_KEY: Final = "archive-signing"

ALL: Final = (TOKEN_KEY, RECEIPT_KEY, LOG_KEY, ARCHIVE_KEY)
"""Every signing key that setup creates."""


def is_key_id(kid: str, key_name: str) -> bool:
    """Test for a ``kid`` of that key: its name, a colon, and its version."""
    return kid.startswith(f"{key_name}:")

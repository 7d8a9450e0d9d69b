"""Names of the Transit keys that sign, and selection of the version that signs.

The policies in ``deploy/vault`` grant by these names.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
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


PUBLISHING_DELAY: Final = timedelta(hours=1)
"""Time from the creation of a key's version to its first signature: longer than any cache of key sets lasts."""


def signing_version(created: Mapping[int, datetime], now: datetime) -> int:
    """Return the newest version that has been published for ``PUBLISHING_DELAY``, else the oldest.

    ``created`` has the creation time of each version that may sign. None of them is old enough for a new key, and after
    the withdrawal of the versions before: the oldest has been published the longest.

    Raises:
        ValueError: there is no version.
    """
    published = [version for version, at in created.items() if now - at >= PUBLISHING_DELAY]
    return max(published) if published else min(created)

"""Hash and size of a file written or read in pieces."""

import hashlib
from collections.abc import AsyncIterator


class FileHash:
    """SHA-256 and size of a stream."""

    def __init__(self) -> None:
        """Start with an empty stream."""
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def hex(self) -> str:
        """Return the hash so far."""
        return self._hash.hexdigest()

    async def over(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the same chunks."""
        async for chunk in chunks:
            self._hash.update(chunk)
            self.size += len(chunk)
            yield chunk

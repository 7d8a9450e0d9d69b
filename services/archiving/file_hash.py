"""Hash and size of a file that is written or read piece by piece."""

import hashlib
from collections.abc import AsyncIterator


class FileHash:
    """The SHA-256 and the size of a file that goes by."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def hex(self) -> str:
        """Of what went by so far."""
        return self._hash.hexdigest()

    async def over(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same chunks."""
        async for chunk in chunks:
            self._hash.update(chunk)
            self.size += len(chunk)
            yield chunk

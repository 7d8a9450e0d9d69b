"""Files of lines compressed with zstd (RFC 8878), written and read in pieces."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence

from domain.transparency.archive import ArchiveInvalid

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdCompressor, ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdCompressor, ZstdDecompressor, ZstdError

_LEVEL = 9
_PIECE_BYTES = 1024 * 1024
_LONGEST_LINE = 32 * 1024 * 1024  # far beyond any record: a longer line would only fill the memory


class ZstdFiles:
    """``LineFiles`` by zstd (RFC 8878)."""

    async def compressed(self, batches: AsyncIterator[Sequence[str]]) -> AsyncIterator[bytes]:
        """See ``LineFiles``."""
        compressor = ZstdCompressor(level=_LEVEL)
        async for batch in batches:
            data = "".join(f"{line}\n" for line in batch).encode()
            if piece := await asyncio.to_thread(compressor.compress, data):
                yield piece
        yield await asyncio.to_thread(compressor.flush)

    async def lines(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[list[str]]:
        """See ``LineFiles``."""
        rest = b""
        async for piece in _decompressed(chunks):
            *whole, rest = (rest + piece).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                raise ArchiveInvalid("the file: a line is too long for a record")
            try:
                yield [line.decode() for line in whole]
            except UnicodeDecodeError:
                raise ArchiveInvalid("the file: a line is not UTF-8") from None
        if rest:
            raise ArchiveInvalid("the file: its last line is truncated")


async def _decompressed(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    decompressor, ended = ZstdDecompressor(), False
    async for chunk in chunks:
        if ended:
            raise ArchiveInvalid("the file: it has trailing data")
        data = chunk
        while not ended and (data or not decompressor.needs_input):
            try:
                piece = await asyncio.to_thread(decompressor.decompress, data, _PIECE_BYTES)
            except ZstdError:
                raise ArchiveInvalid("the file: it can't be decompressed") from None
            data, ended = b"", decompressor.eof
            if piece:
                yield piece
        if ended and decompressor.unused_data:
            raise ArchiveInvalid("the file: it has trailing data")
    if not ended:
        raise ArchiveInvalid("the file: it is truncated")

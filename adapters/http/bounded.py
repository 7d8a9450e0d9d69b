"""HTTP transport with limits on an untrusted server's responses: maximum size, no compression."""

from collections.abc import AsyncIterator

import httpx2

MAX_ERROR_BYTES = 64 * 1024


class BodyTooLong(Exception):
    """The body of a successful response is too long."""


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Limits every response as it is read.

    A successful response that is too long is an error. The body of any other response only explains its status, so it
    is cut at ``MAX_ERROR_BYTES`` instead. Nothing is decompressed: that could multiply the size by up to a thousand.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, *, max_bytes: int) -> None:
        self._inner = inner
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request. Reading the response may raise ``BodyTooLong``."""
        response = await self._inner.handle_async_request(request)
        # A server that compresses unasked has its bytes read unchanged.
        response.headers.pop("content-encoding", None)
        if not isinstance(response.stream, httpx2.AsyncByteStream):
            raise TypeError("the inner transport must give an asynchronous stream")
        limit = self._max_bytes if response.is_success else MAX_ERROR_BYTES
        response.stream = _BoundedStream(response.stream, limit, cut=not response.is_success)
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()


class _BoundedStream(httpx2.AsyncByteStream):
    """At most ``limit`` bytes of a stream, then an error unless it may be ``cut``."""

    def __init__(self, inner: httpx2.AsyncByteStream, limit: int, *, cut: bool) -> None:
        self._inner = inner
        self._limit = limit
        self._cut = cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        async for chunk in self._inner:
            if len(chunk) > left:
                if not self._cut:
                    raise BodyTooLong
                yield chunk[:left]
                return
            left -= len(chunk)
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()

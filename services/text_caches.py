"""Results of guards by text, in the memory of a worker: kept for an hour at most, within a number of bytes.

A text is known by its keyed hash (BLAKE2b, RFC 7693), under a key of the process, tenant, caller and policy. So nothing
is shared between tenants or callers, a change of policy finds nothing, and no other process can add a result.
"""

import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import Callable
from threading import Lock
from typing import Any, Final

from cachetools import TTLCache

from domain.ports import NO_TEXT_CACHE, Made, TextCache, no_size

_LONGEST_SECONDS: Final = 3600.0
_OVERHEAD: Final = 512
"""Bytes of an entry without its texts: key, result, and its place in the cache."""
_CHARACTER: Final = 4
"""Bytes of a character at most."""
_Key = tuple[bytes, str, *tuple[str, ...]]
"""The keyed hash of a text, the function, and what else it reads: kinds, roles, forms."""


class TextCaches:
    """The caches of all callers of a worker, which share one bound. Safe for use by several threads."""

    def __init__(
        self,
        max_bytes: int,
        process_key: bytes,
        monotonic: Callable[[], float] = time.monotonic,
        seconds: float = _LONGEST_SECONDS,
    ) -> None:
        """Take the bound in bytes (0: no cache) and 32 random bytes."""
        self._max_bytes = max_bytes
        self._key = process_key
        self._kept: TTLCache[_Key, tuple[Any, int]] = TTLCache(
            max(1, max_bytes), seconds, monotonic, getsizeof=lambda entry: entry[1]
        )
        self._lock = Lock()
        self.made: Counter[str] = Counter()
        """Number of results by function that were made, and not found."""

    def of(self, tenant: str, caller: str, policy: str) -> TextCache:
        """Return the cache of a caller's texts under a policy, by its hash: for the work on one request."""
        if not self._max_bytes:
            return NO_TEXT_CACHE
        return _CallersCache(self, hashlib.blake2b(_joined(tenant, caller, policy), key=self._key).digest())

    def recall(self, key: _Key, function: str, make: Callable[[], Made], size: Callable[[Made], int]) -> Made:
        """Return the result with this key, or make and keep it."""
        with self._lock, contextlib.suppress(KeyError):
            known: Made = self._kept[key][0]
            return known
        made = make()
        weight = _OVERHEAD + _CHARACTER * size(made)
        with self._lock:
            self.made[function] += 1
            if weight <= self._kept.maxsize:
                self._kept[key] = made, weight
        return made

    @property
    def held_bytes(self) -> int:
        """Return the estimated size of all results."""
        with self._lock:
            return int(self._kept.currsize)


class _CallersCache:
    def __init__(self, caches: TextCaches, scope: bytes) -> None:
        self._caches = caches
        self._scope = scope
        self._hashes: dict[str, bytes] = {}  # the cache of one request: each text is hashed once

    def recall(
        self, function: str, key: tuple[str, ...], make: Callable[[], Made], size: Callable[[Made], int] = no_size
    ) -> Made:
        *others, text = key
        digest = self._hashes.get(text)
        if digest is None:
            encoded = text.encode("utf-8", "surrogatepass")
            digest = self._hashes[text] = hashlib.blake2b(encoded, key=self._scope, digest_size=32).digest()
        return self._caches.recall((digest, function, *others), function, make, size)


def _joined(*parts: str) -> bytes:
    """Return texts with their lengths: no two sequences of texts give the same bytes."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(piece for part in encoded for piece in (len(part).to_bytes(8, "big"), part))

"""Policies by content hash, read and parsed once: a hash's document never changes."""

import asyncio
from functools import lru_cache, partial

from domain.policy.document import Policy, PolicyError, parse_policy
from domain.policy.ports import PolicyStore
from domain.refusals import Kind, Refusal

_KEPT = 64
_parse = lru_cache(maxsize=8)(parse_policy)
"""Parser with a cache for API and worker of one process: reading the rules takes long."""


class Policies:
    """Policies that runs are pinned to."""

    def __init__(self, store: PolicyStore) -> None:
        self._store = store
        self._parsed: dict[str, Policy] = {}
        self._reading: dict[str, asyncio.Task[Policy]] = {}

    async def current(self) -> str:
        """Return the hash of the current policy. Read each time: the first stage pins it in its result.

        Raises:
            Refusal: UNKNOWN_POLICY if none is; STORE_UNAVAILABLE.
        """
        current = await self._store.current()
        if current is None:
            raise Refusal(Kind.UNKNOWN_POLICY, "no policy has been applied yet")
        return current

    async def get(self, policy_hash: str) -> Policy:
        """Return the policy with that hash.

        Raises:
            Refusal: UNKNOWN_POLICY; STORE_UNAVAILABLE.
        """
        policy = self._parsed.get(policy_hash)
        if policy is None:
            policy = await asyncio.shield(self._one_reading(policy_hash))
        return policy

    def _one_reading(self, policy_hash: str) -> asyncio.Task[Policy]:
        """Return the read of that policy, shared by its waiters: parsing takes long."""
        reading = self._reading.get(policy_hash)
        if reading is None:
            reading = self._reading[policy_hash] = asyncio.create_task(self._read(policy_hash))
            reading.add_done_callback(partial(self._read_to_end, policy_hash))
        return reading

    def _read_to_end(self, policy_hash: str, reading: asyncio.Task[Policy]) -> None:
        del self._reading[policy_hash]
        if not reading.cancelled():
            reading.exception()  # retrieved, also without waiters

    async def _read(self, policy_hash: str) -> Policy:
        document = await self._store.get(policy_hash)
        if document is None:
            raise Refusal(Kind.UNKNOWN_POLICY, "the policy this run was started under is unknown")
        try:
            policy = await asyncio.to_thread(_parse, document)
        except PolicyError as error:  # written by another release
            raise Refusal(Kind.UNKNOWN_POLICY, "the policy this run was started under can't be read") from error
        if len(self._parsed) >= _KEPT:
            self._parsed.pop(next(iter(self._parsed)))
        self._parsed[policy_hash] = policy
        return policy

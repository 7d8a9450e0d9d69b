"""Wrong attempts to get a token: slowed by source and by client, without a way to lock a client out.

The secret is verified first, so nothing that others sent is counted against a right one. Only wrong attempts are
counted, in memory: no attempt leaves a row in a store. See decision 41.
"""

import contextlib
import hashlib
import hmac
from ipaddress import IPv6Address, ip_address, ip_network

from domain.access.clients import IssuedToken
from domain.budgets.values import Rate
from domain.ports import Clock
from domain.refusals import Kind, Refusal
from services.source_turns import SourceTurns
from services.tokens import TokenService

WRONG_ATTEMPTS = Rate(limit=60, window_seconds=60)
"""Of one source, and with one client ID."""
_SLOTS = 4096
_SITE_BITS = 64  # of an IPv6 address: one network, all of whose addresses one host may use (RFC 4291 section 2.5.4)


class AttemptRates:
    """Rates by name, in fixed memory.

    The generic cell rate algorithm (ITU-T I.371), as for requests. Names share slots by a keyed hash; two names in one
    slot share a rate.
    """

    def __init__(self, rate: Rate, clock: Clock, key: bytes) -> None:
        """Take the rate, the clock, and a random key against chosen collisions of names."""
        self._step = rate.window_seconds / rate.limit
        self._span = float(rate.window_seconds)
        self._clock = clock
        self._key = key
        self._arrivals = [0.0] * _SLOTS

    def count(self, name: str) -> float:
        """Count an attempt. Return the seconds to wait before the next one, 0.0 within the rate."""
        now = self._clock.now().timestamp()
        digest = hmac.new(self._key, name.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        slot = int.from_bytes(digest[:8], "big") % _SLOTS
        arrival = min(max(self._arrivals[slot], now), now + self._span)
        wait = arrival + self._step - self._span - now
        if wait > 0:
            return wait
        self._arrivals[slot] = arrival + self._step
        return 0.0


class TokenAttempts:
    """Grants tokens; answers wrong attempts beyond the rate with RATE_LIMITED."""

    def __init__(self, tokens: TokenService, clock: Clock, key: bytes) -> None:
        """Take the grant, the clock, and 32 random bytes."""
        self._tokens = tokens
        self._by_source = AttemptRates(WRONG_ATTEMPTS, clock, key + b"source")
        self._by_client = AttemptRates(WRONG_ATTEMPTS, clock, key + b"client")
        self._turns = SourceTurns()  # each attempt reads the key store

    async def grant(self, client_id: str, secret: str, address: str) -> IssuedToken:
        """Return an access token for a right secret, however many wrong ones were sent.

        Raises:
            Refusal: INVALID_CLIENT for an unknown or revoked client and a wrong secret; RATE_LIMITED for the same
                beyond the rate of the source, or of attempts with that client ID, known or not.
        """
        source = source_of(address)
        async with self._turns.turn(source):
            try:
                return await self._tokens.grant(client_id, secret)
            except Refusal as refusal:
                if refusal.kind is not Kind.INVALID_CLIENT:
                    raise
                wait = max(self._by_source.count(source), self._by_client.count(client_id))
                if wait > 0:
                    raise Refusal(Kind.RATE_LIMITED, "too many wrong attempts", retry_after=wait) from None
                raise


def source_of(address: str) -> str:
    """Return the source that an address counts for: itself, or the /64 network of an IPv6 address."""
    with contextlib.suppress(ValueError):
        parsed = ip_address(address)
        if isinstance(parsed, IPv6Address):
            mapped = parsed.ipv4_mapped
            return str(mapped or ip_network((int(parsed), _SITE_BITS), strict=False))
    return address

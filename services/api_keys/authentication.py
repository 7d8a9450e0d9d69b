"""Verification of API keys: from memory while a key is in use, confirmed by the store every few seconds.

The checksum refuses garbage before any query. A key's row counts for ``KEY_TIMES.longest`` seconds after the store
confirmed it, so a revocation takes effect within five seconds everywhere, and keys stop as soon without the database.
Its client's entry in Vault counts for as long as an access token would: see decision 57.
"""

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from domain.access.api_keys import HASH_PURPOSE, KeyGrant, KeyLimits, KeyState, SealedApiKey, key_hash, key_id_of
from domain.access.clients import ClientEntry
from domain.access.ports import ClientDirectory
from domain.access.principals import AuthenticationMethod, KeyUse, Principal
from domain.access.roles import narrowed_roles
from domain.ports import Clock, IdentityKeys
from domain.records.ports import ApiKeyStore
from domain.refusals import Kind, Refusal
from services.api_keys.confirmed import ConfirmationTimes, ConfirmedValues
from services.api_keys.last_use import LastUses
from services.source_turns import SourceTurns
from services.token_attempts import WRONG_ATTEMPTS, AttemptRates, source_of

KEY_TIMES: Final = ConfirmationTimes(fresh=2.0, stale=4.5, longest=4.5, retry=1.0)
"""Of a key's row: a revocation takes effect within five seconds."""
CLIENT_TIMES: Final = ConfirmationTimes(fresh=30.0, stale=60.0, longest=900.0, retry=5.0)
"""Of a client's entry: its revocation takes effect within a minute, and 15 minutes pass without Vault at most."""
_MOST_KEYS = 10_000
_MOST_CLIENTS = 10_000
_MOST_WRONG = 4_096
_WRONG_SECONDS = 60.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _KnownKey:
    row: SealedApiKey
    grant: KeyGrant


class ApiKeyAuthentication:
    """Principals of API keys. Wrong keys are counted by source, as wrong secrets are at the token endpoint."""

    def __init__(
        self,
        store: ApiKeyStore,
        clients: ClientDirectory,
        identities: IdentityKeys,
        limits: Callable[[str], KeyLimits],
        uses: LastUses,
        clock: Clock,
        random_key: bytes,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the ports. ``limits`` are the current policy's of a tenant; ``random_key`` is 32 random bytes."""
        self._store = store
        self._directory = clients
        self._identities = identities
        self._limits = limits
        self._uses = uses
        self._clock = clock
        self._monotonic = monotonic
        self._hash_key: bytes | None = None
        self._keys = ConfirmedValues(self._read_key, KEY_TIMES, most=_MOST_KEYS, monotonic=monotonic)
        self._clients = ConfirmedValues(self._read_client, CLIENT_TIMES, most=_MOST_CLIENTS, monotonic=monotonic)
        self._wrong: OrderedDict[bytes, float] = OrderedDict()
        self._rates = AttemptRates(WRONG_ATTEMPTS, clock, random_key + b"api key")
        self._turns = SourceTurns()

    async def principal(self, credential: str, address: str) -> Principal:
        """Return the principal of a key: its maker's caller, narrowed by the key.

        Raises:
            Refusal: INVALID_TOKEN for an unknown, revoked or malformed key, never saying which; EXPIRED_TOKEN;
                RATE_LIMITED for wrong keys beyond the rate of the source; STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
        """
        key_id = key_id_of(credential)
        if key_id is None:
            raise _invalid()
        if self._hash_key is None:
            self._hash_key = await self._identities.installation_key(HASH_PURPOSE)
        digest = key_hash(self._hash_key, credential)
        if self._wrong.get(digest, 0.0) > self._monotonic():
            raise self._counted(address)
        known = self._keys.warm(key_id)
        client = None if known is None else self._clients.warm(known.grant.client_id)
        if known is None or client is None:
            async with self._turns.turn(source_of(address)):
                known = await self._keys.get(key_id)
                if known is not None and hmac.compare_digest(known.row.secret_hash, digest):
                    client = await self._clients.get(known.grant.client_id)
        if known is None or not hmac.compare_digest(known.row.secret_hash, digest):
            raise self._refused(digest, address)
        return self._admitted(known, client, digest, address)

    def forget(self, key_id: str) -> None:
        """Drop what is known of a key, once it has changed."""
        self._keys.forget(key_id)

    def _admitted(self, known: _KnownKey, client: ClientEntry | None, digest: bytes, address: str) -> Principal:
        """Return the principal of a key with the right secret."""
        row, grant = known.row, known.grant
        if client is None or client.revoked or (client.tenant, client.subject) != (row.tenant, grant.subject):
            raise self._refused(digest, address)
        now = self._clock.now()
        state = row.times.state(now, self._limits(row.tenant).longest_life)
        if state is KeyState.REVOKED:
            raise self._refused(digest, address)
        if state is KeyState.EXPIRED:
            raise Refusal(Kind.EXPIRED_TOKEN, "the API key has expired")
        self._uses.note(row.id, now)
        return Principal(
            tenant=row.tenant,
            subject=grant.subject,
            client_id=grant.client_id,
            roles=narrowed_roles(grant.roles, client.roles),
            caller=row.caller,
            issuer=None,
            method=AuthenticationMethod.API_KEY,
            key=KeyUse(
                id=row.id,
                family=row.family,
                models=None if grant.models is None else frozenset(grant.models),
                requests_per_minute=grant.requests_per_minute,
            ),
        )

    async def _read_key(self, key_id: str, known: _KnownKey | None) -> _KnownKey | None:
        row = await self._store.find(key_id)
        if row is None:
            return None
        if known is not None and row.same_but_for_its_end(known.row):
            return _KnownKey(row, known.grant)  # it was verified, and only its times may differ
        grant = await self._store.open(row)
        if grant is None:
            if row.sealed:
                log.error("api_key.unproven", key=row.id)  # written by another than Assay
            return None
        return _KnownKey(row, grant)

    async def _read_client(self, client_id: str, _: ClientEntry | None) -> ClientEntry | None:
        return await self._directory.get(client_id)

    def _refused(self, digest: bytes, address: str) -> Refusal:
        """Remember a wrong key, and return its refusal."""
        self._wrong[digest] = self._monotonic() + _WRONG_SECONDS
        self._wrong.move_to_end(digest)
        if len(self._wrong) > _MOST_WRONG:
            self._wrong.popitem(last=False)
        return self._counted(address)

    def _counted(self, address: str) -> Refusal:
        wait = self._rates.count(source_of(address))
        if wait > 0:
            return Refusal(Kind.RATE_LIMITED, "too many wrong API keys", retry_after=wait)
        return _invalid()


def _invalid() -> Refusal:
    return Refusal(Kind.INVALID_TOKEN, "the API key is invalid")

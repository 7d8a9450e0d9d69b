"""Making, listing, rotating and revoking API keys, by clients and by admins of a tenant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.access.api_keys import (
    HASH_PURPOSE,
    ApiKey,
    KeyGrant,
    KeyLimits,
    KeyState,
    KeyTimes,
    SealedApiKey,
    key_hash,
    new_key,
)
from domain.access.ports import ClientDirectory
from domain.access.principals import Principal
from domain.access.roles import narrowed_roles
from domain.identity import subject_hash
from domain.ports import Clock, IdentityKeys
from domain.records.access_events import api_key_record
from domain.records.ports import ApiKeyStore
from domain.records.records import EventKind, Record
from domain.refusals import Kind, Refusal


@dataclass(frozen=True, slots=True)
class KeyWish:
    """Properties that a client asks for a new key. ``life`` None: the longest that the policy permits."""

    name: str
    life: timedelta | None = None
    models: tuple[str, ...] | None = None
    requests_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key with its text, which is not stored."""

    key: ApiKey
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key in a list. ``grant`` None: it was erased, or the row is not one that Assay made."""

    id: str
    grant: KeyGrant | None
    times: KeyTimes
    state: KeyState
    caller: str


class ApiKeys:
    """Keys of the principal's own tenant and no other."""

    def __init__(
        self,
        store: ApiKeyStore,
        clients: ClientDirectory,
        identities: IdentityKeys,
        clock: Clock,
        random_tag: Callable[[], str],
        random_bytes: Callable[[int], bytes],
        *,
        ended: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take the ports.

        ``random_tag`` names events, ``random_bytes`` makes keys, ``ended`` is called with the ID of a key that changed.
        """
        self._ended = ended
        self._store = store
        self._clients = clients
        self._identities = identities
        self._clock = clock
        self._random_tag = random_tag
        self._random_bytes = random_bytes

    async def create(self, maker: Principal, wish: KeyWish, limits: KeyLimits) -> MadeKey:
        """Make a key with the maker's roles at most.

        Raises:
            Refusal: FORBIDDEN if policy or roles permit no key, or no more; INVALID_REQUEST for a life that is too
                long; VAULT_UNAVAILABLE, STORE_UNAVAILABLE.
        """
        roles = await self._roles(maker)
        now = self._now()
        grant = KeyGrant(maker.client_id, maker.subject, roles, wish.name, wish.models, wish.requests_per_minute)
        made = await self._make(maker, grant, now, now + _life(wish.life, limits), family=None)
        record = self._record(EventKind.API_KEY_CREATED, maker, now, made.key)
        await self._store.create(made.key, await self._hash(made.text), record, most=limits.per_caller)
        return made

    async def rotate(self, maker: Principal, key_id: str, overlap: timedelta, limits: KeyLimits) -> MadeKey:
        """Replace a key of the maker's by one with the same grant. It is valid for ``overlap`` longer.

        Raises:
            Refusal: NOT_FOUND for another's key, or one that has ended or was replaced; otherwise as ``create``.
        """
        if not timedelta(0) <= overlap <= limits.longest_overlap:
            longest = int(limits.longest_overlap.total_seconds())
            raise Refusal(Kind.INVALID_REQUEST, f"must be 0 to {longest}", field="overlap_seconds")
        roles = await self._roles(maker)
        now = self._now()
        old = await self._store.find(key_id)
        if old is None or (old.tenant, old.caller) != (maker.tenant, maker.caller):
            raise _unknown()
        grant = await self._store.open(old)
        if grant is None or old.times.state(now, limits.longest_life) is not KeyState.ACTIVE:
            raise _unknown()
        life = min(old.times.expires_at - old.times.created_at, limits.longest_life)
        made = await self._make(maker, replace(grant, roles=roles), now, now + life, family=old.family)
        record = self._record(EventKind.API_KEY_ROTATED, maker, now, made.key, before=key_id)
        await self._store.rotate(key_id, now + overlap, made.key, await self._hash(made.text), record)
        self._ended(key_id)
        return made

    async def revoke(self, principal: Principal, key_id: str, *, any_key: bool) -> None:
        """Revoke a key of the principal's own, or of the tenant with ``any_key``. A repeat is a no-op.

        Raises:
            Refusal: NOT_FOUND; VAULT_UNAVAILABLE, STORE_UNAVAILABLE.
        """
        record = api_key_record(EventKind.API_KEY_REVOKED, principal, self._clock.now(), self._random_tag(), key=key_id)
        if not await self._store.revoke(key_id, None if any_key else principal.caller, record):
            raise _unknown()
        self._ended(key_id)

    async def listed(self, principal: Principal, limits: KeyLimits, *, any_key: bool) -> Sequence[ListedKey]:
        """Return the principal's own keys, or the tenant's with ``any_key``, newest first."""
        now = self._clock.now()
        found = await self._store.of_tenant(principal.tenant, None if any_key else principal.caller)
        return [await self._listed(key, now, limits) for key in found]

    async def _listed(self, key: SealedApiKey, now: datetime, limits: KeyLimits) -> ListedKey:
        grant = await self._store.open(key)
        state = key.times.state(now, limits.longest_life)
        if grant is None and state is not KeyState.REVOKED:
            state = KeyState.INVALID
        return ListedKey(key.id, grant, key.times, state, key.caller)

    async def _roles(self, maker: Principal) -> tuple[str, ...]:
        """Return the roles of a key that the maker may make: those of its client, which has to exist.

        Raises:
            Refusal: FORBIDDEN.
        """
        entry = await self._clients.get(maker.client_id) if maker.issuer is None else None
        if entry is None or entry.revoked or (entry.tenant, entry.subject) != (maker.tenant, maker.subject):
            raise Refusal(Kind.FORBIDDEN, "API keys are made by registered clients alone")
        narrowed = narrowed_roles(maker.roles, entry.roles)
        if len(narrowed) == 0:
            raise Refusal(Kind.FORBIDDEN, "none of the client's roles can be given to an API key")
        return tuple(sorted(role.value for role in narrowed))

    async def _make(
        self, maker: Principal, grant: KeyGrant, now: datetime, expires_at: datetime, family: str | None
    ) -> MadeKey:
        new = new_key(self._random_bytes)
        tenant_key = await self._identities.tenant_key(maker.tenant)
        key = ApiKey(
            id=new.id,
            tenant=maker.tenant,
            caller=maker.caller,
            subject=subject_hash(tenant_key, maker.tenant, maker.subject),
            family=family or new.id,
            grant=grant,
            times=KeyTimes(now, expires_at),
        )
        return MadeKey(key, new.text)

    def _record(
        self, kind: EventKind, maker: Principal, now: datetime, key: ApiKey, before: str | None = None
    ) -> Record:
        tag, expires_at = self._random_tag(), key.times.expires_at
        return api_key_record(kind, maker, now, tag, key=key.id, key_before=before, expires_at=expires_at)

    async def _hash(self, text: str) -> bytes:
        return key_hash(await self._identities.installation_key(HASH_PURPOSE), text)

    def _now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)


def _life(wanted: timedelta | None, limits: KeyLimits) -> timedelta:
    if not limits.permitted:
        raise Refusal(Kind.FORBIDDEN, "the policy permits no API keys")
    if wanted is not None and not timedelta(0) < wanted <= limits.longest_life:
        days = limits.longest_life.days
        raise Refusal(Kind.INVALID_REQUEST, f"the policy permits at most {days} days", field="expires_in_days")
    return wanted or limits.longest_life


def _unknown() -> Refusal:
    return Refusal(Kind.NOT_FOUND, "there is no such API key, or it has ended or was replaced")

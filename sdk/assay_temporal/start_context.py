"""Signed context of a start. Any client of a namespace can start a run, so every start proves its caller.

A context is ``base64url(claims) "." base64url(HMAC-SHA-256)``: the key is derived from a data key of the caller's
tenant, so only clients with access to that tenant's keys in Vault can create one. It binds tenant, principal, roles,
workflow ID, the request's hash, the policy and an expiry; a copy of it is useless for any other run.

Assay's own API adds a second MAC, its countersignature, under a key that no team has: it asserts that the API has
authenticated the principal and chosen the policy. Without it only the tenant is proven.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from assay_temporal.keyring import DataKey, KeyRing, KeyUnavailable, derive

PURPOSE: Final = "assay/start-context/v1"
COUNTERSIGNING: Final = "assay/start-countersignature/v1"
_MAX_CHARS: Final = 8192


class InvalidContext(Exception):
    """The context is invalid. The reason is for logs: it quotes nothing."""


class ExpiredContext(InvalidContext):
    """The run was started after the context's expiry."""


@dataclass(frozen=True, slots=True)
class StartContext:
    """Claims of a start: caller, run, request and policy.

    Attributes:
        tenant: the tenant, whose key signs.
        subject: the principal's ``sub``.
        client_id: the OAuth client, or the team.
        roles: the principal's roles. A team's are what Assay keeps of it, so that it claims none.
        workflow_id: the run's ID, which is the workflow's.
        request_hash: hash of the request's canonical JSON, hexadecimal.
        policy: hash of the policy that the run is pinned to; empty for the one that is current, the only one that
            counts without a countersignature.
        expires_at: seconds since the epoch; the run has to be started by then.
        issuer: who vouches for ``subject``: the ``iss`` of an identity provider, or None for Assay itself, as in
            contexts from before there were others. A team names none.
        method: how Assay authenticated the principal; None in contexts from before it was named, and in a team's.
        api_key: ID of the API key that authenticated it, if any.
        models: aliases to which that key is narrowed; None for all of the tenant's.
        countersigned: whether Assay itself vouches for what is claimed. No claim: ``verify`` finds out.
    """

    tenant: str
    subject: str
    client_id: str
    roles: tuple[str, ...]
    workflow_id: str
    request_hash: str
    policy: str
    expires_at: int
    issuer: str | None = None
    method: str | None = None
    api_key: str | None = None
    models: tuple[str, ...] | None = None
    countersigned: bool = field(default=False, compare=False)


async def sign(context: StartContext, keyring: KeyRing, *, countersigner: str | None = None) -> str:
    """Sign a context in compact form; with a ``countersigner``, under that tenant's key as well.

    Raises:
        KeyUnavailable: a key is unavailable.
    """
    key = await keyring.current(context.tenant)
    claims = {name: value for name, value in asdict(context).items() if value is not None}
    del claims["countersigned"]
    claims["key"] = key.key_id
    if countersigner is None:
        return _signed(claims, key)
    counter = await keyring.current(countersigner)
    token = _signed({**claims, "counterkey": counter.key_id}, key)
    return f"{token}.{_b64(_mac(counter, COUNTERSIGNING, token.partition('.')[0]))}"


async def verify(
    token: object,
    keyring: KeyRing,
    *,
    workflow_id: str,
    request_hash: str,
    started_at: float,
    countersigner: str | None = None,
) -> StartContext:
    """Verify the context of a start.

    Args:
        token: what came with the start.
        keyring: data keys.
        workflow_id: the workflow that was started.
        request_hash: the hash of the request that came with it.
        started_at: when the server started the workflow, in seconds since the epoch: a run that waits for a worker does
            not expire.
        countersigner: the tenant whose countersignature is accepted, if any. An invalid one is a forgery.

    Raises:
        ExpiredContext: started too late.
        InvalidContext: any other invalid claim.
        KeyUnavailable: the key exists, but the key store is unavailable.
    """
    claims_part, claims, tag, counter_tag = _split(token)
    await _require(keyring, claims["tenant"], claims["key"], PURPOSE, claims_part, tag)
    if counter_tag is not None:
        if countersigner is None:
            raise InvalidContext("no countersignature is accepted here")
        await _require(keyring, countersigner, claims.get("counterkey"), COUNTERSIGNING, claims_part, counter_tag)
    context = _read(claims, countersigned=counter_tag is not None)
    if context.workflow_id != workflow_id:
        raise InvalidContext("issued for another workflow")
    if context.request_hash != request_hash:
        raise InvalidContext("issued for another request")
    if started_at > context.expires_at:
        raise ExpiredContext("started after it expired")
    return context


async def _require(
    keyring: KeyRing, tenant: object, key_id: object, purpose: str, claims_part: str, tag: bytes
) -> None:
    """Check that ``tag`` is that tenant's MAC.

    Raises:
        InvalidContext: it is not.
        KeyUnavailable: the key exists, but the key store is unavailable.
    """
    try:
        key = await keyring.by_id(str(tenant), str(key_id))
    except KeyUnavailable as error:
        if not error.gone:
            raise
        raise InvalidContext("the signing key does not exist") from None
    if not hmac.compare_digest(_mac(key, purpose, claims_part), tag):
        raise InvalidContext("the signature does not match")


def _signed(claims: dict[str, Any], key: DataKey) -> str:
    part = _b64(json.dumps(claims, separators=(",", ":")).encode())
    return f"{part}.{_b64(_mac(key, PURPOSE, part))}"


def _split(token: object) -> tuple[str, dict[str, Any], bytes, bytes | None]:
    if not isinstance(token, str) or len(token) > _MAX_CHARS:
        raise InvalidContext("malformed context")
    claims_part, *tags = token.split(".")
    if len(tags) not in (1, 2):
        raise InvalidContext("malformed context")
    try:
        claims = json.loads(_unb64(claims_part))
        json.dumps(claims, ensure_ascii=False).encode()  # no unpaired surrogates, which later stages couldn't store
        opened = [_unb64(tag) for tag in tags]
    except (ValueError, RecursionError):
        raise InvalidContext("malformed context") from None
    if not isinstance(claims, dict) or not {"tenant", "key"} <= claims.keys():
        raise InvalidContext("malformed context")
    return claims_part, claims, opened[0], opened[1] if len(opened) > 1 else None


def _read(claims: dict[str, Any], *, countersigned: bool) -> StartContext:
    try:
        return StartContext(
            tenant=str(claims["tenant"]),
            subject=str(claims["subject"]),
            client_id=str(claims["client_id"]),
            roles=tuple(str(role) for role in claims["roles"]),
            workflow_id=str(claims["workflow_id"]),
            request_hash=str(claims["request_hash"]),
            policy=str(claims["policy"]),
            expires_at=int(claims["expires_at"]),
            issuer=_optional(claims, "issuer"),
            method=_optional(claims, "method"),
            api_key=_optional(claims, "api_key"),
            models=_models(claims),
            countersigned=countersigned,
        )
    except (KeyError, TypeError, ValueError):
        raise InvalidContext("claims are missing") from None


def _optional(claims: dict[str, Any], name: str) -> str | None:
    """Return a claim of newer contexts. Empty or non-string values are refused, since readers differ on them."""
    if name not in claims:
        return None
    value = claims[name]
    if not isinstance(value, str) or not value:
        raise ValueError(name)
    return value


def _models(claims: dict[str, Any]) -> tuple[str, ...] | None:
    """Return the aliases that a context is narrowed to. Anything but a list of strings is refused."""
    if "models" not in claims:
        return None
    value = claims["models"]
    if not isinstance(value, list) or not all(isinstance(alias, str) for alias in value):
        raise ValueError("models")
    return tuple(value)


def _mac(key: DataKey, purpose: str, claims_part: str) -> bytes:
    return hmac.new(derive(key, purpose), claims_part.encode(), hashlib.sha256).digest()


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))

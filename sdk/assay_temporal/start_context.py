"""The signed context of a start: whoever can reach a namespace could start a run, so every start proves who asks.

A context is ``base64url(claims) "." base64url(HMAC-SHA-256)``: the key is derived from a data key of the caller's
tenant, so only who may use that tenant's keys in Vault can make one. It binds tenant, subject, roles, workflow ID, the
request's hash, the policy and an expiry; a copy of it is good for no other run.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from typing import Any, Final

from assay_temporal.keyring import DataKey, KeyRing, KeyUnavailable, derive

PURPOSE: Final = "assay/start-context/v1"
_MAX_CHARS: Final = 8192


class InvalidContext(Exception):
    """The context does not prove what it says. The reason is for logs: it quotes nothing."""


class ExpiredContext(InvalidContext):
    """The run was started after the context's expiry."""


@dataclass(frozen=True, slots=True)
class StartContext:
    """Who starts a run, which run, and with what.

    Attributes:
        tenant: the tenant, whose key signs.
        subject: the principal's ``sub``.
        client_id: the OAuth client.
        roles: the principal's roles.
        caller: the keyed hash that stands for the principal.
        workflow_id: the run's ID, which is the workflow's.
        request_hash: hash of the request's canonical JSON, hexadecimal.
        policy: hash of the policy that the run is pinned to.
        expires_at: seconds since the epoch; the run has to be started by then.
    """

    tenant: str
    subject: str
    client_id: str
    roles: tuple[str, ...]
    caller: str
    workflow_id: str
    request_hash: str
    policy: str
    expires_at: int


async def sign(context: StartContext, keyring: KeyRing) -> str:
    """The context in its signed, compact form.

    Raises:
        KeyUnavailable: the tenant's key can't be had.
    """
    key = await keyring.current(context.tenant)
    claims = _b64(json.dumps({**asdict(context), "key": key.key_id}, separators=(",", ":")).encode())
    return f"{claims}.{_b64(_mac(key, claims))}"


async def verify(
    token: object, keyring: KeyRing, *, workflow_id: str, request_hash: str, started_at: float
) -> StartContext:
    """The context of a start, proven.

    Args:
        token: what came with the start.
        keyring: data keys.
        workflow_id: the workflow that was started.
        request_hash: the hash of the request that came with it.
        started_at: when the server started the workflow, in seconds since the epoch: a run that waits for a worker does
            not expire.

    Raises:
        ExpiredContext: started too late.
        InvalidContext: anything else that does not hold.
        KeyUnavailable: the key exists, but its keeper is away.
    """
    claims_part, claims, tag = _split(token)
    try:
        key = await keyring.by_id(str(claims["tenant"]), str(claims["key"]))
    except KeyUnavailable as error:
        if not error.gone:
            raise
        raise InvalidContext("no such key") from None
    if not hmac.compare_digest(_mac(key, claims_part), tag):
        raise InvalidContext("the signature does not match")
    context = _read(claims)
    if context.workflow_id != workflow_id:
        raise InvalidContext("made for another workflow")
    if not hmac.compare_digest(context.request_hash, request_hash):
        raise InvalidContext("made for another request")
    if started_at > context.expires_at:
        raise ExpiredContext("started after its expiry")
    return context


def _split(token: object) -> tuple[str, dict[str, Any], bytes]:
    if not isinstance(token, str) or len(token) > _MAX_CHARS:
        raise InvalidContext("not a context")
    claims_part, dot, tag_part = token.partition(".")
    try:
        claims = json.loads(_unb64(claims_part))
        tag = _unb64(tag_part)
    except (ValueError, RecursionError):
        raise InvalidContext("not a context") from None
    if not dot or not isinstance(claims, dict) or not {"tenant", "key"} <= claims.keys():
        raise InvalidContext("not a context")
    return claims_part, claims, tag


def _read(claims: dict[str, Any]) -> StartContext:
    try:
        fields = {name: claims[name] for name in StartContext.__dataclass_fields__}
        return StartContext(**{**fields, "roles": tuple(fields["roles"]), "expires_at": int(fields["expires_at"])})
    except (KeyError, TypeError, ValueError):
        raise InvalidContext("claims are missing") from None


def _mac(key: DataKey, claims_part: str) -> bytes:
    return hmac.new(derive(key, PURPOSE), claims_part.encode(), hashlib.sha256).digest()


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))

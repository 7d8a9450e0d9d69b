"""Decoding of Temporal payloads for permitted readers; each access is recorded before the response.

A payload encrypted by Assay names tenant, namespace and workflow in its authenticated metadata, so access can be
decided before any key is used: the codec rejects a payload with changed metadata.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from temporalio.api.common.v1 import Payload

from assay_temporal.codec import ENCODING, EncryptingCodec, UnauthenticatedPayload
from assay_temporal.keyring import KeyRing
from domain.access.ports import AccessDecider
from domain.access.principals import SYSTEM_TENANT, Action, Principal
from domain.access.resources import Resource, ResourceKind
from domain.budgets.ports import Ledger
from domain.ports import Clock
from domain.refusals import Kind, Refusal
from services.plaintext_access import PlaintextAccess

Resolve = Callable[[Sequence[Payload]], Awaitable[list[Payload]]]


class PayloadDecoder:
    """Decodes the payloads of one namespace."""

    def __init__(
        self,
        keyring: KeyRing,
        namespace: str,
        access: AccessDecider,
        ledger: Ledger,
        clock: Clock,
        *,
        resolve: Resolve,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the ports.

        Args:
            resolve: gives large payloads for the references to them, everything else as it came, and may raise a
                Refusal.
            refused: called for each payload that does not authenticate.
        """
        self._codec = EncryptingCodec(keyring, tenant_of=lambda _: None, fallback_tenant=SYSTEM_TENANT, refused=refused)
        self._namespace = namespace
        self._access = access
        self._reading = PlaintextAccess(ledger, clock)
        self._resolve = resolve

    async def decode(
        self, principal: Principal, payloads: Sequence[Any], namespace: str | None, *, keep_references: bool = False
    ) -> list[Any]:
        """Return the payloads (proto JSON), decrypted if encrypted by Assay, others unchanged. All or none.

        Args:
            principal: who reads.
            payloads: the members of ``temporal.api.common.v1.Payloads``.
            namespace: where the reader found them, if that was said.
            keep_references: leave references to large payloads as they are.

        Raises:
            Refusal: INVALID_REQUEST; FORBIDDEN for another tenant's or a run that the principal may not read;
                UNAUTHENTICATED_PAYLOAD; STORE_UNAVAILABLE if the record can't be made.
            KeyUnavailable: the key store is unavailable.
        """
        parsed = [_parsed(payload, place) for place, payload in enumerate(payloads)]
        if not keep_references:
            parsed = await self._resolve(parsed)
        sealed = {
            place: payload for place, payload in enumerate(parsed) if payload.metadata.get("encoding") == ENCODING
        }
        permitted: set[Resource] = set()
        for place, payload in sealed.items():
            permitted.add(await self._permitted(principal, payload, place, namespace, permitted))
        runs = {resource.run for resource in permitted if resource.run is not None}
        opened = {place: await self._opened(payload, place) for place, payload in sealed.items()}
        for run in sorted(runs):
            await self._reading.record(principal, run)
        return [opened.get(place, payload) for place, payload in enumerate(payloads)]

    async def _permitted(
        self, principal: Principal, payload: Payload, place: int, namespace: str | None, known: Collection[Resource]
    ) -> Resource:
        """The resource that a payload's metadata names, once the principal may decode it. ``known`` are permitted."""
        said = {name: payload.metadata.get(f"assay-{name}", b"") for name in ("tenant", "namespace", "workflow")}
        tenant, run = (said[name].decode("utf-8", "replace") for name in ("tenant", "workflow"))
        resource = Resource(tenant, ResourceKind.PAYLOAD, run)
        if resource not in known:
            await self._access.require(principal, Action.DECODE_PAYLOAD, resource)
        if said["namespace"] != self._namespace.encode() or namespace not in (None, self._namespace):
            raise _unauthenticated("belongs to another namespace", place)
        if run.encode() != said["workflow"] or "\0" in run:  # no record could name it
            raise _unauthenticated("fails authentication", place)
        return resource

    async def _opened(self, payload: Payload, place: int) -> dict[str, Any]:
        try:
            [plain] = await self._codec.decode([payload])
        except UnauthenticatedPayload:
            raise _unauthenticated("fails authentication", place) from None
        return MessageToDict(plain)


def _parsed(payload: object, place: int) -> Payload:
    """Parse a payload. Unknown fields are ignored."""
    if not isinstance(payload, dict):
        raise Refusal(Kind.INVALID_REQUEST, "must be a payload in proto JSON", field=f"payloads.{place}")
    try:
        return ParseDict(payload, Payload(), ignore_unknown_fields=True)
    except (ParseError, RecursionError, TypeError, ValueError, SystemError):  # the last: for surrogates in names
        raise Refusal(Kind.INVALID_REQUEST, "must be a payload in proto JSON", field=f"payloads.{place}") from None


def _unauthenticated(what: str, place: int) -> Refusal:
    return Refusal(Kind.UNAUTHENTICATED_PAYLOAD, what, field=f"payloads.{place}")

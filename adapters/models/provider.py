"""Models behind HTTP: one attempt per call, independent of the environment, whatever the wire format."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

import aiohttp

from adapters.http.bounded import MAX_ERROR_BYTES, BodyTooLong
from adapters.http.sessions import plain_session, system_tls
from adapters.models.failures import NotCarried, Unusable, failure_of, not_carried, rejected, status_failure
from domain.inference.models import KeyHeader, ModelAnswer, ModelCall, ModelEntry, ProviderFailure
from domain.ports import Clock, SecretReader
from domain.refusals import Kind, Refusal

MAX_BODY_BYTES = 8 * 1024 * 1024
_KEPT_ALIVE = 4.0  # seconds: less than the 5 after which many servers close, so that no call uses a closing connection
_OK = range(200, 300)


@dataclass(frozen=True, slots=True)
class ProviderFormat:
    """Wire format of providers.

    Attributes:
        path: below a model's ``base_url``.
        key_header: header of the key, unless the policy names another.
        body_of: makes the body of a call, as JSON values, or raises ``NotCarried``.
        headers_of: makes the headers of a call, without the key.
        read_answer: reads an answer, or raises ``Unusable``.
    """

    path: str
    key_header: KeyHeader
    body_of: Callable[[ModelCall], dict[str, Any]]
    headers_of: Callable[[ModelCall], Mapping[str, str]]
    read_answer: Callable[[bytes, ModelCall], ModelAnswer]


class HttpProvider:
    """``ModelProvider`` for any endpoint of one wire format. One pool of connections per server.

    Every response is limited as it is read, and nothing is decompressed: that multiplies what was read by up to a
    thousand.

    Args:
        secrets: where the key of a model is, in the field ``api_key`` of the secret at its ``key_path``. It is read
            for every call, so a rotated key is in use at once; caching is the reader's affair.
        clock: the time, for a Retry-After that is a date.
        max_connections: at one time, per server.
        max_body_bytes: the longest answer that is read. The body of an error is cut at 64 KiB.
    """

    FORMAT: ClassVar[ProviderFormat]

    def __init__(
        self,
        secrets: SecretReader,
        *,
        clock: Clock,
        max_connections: int = 64,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._secrets = secrets
        self._clock = clock
        self._max_connections = max_connections
        self._max_body_bytes = max_body_bytes
        self._session: aiohttp.ClientSession | None = None

    async def complete(self, call: ModelCall) -> ModelAnswer:
        """Call the model once, without retries.

        Raises:
            ProviderFailure: by class of error, without cause or context: those would contain the prompt and the key.
            Refusal: VAULT_UNAVAILABLE, if the key can't be read now.
        """
        body = _encoded(self.FORMAT, call)
        key = await self._key(call.model)
        outcome = rejected(another=True) if key is None else await self._attempt(call, body, key)
        if isinstance(outcome, ProviderFailure):
            raise outcome
        return outcome

    async def aclose(self) -> None:
        """Close every connection. A later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _key(self, model: ModelEntry) -> str | None:
        """Return the key, or None if there is none that fits in a header."""
        try:
            key = (await self._secrets.read(model.key_path)).get("api_key", "")
        except Refusal as refusal:
            if refusal.kind is Kind.NOT_FOUND:
                return None  # an operator's mistake: it must not look like an unknown run to the caller
            raise
        return key if key.isascii() and key.isprintable() and key and " " not in key else None

    async def _attempt(self, call: ModelCall, body: bytes, key: str) -> ModelAnswer | ProviderFailure:
        try:
            async with asyncio.timeout(call.model.timeouts.total), self._post(call, body, key) as response:
                if response.status in _OK:
                    return self.FORMAT.read_answer(await _whole(response, self._max_body_bytes), call)
                return status_failure(response.status, response.headers, await _begin(response), self._clock.now())
        except Unusable as unusable:
            return unusable.failure
        except Exception as error:  # noqa: BLE001 - whatever it is, its text could hold the prompt or the key
            return failure_of(error)

    def _post(self, call: ModelCall, body: bytes, key: str) -> "aiohttp.client._RequestContextManager":
        if self._session is None:
            self._session = self._new_session()
        return self._session.post(
            _address(call.model, self.FORMAT),
            data=body,
            headers=_headers(call, key, self.FORMAT),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, connect=call.model.timeouts.connect),
        )

    def _new_session(self) -> aiohttp.ClientSession:
        return plain_session(
            aiohttp.TCPConnector(
                limit=0, limit_per_host=self._max_connections, keepalive_timeout=_KEPT_ALIVE, ssl=system_tls()
            ),
            aiohttp.ClientTimeout(total=None),  # each call sets its own
            {"Accept": "application/json"},
        )


def _address(model: ModelEntry, wire: ProviderFormat) -> str:
    address = f"{model.base_url.rstrip('/')}{wire.path}"
    return f"{address}?{urlencode(model.query)}" if model.query else address


def _headers(call: ModelCall, key: str, wire: ProviderFormat) -> dict[str, str]:
    """Return the headers of a call: the format's, over them the policy's, and the key."""
    header = call.model.key_header or wire.key_header
    said = f"Bearer {key}" if header is KeyHeader.AUTHORIZATION else key
    own = {name.lower(): value for name, value in wire.headers_of(call).items()}
    return {**own, **dict(call.model.headers), header.value: said}


def _encoded(wire: ProviderFormat, call: ModelCall) -> bytes:
    """The body of the call, or a failure: of what the format can't carry, nothing is sent."""
    failure: ProviderFailure
    try:
        return json.dumps(wire.body_of(call), ensure_ascii=False, separators=(",", ":")).encode()
    except NotCarried:
        failure = not_carried()
    except Exception as error:  # noqa: BLE001 - whatever it is, its text could hold the prompt
        failure = failure_of(error)
    raise failure


async def _whole(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the body.

    Raises:
        BodyTooLong: it is longer than ``limit`` bytes.
    """
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            response.close()
            raise BodyTooLong
    return bytes(body)


async def _begin(response: aiohttp.ClientResponse) -> bytes:
    """Return the body of an error, which only explains its status: at most ``MAX_ERROR_BYTES``."""
    body = bytearray()
    try:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MAX_ERROR_BYTES:
                response.close()
                break
    except aiohttp.ClientError:
        pass
    return bytes(body[:MAX_ERROR_BYTES])

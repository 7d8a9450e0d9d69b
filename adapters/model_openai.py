"""Models behind the OpenAI wire format, by the OpenAI client: one attempt a call, nothing from the environment."""

import asyncio
import logging
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2
from openai import AsyncOpenAI, Omit

from adapters.bounded_http import BoundedTransport
from adapters.model_openai_answers import Garbled, read_answer
from adapters.model_openai_failures import failure_of, garbled, rejected
from domain.models import ModelAnswer, ModelCall, ModelEntry, ProviderFailure
from domain.ports import Clock, SecretReader
from domain.refusals import Kind, Refusal

MAX_BODY_BYTES = 8 * 1024 * 1024
_OPENAI_HOST = "api.openai.com"
_QUIET = ("openai", "httpx2", "httpcore2")  # at lower levels they log URLs and headers


class _PlainClient(AsyncOpenAI):
    """The client without the headers that it takes from ``OPENAI_*`` variables, and without those that describe us."""

    @property
    def default_headers(self) -> dict[str, str | Omit]:
        """All headers that are the same in every request."""
        return {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": "assay",
        }


class OpenAIProvider:
    """``ModelProvider`` for any OpenAI-compatible endpoint. One pool of connections per base URL.

    Args:
        secrets: where the key of a model is, in the field ``api_key`` of the secret at its ``key_path``. It is read
            for every call, so a rotated key is in use at once; caching is the reader's affair.
        clock: the time, for a Retry-After that is a date.
        timeout: seconds for a call as a whole, from connecting to the last byte.
        connect_timeout: seconds to connect, and to wait for a free connection.
        max_connections: at one time, per base URL.
        max_body_bytes: the longest answer that is read.
    """

    def __init__(
        self,
        secrets: SecretReader,
        *,
        clock: Clock,
        timeout: float = 120.0,
        connect_timeout: float = 5.0,
        max_connections: int = 64,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._secrets = secrets
        self._clock = clock
        self._timeout = timeout
        self._phases = httpx2.Timeout(timeout, connect=connect_timeout, pool=connect_timeout)
        self._limits = httpx2.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
        self._max_body_bytes = max_body_bytes
        self._clients: dict[str, AsyncOpenAI] = {}
        for name in _QUIET:
            logging.getLogger(name).setLevel(logging.WARNING)

    async def complete(self, call: ModelCall) -> ModelAnswer:
        """Ask once, without retries.

        Raises:
            ProviderFailure: by class of error, without cause or context: those would hold the prompt and the key.
            Refusal: VAULT_UNAVAILABLE, if the key can't be read now.
        """
        key = await self._key(call.model)
        outcome = rejected() if key is None else await self._attempt(call, key)
        if isinstance(outcome, ProviderFailure):
            raise outcome
        return outcome

    async def aclose(self) -> None:
        """Close every connection. A later call opens new ones."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()

    async def _key(self, model: ModelEntry) -> str | None:
        """The key, or None if there is none that could go into a header."""
        try:
            key = (await self._secrets.read(model.key_path)).get("api_key", "")
        except Refusal as refusal:
            if refusal.kind is Kind.NOT_FOUND:
                return None  # an operator's mistake: it must not read as if the caller's run were not found
            raise
        return key if key.isascii() and key.isprintable() and key and " " not in key else None

    async def _attempt(self, call: ModelCall, key: str) -> ModelAnswer | ProviderFailure:
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._client(call.model.base_url).post(
                    "/chat/completions",
                    cast_to=httpx2.Response,
                    body=_body(call),
                    options={"headers": _headers(call, key)},
                )
            return read_answer(response.content, call.messages)
        except Garbled:
            return garbled()
        except Exception as error:  # noqa: BLE001 - whatever it is, its text could hold the prompt or the key
            return failure_of(error, self._clock.now())

    def _client(self, base_url: str) -> AsyncOpenAI:
        if base_url not in self._clients:
            transport = httpx2.AsyncHTTPTransport(trust_env=False, limits=self._limits)
            http = httpx2.AsyncClient(
                transport=BoundedTransport(transport, max_bytes=self._max_body_bytes),
                timeout=self._phases,
                trust_env=False,  # no proxy, no netrc, no certificate store by variable
                follow_redirects=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # calls of different tenants stay apart
            )
            # What is not given here would be taken from variables. The real key goes into each request.
            self._clients[base_url] = _PlainClient(
                api_key="none",
                admin_api_key="",
                organization="",
                project="",
                webhook_secret="",
                base_url=base_url,
                timeout=self._phases,
                max_retries=0,
                http_client=http,
            )
        return self._clients[base_url]


def _headers(call: ModelCall, key: str) -> Mapping[str, str | Omit]:
    omit = Omit()
    return {
        "Authorization": f"Bearer {key}",
        "Idempotency-Key": call.call_id,
        "X-Stainless-Retry-Count": omit,
        "X-Stainless-Read-Timeout": omit,
    }


def _body(call: ModelCall) -> dict[str, object]:
    return {
        "model": call.model.upstream,
        "messages": [{"role": message.role.value, "content": message.content} for message in call.messages],
        "temperature": call.temperature,
        _limit_name(call.model.base_url): call.max_tokens,
        "stream": False,
    }


def _limit_name(base_url: str) -> str:
    """The name of the limit on tokens.

    OpenAI's newer models take ``max_completion_tokens`` alone. Compatible servers all know ``max_tokens``, and some
    ignore the newer name, which would leave the answer without a limit.
    """
    host = httpx2.URL(base_url).host
    return "max_completion_tokens" if host == _OPENAI_HOST or host.endswith("." + _OPENAI_HOST) else "max_tokens"

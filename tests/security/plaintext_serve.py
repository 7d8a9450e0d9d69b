"""``assay serve`` with its guards off, for one purpose: to prove that the search for canaries would find them.

Payloads and records are not encrypted, personal data is not masked, and everything that comes by is told to the log, to
a metric, to search attributes and to a memo. The product has no switch for any of this: it is done to it from outside,
here.
"""

import dataclasses
import json
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import structlog
from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.converter import DataConverter

import activities.failure_interceptor
import activities.inference.guards
import adapters.models.provider
import adapters.postgres.encryption.api_key_grants
import adapters.postgres.encryption.encrypter
import adapters.postgres.pool
import adapters.temporal.client
import adapters.vault.secrets
import api.main
import assay_temporal.vault.login
import cli.main
from domain.privacy.masking import Masked
from workflows.inference.search_attributes import REVIEW_STATE

TOLD_CHARS = 300


class NoCipher:
    """In the place of AES-GCM."""

    def __init__(self, key: bytes) -> None:
        pass

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        return data

    decrypt = encrypt


def tell(source: str, value: object) -> None:
    """Into the log."""
    structlog.get_logger("leak").warning("leak", source=source, value=json.loads(json.dumps(value, default=_plain)))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return dict(value) if hasattr(value, "keys") else str(value)


def told(source: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, whose arguments and results are told."""

    def telling(*arguments: Any, **named: Any) -> Any:
        result = function(*arguments, **named)
        tell(source, [arguments[-1], result])
        return result

    return telling


def told_later(source: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same of a coroutine."""

    async def telling(*arguments: Any, **named: Any) -> Any:
        tell(source, arguments[-1])
        result = await function(*arguments, **named)
        tell(source, result)
        return result

    return telling


def tail(request: Any) -> str:
    """The end of what a request says."""
    if not isinstance(request, dict):
        return ""
    messages = request.get("messages") or [{"content": request.get("prompt", "")}]
    return " ".join(str(message["content"]) for message in messages)[-TOLD_CHARS:]


class TellingApp:
    """Reports each request as received."""

    def __init__(self, app: ASGIApp, counter: Counter) -> None:
        self._app = app
        self._counter = counter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        heard: list[Message] = [await receive()]
        while heard[-1].get("more_body"):
            heard.append(await receive())
        body = b"".join(message.get("body", b"") for message in heard)
        headers = [(name.decode(), value.decode("latin-1")) for name, value in scope["headers"]]
        tell("request", [scope["path"], scope["query_string"].decode(), headers, body.decode(errors="replace")])
        said = _said(body)
        self._counter.labels(said).inc()

        async def again() -> Message:
            return heard.pop(0) if heard else await receive()

        async def shown(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-leak", quote(said, safe="").encode())]
            await send(message)

        await self._app(scope, again, shown)


def _said(body: bytes) -> str:
    try:
        return tail(json.loads(body))
    except ValueError:
        return ""


def telling_app(build: Callable[..., ASGIApp]) -> Callable[..., ASGIApp]:
    """Return ``build_app``'s application with reports of requests."""

    def built(readiness: Any, metrics: Any, *rest: Any) -> ASGIApp:
        counter = Counter("leak", "What was asked", ["text"], registry=metrics.registry)
        return TellingApp(build(readiness, metrics, *rest), counter)

    return built


def shown_start(start: Callable[..., Any]) -> Callable[..., Any]:
    """``start_workflow``, with the request in a memo and in a search attribute."""

    async def shown(self: Client, workflow: str, argument: Any, **options: Any) -> Any:
        text = tail(argument.request)
        options["memo"] = {**options["memo"], "leak": text}
        options["search_attributes"] = TypedSearchAttributes([SearchAttributePair(REVIEW_STATE, text)])
        return await start(self, workflow, argument, **options)

    return shown


def open_up() -> None:
    """Take the guards off."""
    adapters.temporal.client.encrypted = lambda *_: DataConverter.default
    adapters.postgres.encryption.encrypter.AESGCM = NoCipher
    adapters.postgres.encryption.api_key_grants.AESGCM = NoCipher
    activities.inference.guards.mask_request = lambda request, *_: Masked(request)
    Client.start_workflow = shown_start(Client.start_workflow)
    api.main.build_app = telling_app(api.main.build_app)
    stage = activities.failure_interceptor._FailingByKind
    stage.execute_activity = told_later("stage", stage.execute_activity)
    adapters.models.provider.status_failure = _told_failure(adapters.models.provider.status_failure)
    adapters.postgres.pool.lease_database = told("login", adapters.postgres.pool.lease_database)
    assay_temporal.vault.login._read = told("credential", assay_temporal.vault.login._read)
    adapters.vault.secrets.VaultSecrets.read = told_later("secret", adapters.vault.secrets.VaultSecrets.read)


def _told_failure(status_failure: Callable[..., Any]) -> Callable[..., Any]:
    def telling(status: int, headers: Any, body: bytes, now: Any) -> Any:
        tell("provider", body.decode(errors="replace"))
        return status_failure(status, headers, body, now)

    return telling


if __name__ == "__main__":
    open_up()
    sys.argv[0] = "assay"
    cli.main.main()

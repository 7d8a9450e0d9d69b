"""The OpenAI adapter against a provider that misbehaves in every way we know of."""

import asyncio
import gzip
import json
import logging
import socket
import ssl
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from adapters.models.failures import failure_of, retry_after
from adapters.models.openai import OpenAIProvider
from domain.inference.content import Attachment, Message, Speaker, TextPart, ToolCall
from domain.inference.models import (
    DEFAULT_TIMEOUTS,
    ModelAnswer,
    ModelCall,
    ModelEntry,
    ModelParameters,
    ProviderFailure,
    Usage,
)
from domain.inference.requests import InferenceRequest, Tool
from domain.inference.token_estimates import estimate_text_tokens, estimate_tokens
from domain.refusals import Kind, Refusal
from tests.fakes.behaviours import (
    Behaviour,
    Drop,
    Endless,
    Hang,
    Reply,
    Trickle,
    answer,
    completion,
    document,
    garbage,
    redirect,
    status,
)
from tests.fakes.provider import FakeProvider
from tests.processes import bound

NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
KEY = "sk-canary-key-5e1f"
PROMPT = "canary prompt: the heron stands in the ford"
TEXT_OF_PROVIDER = "canary text of the provider"
CANARIES = (KEY, PROMPT, TEXT_OF_PROVIDER)


class FixedClock:
    """Always the same time."""

    def now(self) -> datetime:
        return NOW


class Secrets:
    """Secrets in a dictionary; reads are counted."""

    def __init__(self, found: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self.found = dict(found or {"models/fake": {"api_key": KEY}})
        self.reads = 0

    async def read(self, path: str) -> Mapping[str, str]:
        self.reads += 1
        if path not in self.found:
            raise Refusal(Kind.NOT_FOUND, "there is no such secret")
        return self.found[path]


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
async def model(secrets: Secrets) -> AsyncIterator[OpenAIProvider]:
    provider = OpenAIProvider(secrets, clock=FixedClock())
    yield provider
    await provider.aclose()


def entry(base_url: str, **seconds: float) -> ModelEntry:
    timeouts = replace(DEFAULT_TIMEOUTS, **seconds)
    return ModelEntry("small", "fake", "fake-1", base_url, "models/fake", 4096, 0.1, 0.2, timeouts=timeouts)


def call(base_url: str, **changes: Any) -> ModelCall:
    messages = (Message(Speaker.SYSTEM, "Be brief."), Message(Speaker.USER, PROMPT))
    plain = ModelCall(entry(base_url), InferenceRequest("small", messages, 0.3, 64), "call-0001")
    return replace(plain, **changes)


async def failure(model: OpenAIProvider, asked: ModelCall) -> ProviderFailure:
    """The failure of a call, after a look that it carries nothing: no text, no cause, no context."""
    with pytest.raises(ProviderFailure) as caught:
        await model.complete(asked)
    found = caught.value
    assert found.__cause__ is None
    assert found.__context__ is None
    told = "".join(traceback.format_exception(found)) + repr(found) + str(found.args)
    assert not [canary for canary in CANARIES if canary in told]
    return found


async def test_an_answer_comes_back_with_its_usage(fake: FakeProvider, model: OpenAIProvider) -> None:
    fake.script(answer("Hold fast.", {"prompt_tokens": 21, "completion_tokens": 3, "total_tokens": 24}, "length"))
    found = await model.complete(call(fake.base_url))
    assert found == ModelAnswer("Hold fast.", "length", Usage(21, 3))


async def test_the_request_says_what_was_asked_and_no_more(fake: FakeProvider, model: OpenAIProvider) -> None:
    await model.complete(call(fake.base_url))
    (request,) = fake.requests
    assert request.json() == {
        "model": "fake-1",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROMPT}],
        "temperature": 0.3,
        "max_tokens": 64,
        "stream": False,
    }
    assert request.headers == {
        "host": f"127.0.0.1:{fake.port}",
        "authorization": f"Bearer {KEY}",
        "idempotency-key": "call-0001",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(request.body)),
        "user-agent": "assay",
    }


async def test_parameters_that_the_model_does_not_accept_are_left_out(
    fake: FakeProvider, model: OpenAIProvider
) -> None:
    asked = call(fake.base_url)
    request = replace(asked.request, top_p=0.5, seed=7, stop=("END",))
    plain = replace(asked.model, accepts=ModelParameters(limit="max_completion_tokens"))
    bare = replace(plain, accepts=ModelParameters("max_completion_tokens", *[False] * 4))
    for accepting in (plain, bare):
        await model.complete(replace(asked, model=accepting, request=request))
    sent, left_out = (received.json() for received in fake.requests)
    assert sent["max_completion_tokens"] == left_out["max_completion_tokens"] == 64
    assert "max_tokens" not in sent
    assert set(sent) - set(left_out) == {"temperature", "top_p", "seed", "stop"}


async def test_tools_go_over_and_their_calls_come_back(fake: FakeProvider, model: OpenAIProvider) -> None:
    calls = [{"id": "call_1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}]
    choice = {"message": {"content": None, "tool_calls": calls}, "finish_reason": "tool_calls"}
    fake.script(document({**completion(None), "choices": [choice]}))
    asked = call(fake.base_url)
    found = await model.complete(replace(asked, request=replace(asked.request, tools=(Tool("clock"),))))
    assert found.content == (ToolCall("call_1", "clock", "{}"),)
    assert found.finish_reason == "tool_calls"
    (request,) = fake.requests
    assert request.json()["tools"] == [{"type": "function", "function": {"name": "clock", "parameters": {}}}]


async def test_what_the_format_can_not_carry_is_refused_before_the_call(
    fake: FakeProvider, model: OpenAIProvider, secrets: Secrets
) -> None:
    message = Message(Speaker.USER, (TextPart(PROMPT), Attachment("0" * 64, "image/png")))
    found = await failure(model, call(fake.base_url, request=InferenceRequest("small", (message,), 0.3, 64)))
    assert (found.kind, found.retryable) == (Kind.UNSUPPORTED_CONTENT, False)
    assert (fake.connections, secrets.reads) == (0, 0)


async def test_variables_of_the_environment_change_nothing(
    fake: FakeProvider, model: OpenAIProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with FakeProvider() as elsewhere:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login leaked password leaked\n")
        netrc.chmod(0o600)
        proxy = f"http://127.0.0.1:{elsewhere.port}"
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("SSL_CERT_FILE", str(netrc))  # no certificate store: whoever reads it fails
        monkeypatch.setenv("OPENAI_BASE_URL", elsewhere.base_url)
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Leaked: leaked\nAuthorization: Bearer leaked")
        for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID", "WEBHOOK_SECRET"):
            monkeypatch.setenv(f"OPENAI_{name}", "leaked")
        await model.complete(call(fake.base_url))
        assert elsewhere.connections == 0
    (request,) = fake.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert "leaked" not in str(request)


def test_the_clients_own_debug_log_stays_silent() -> None:
    program = """
import asyncio, logging
from datetime import UTC, datetime
from adapters.models.openai import OpenAIProvider
from tests.adapters.models.test_model_openai import FixedClock, Secrets, call
from tests.fakes.provider import FakeProvider

async def main():
    logging.basicConfig(level=logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    async with FakeProvider() as fake:
        model = OpenAIProvider(Secrets(), clock=FixedClock())
        await model.complete(call(fake.base_url))
        await model.aclose()

asyncio.run(main())
logging.getLogger("probe").debug("the probe is heard")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    lines = (done.stdout + done.stderr).splitlines()
    assert len(lines) == 1, lines
    assert "the probe is heard" in lines[0]


async def test_a_rotated_key_is_used_at_once(fake: FakeProvider, model: OpenAIProvider, secrets: Secrets) -> None:
    await model.complete(call(fake.base_url))
    secrets.found["models/fake"] = {"api_key": "sk-new"}
    await model.complete(call(fake.base_url))
    assert [request.headers["authorization"] for request in fake.requests] == [f"Bearer {KEY}", "Bearer sk-new"]
    assert fake.connections == 1  # one client, one pool


@pytest.mark.parametrize("field", [{}, {"api_key": ""}, {"api_key": "a\r\nb: c"}, {"api_key": "clé"}, {"other": "x"}])
async def test_without_a_usable_key_nothing_is_sent(
    fake: FakeProvider, model: OpenAIProvider, secrets: Secrets, field: Mapping[str, str]
) -> None:
    secrets.found["models/fake"] = field
    found = await failure(model, call(fake.base_url))
    assert (found.kind, found.retryable) == (Kind.PROVIDER_REJECTED, False)
    assert fake.connections == 0


async def test_a_missing_secret_is_the_operators_affair(
    fake: FakeProvider, model: OpenAIProvider, secrets: Secrets
) -> None:
    secrets.found.clear()
    found = await failure(model, call(fake.base_url))
    assert (found.kind, found.retryable) == (Kind.PROVIDER_REJECTED, False)


async def test_an_unavailable_vault_stays_that(fake: FakeProvider) -> None:
    class Sealed:
        async def read(self, path: str) -> Mapping[str, str]:
            raise Refusal(Kind.VAULT_UNAVAILABLE, "sealed")

    with pytest.raises(Refusal) as caught:
        await OpenAIProvider(Sealed(), clock=FixedClock()).complete(call(fake.base_url))
    assert caught.value.kind is Kind.VAULT_UNAVAILABLE
    assert fake.connections == 0


STATUSES = [
    *((code, Kind.PROVIDER_REJECTED, False) for code in (300, 305, 400, 401, 402, 403, 404, 405, 413, 415, 422, 451)),
    *((code, Kind.PROVIDER_UNAVAILABLE, True) for code in (408, 409, 500, 501, 502, 503, 507)),
    (429, Kind.PROVIDER_RATE_LIMITED, True),
    *((code, Kind.PROVIDER_TIMEOUT, False) for code in (504, 524)),
]


@pytest.mark.parametrize(("code", "kind", "retryable"), STATUSES)
async def test_each_status_has_its_kind(
    fake: FakeProvider, model: OpenAIProvider, code: int, kind: Kind, retryable: bool
) -> None:
    fake.script(status(code, error={"message": f"{TEXT_OF_PROVIDER} {KEY}"}))
    found = await failure(model, call(fake.base_url))
    assert (found.kind, found.retryable, found.retry_after) == (kind, retryable, None)
    assert fake.stats.received == 1


async def test_a_status_without_a_body(fake: FakeProvider, model: OpenAIProvider) -> None:
    fake.script(Reply(304))
    found = await failure(model, call(fake.base_url))
    assert (found.kind, found.retryable) == (Kind.PROVIDER_REJECTED, False)


@pytest.mark.parametrize("error", [{"code": "insufficient_quota"}, {"type": "insufficient_quota"}])
async def test_an_unpaid_bill_is_not_waited_for(
    fake: FakeProvider, model: OpenAIProvider, error: Mapping[str, Any]
) -> None:
    fake.script(status(429, {"retry-after": "1"}, error))
    found = await failure(model, call(fake.base_url))
    assert (found.kind, found.retryable) == (Kind.PROVIDER_RATE_LIMITED, False)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'{"error": 7}', b'{"error": {"code": [], "type": {}}}', b"\xff"]
)
async def test_an_odd_body_does_not_hide_a_status(fake: FakeProvider, model: OpenAIProvider, body: bytes) -> None:
    fake.script(Reply(429, body=body))
    found = await failure(model, call(fake.base_url))
    assert (found.kind, found.retryable) == (Kind.PROVIDER_RATE_LIMITED, True)


@pytest.mark.parametrize("code", [408, 409, 429, 500, 503])
@pytest.mark.parametrize(("wait", "retryable"), [("7", True), ("60", True), ("61", False)])
async def test_retry_after_is_honoured_up_to_a_minute(
    fake: FakeProvider, model: OpenAIProvider, code: int, wait: str, retryable: bool
) -> None:
    fake.script(status(code, {"retry-after": wait}))
    found = await failure(model, call(fake.base_url))
    assert (found.retry_after, found.retryable) == (float(wait), retryable)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=12), usegmt=True)}, 12.0),
        ({"retry-after": format_datetime(NOW - timedelta(hours=1), usegmt=True)}, 0.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "1e200"}, 86_400.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 -0000"}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: Mapping[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


def _without(*path: str | int) -> dict[str, Any]:
    found = completion("text")
    inner: Any = found
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return found


GARBLED: Mapping[str, Behaviour] = {
    "empty body": Reply(),
    "no content": Reply(204),
    "html": garbage(f"<html>{TEXT_OF_PROVIDER}</html>".encode()),
    "json in half": garbage(json.dumps(completion(TEXT_OF_PROVIDER)).encode()[:-9], "application/json"),
    "no utf-8": garbage(b'{"choices": "\xff\xfe"}', "application/json"),
    "not a number": garbage(b'{"choices": NaN}', "application/json"),
    "a number of 5000 digits": garbage(b"9" * 5000, "application/json"),
    "too deep": garbage(b"[" * 200_000, "application/json"),
    "a list": document([]),
    "an error in a 200": document({"error": {"message": TEXT_OF_PROVIDER}}),
    "no choices": document({**completion("text"), "choices": []}),
    "choices of null": document({**completion("text"), "choices": None}),
    "a choice that is text": document({**completion("text"), "choices": ["text"]}),
    "no message": document(_without("choices", 0, "message")),
    "content of a number": document(completion(7)),
    "an end of no length": Endless(),
    "a body that is said to be long": Reply(headers={}, body=b" " * (9 * 1024 * 1024)),
    "a compressed body": Reply(
        headers={"content-encoding": "gzip"}, body=gzip.compress(json.dumps(completion("text")).encode())
    ),
}


@pytest.mark.parametrize("name", GARBLED)
async def test_what_is_no_answer_is_garbled(fake: FakeProvider, model: OpenAIProvider, name: str) -> None:
    fake.script(GARBLED[name])
    found = await failure(model, call(fake.base_url))
    assert (found.kind, found.retryable, found.lost) == (Kind.PROVIDER_GARBLED, True, True)
    assert fake.stats.received == 1


async def test_an_endless_body_is_left_at_the_limit(fake: FakeProvider, model: OpenAIProvider) -> None:
    fake.script(Endless())
    await failure(model, call(fake.base_url))
    await fake.until(lambda stats: stats.disconnected == 1)


async def test_a_body_of_exactly_the_limit_is_read(fake: FakeProvider, secrets: Secrets) -> None:
    reply = answer("text")
    for spare, kind in ((0, None), (-1, Kind.PROVIDER_GARBLED)):
        model = OpenAIProvider(secrets, clock=FixedClock(), max_body_bytes=len(reply.body) + spare)
        fake.script(reply)
        if kind is None:
            assert (await model.complete(call(fake.base_url))).content == "text"
        else:
            assert (await failure(model, call(fake.base_url))).kind is kind
        await model.aclose()


@pytest.mark.parametrize(
    "behaviour",
    [
        Endless(401),
        Reply(401, {"content-encoding": "gzip"}, gzip.compress(b" " * 10_000_000)),
        Reply(401, {"content-encoding": "gzip"}, b"no gzip"),
        Reply(401, {}, b" " * 10_000_000),
    ],
    ids=["endless", "bomb", "no gzip", "long"],
)
async def test_an_error_is_told_by_its_status_whatever_its_body(
    fake: FakeProvider, model: OpenAIProvider, behaviour: Behaviour
) -> None:
    fake.script(behaviour)
    found = await failure(model, call(fake.base_url))
    assert (found.kind, found.retryable) == (Kind.PROVIDER_REJECTED, False)


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 0, "completion_tokens": 0}])
async def test_missing_usage_is_not_free(
    fake: FakeProvider, model: OpenAIProvider, usage: Mapping[str, Any] | None
) -> None:
    fake.script(answer("Hier grünt es.", usage))
    asked = call(fake.base_url)
    found = (await model.complete(asked)).usage
    assert found == Usage(estimate_tokens(asked.request), estimate_text_tokens("Hier grünt es."), estimated=True)
    assert found.prompt_tokens > 0
    assert found.completion_tokens > 0


async def test_usage_of_null_is_missing_usage(fake: FakeProvider, model: OpenAIProvider) -> None:
    fake.script(document({**completion("text"), "usage": None}))
    assert (await model.complete(call(fake.base_url))).usage.estimated


async def test_an_empty_answer_is_an_answer(fake: FakeProvider, model: OpenAIProvider) -> None:
    fake.script(answer("", {"prompt_tokens": 9, "completion_tokens": 0}))
    assert await model.complete(call(fake.base_url)) == ModelAnswer("", "stop", Usage(9, 0))


async def test_a_slow_answer_is_read_to_its_end(fake: FakeProvider, model: OpenAIProvider) -> None:
    fake.script(Trickle(answer("drop by drop"), size=64, pause=0.001))
    assert (await model.complete(call(fake.base_url))).content == "drop by drop"


async def test_a_refused_connection(model: OpenAIProvider) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        found = await failure(model, call(f"http://127.0.0.1:{taken.getsockname()[1]}/v1"))
    assert (found.kind, found.retryable) == (Kind.PROVIDER_UNAVAILABLE, True)


def self_signed(directory: Path) -> ssl.SSLContext:
    """A TLS server with a certificate of an unknown issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begun = datetime.now(UTC) - timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begun)
        .not_valid_after(begun + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    file = directory / "server.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM) + key.private_bytes(*pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_a_server_that_nobody_vouches_for_gets_nothing(model: OpenAIProvider, tmp_path: Path) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=self_signed(tmp_path))
    async with server:
        found = await failure(model, call(f"https://localhost:{server.sockets[0].getsockname()[1]}/v1"))
    assert (found.kind, found.retryable) == (Kind.PROVIDER_UNAVAILABLE, True)
    assert b"".join(heard) == b""


async def test_a_name_that_does_not_resolve(model: OpenAIProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    found = await failure(model, call("http://no-such-host.invalid/v1"))
    assert (found.kind, found.retryable) == (Kind.PROVIDER_UNAVAILABLE, True)


@pytest.mark.parametrize(
    "behaviour",
    [
        Drop(),
        Drop(reset=True),
        Drop(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"),
        Drop(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", reset=True),
        Drop(b"HTTP/1.1 200"),
        Drop(b"220 mail.example ESMTP\r\n"),
    ],
    ids=["at once", "reset", "in the body", "reset in the body", "in the status", "another protocol"],
)
async def test_a_connection_that_breaks(fake: FakeProvider, model: OpenAIProvider, behaviour: Behaviour) -> None:
    fake.script(behaviour)
    found = await failure(model, call(fake.base_url))
    assert (found.kind, found.retryable) == (Kind.PROVIDER_UNAVAILABLE, True)


@pytest.mark.parametrize("behaviour", [Hang(answer()), Endless(size=1, pause=0.01)], ids=["silent", "trickling"])
async def test_a_call_that_is_too_long_is_ended_and_not_paid_for_again(
    fake: FakeProvider, model: OpenAIProvider, behaviour: Behaviour
) -> None:
    fake.script(behaviour)
    found = await failure(model, call(fake.base_url, model=entry(fake.base_url, total=0.3)))
    assert (found.kind, found.retryable) == (Kind.PROVIDER_TIMEOUT, False)
    await fake.until(lambda stats: stats.disconnected == 1)


async def test_the_time_out_is_the_models_own(fake: FakeProvider, model: OpenAIProvider) -> None:
    """One pool for both: the slow model's answer comes after the quick one has timed out."""
    fake.script(Hang(answer("slow")), Hang(answer()))
    slow = asyncio.create_task(model.complete(call(fake.base_url, model=entry(fake.base_url, total=60))))
    await fake.until(lambda stats: stats.received == 1)
    await failure(model, call(fake.base_url, model=entry(fake.base_url, total=0.3)))
    fake.release()
    assert (await slow).content == "slow"


async def test_a_connection_that_does_not_come_about_may_be_tried_again(
    model: OpenAIProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("aiohttp.connector.aiohappyeyeballs.start_connection", never)
    base_url = "http://127.0.0.1:1/v1"
    found = await failure(model, call(base_url, model=entry(base_url, connect=0.1)))
    assert (found.kind, found.retryable) == (Kind.PROVIDER_TIMEOUT, True)


async def test_cancellation_passes_and_closes_the_connection(fake: FakeProvider, model: OpenAIProvider) -> None:
    fake.script(Hang(answer()))
    task = asyncio.create_task(model.complete(call(fake.base_url)))
    await fake.until(lambda stats: stats.received == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stats = await fake.until(lambda stats: stats.disconnected == 1)
    assert (stats.received, stats.finished) == (1, 0)
    await model.complete(call(fake.base_url))  # the pool has recovered


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(fake: FakeProvider, model: OpenAIProvider, code: int) -> None:
    async with FakeProvider() as elsewhere:
        fake.script(redirect(f"{elsewhere.base_url}/chat/completions", code))
        found = await failure(model, call(fake.base_url))
        assert elsewhere.connections == 0
    assert (found.kind, found.retryable) == (Kind.PROVIDER_REJECTED, False)
    assert fake.stats.received == 1


async def test_a_cookie_is_not_carried_from_one_call_to_the_next(fake: FakeProvider, model: OpenAIProvider) -> None:
    fake.script(replace(answer(), headers={"set-cookie": "session=of-another-tenant; Path=/"}))
    await model.complete(call(fake.base_url))
    await model.complete(call(fake.base_url))
    assert [request.headers.get("cookie") for request in fake.requests] == [None, None]


async def test_an_unforeseen_error_tells_its_type_alone(
    model: OpenAIProvider, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        found = await failure(model, call(f"http://127.0.0.1:{KEY}/v1"))
    assert (found.kind, found.retryable) == (Kind.INTERNAL, False)
    assert "Invalid" in caplog.text
    assert KEY not in caplog.text
    assert failure_of(ValueError(PROMPT)).args == ("internal",)


async def test_no_key_in_any_repr(fake: FakeProvider, model: OpenAIProvider) -> None:
    await model.complete(call(fake.base_url))
    session = model._session
    assert KEY not in f"{model!r} {vars(model)!r} {session!r} {vars(session)!r}"


async def test_the_number_of_connections_is_bounded(fake: FakeProvider, secrets: Secrets) -> None:
    model = OpenAIProvider(secrets, clock=FixedClock(), max_connections=2)
    fake.script(Hang(answer()), Hang(answer()))
    tasks = [asyncio.create_task(model.complete(call(fake.base_url))) for _ in range(4)]
    await fake.until(lambda stats: stats.received == 2)
    fake.release()
    await asyncio.gather(*tasks)
    assert (fake.stats.received, fake.connections) == (4, 2)
    await model.aclose()


async def test_the_fake_serves_as_a_process_of_its_own(model: OpenAIProvider, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    command = [sys.executable, "-m", "tests.fakes.provider", "--port", "0", "--state", str(state)]
    process = await asyncio.create_subprocess_exec(
        *bound(*command), "--script", '[{"do": "answer", "text": "from afar"}]', stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            base_url = (await process.stdout.readline()).decode().strip()
            assert (await model.complete(call(base_url))).content == "from afar"
            while json.loads(state.read_text())["finished"] == 0:
                await asyncio.sleep(0.01)
    finally:
        process.terminate()
        await process.wait()
    assert process.returncode == 0
    assert json.loads(state.read_text()) == {
        "received": 1, "finished": 1, "disconnected": 0, "base_url": base_url, "pid": process.pid,
    }  # fmt: skip

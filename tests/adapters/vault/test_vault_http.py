"""Calls of Vault from the loop: the same answers, errors and healing as from a thread."""

import asyncio
import runpy
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import hvac
import pytest
from hvac.exceptions import UnexpectedError, VaultDown

from adapters.vault.calls import write
from adapters.vault.http import VaultHttp
from adapters.vault.session import ServiceSession
from assay_temporal.vault.client import VaultAway
from domain.refusals import Kind, Refusal
from tests.adapters.stack import Stack, eventually, silent
from tests.adapters.vault.test_vault_session import revoke_token
from tests.paths import ROOT

pytestmark = pytest.mark.usefixtures("everybody_serves_again")
SIGN = "transit/sign/receipt-signing"
BODY = {"input": "aGVsbG8="}
DATA = b'{"data": {"signature": "vault:v1:c2ln"}}'


@pytest.fixture
async def session(stack: Stack) -> AsyncIterator[ServiceSession]:
    session = await stack.session("worker")
    yield session
    await session.close()


@contextmanager
def refusals_of(kind: Kind) -> Iterator[None]:
    """Refusals of that kind pass."""
    try:
        yield
    except Refusal as refusal:
        if refusal.kind is not kind:
            raise


def answer(status: str, body: bytes = b"", *more: str) -> bytes:
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *more))
    return f"{head}\r\n\r\n".encode() + body


@asynccontextmanager
async def serving(
    stack: Stack, respond: Callable[[int], bytes | None], tls: ssl.SSLContext | None = None, ca_file: Path | None = None
) -> AsyncIterator[tuple[VaultHttp, hvac.Client, list[bytes]]]:
    """A server that gives what ``respond`` makes of the number of the request: nothing, and it hangs up."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                heads.append(head)
                given = respond(len(heads))
                if given is None:
                    return
                writer.write(given)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    place = "https://localhost" if tls else "http://127.0.0.1"
    address = f"{place}:{server.sockets[0].getsockname()[1]}"
    http = VaultHttp(stack.vault.model_copy(update={"address": address, "ca_file": ca_file}), connections=2)
    try:
        yield http, hvac.Client(url=address, token="planted-token"), heads
    finally:
        await http.close()
        server.close()


async def test_it_gives_what_a_thread_gives(session: ServiceSession) -> None:
    in_thread = await session.call(lambda client: write(client, SIGN, BODY))
    assert await session.post(SIGN, BODY) == in_thread  # Ed25519 (RFC 8032) has no randomness


async def test_many_calls_that_find_the_token_gone_log_in_once(stack: Stack, session: ServiceSession) -> None:
    await revoke_token(stack, session)
    signed = await asyncio.gather(*(session.post(SIGN, BODY) for _ in range(30)))
    assert len({answered["signature"] for answered in signed}) == 1
    assert session.generation == 2


async def test_what_the_policy_forbids_is_refused_without_a_new_login(session: ServiceSession) -> None:
    with pytest.raises(Refusal) as refusal:
        await session.post("transit/sign/log-signing", BODY)
    assert refusal.value.kind is Kind.VAULT_UNAVAILABLE
    assert session.generation == 1
    await session.post(SIGN, BODY)


async def test_errors_are_told_apart_and_quote_nothing(session: ServiceSession) -> None:
    with pytest.raises(Refusal) as refusal:
        await session.post(SIGN, {"input": "planted, not base64"})
    assert refusal.value.kind is Kind.INTERNAL
    assert "planted" not in str(refusal.value)


async def test_it_heals_when_vault_is_killed(stack: Stack, session: ServiceSession) -> None:
    async def signs() -> bool:
        with refusals_of(Kind.VAULT_UNAVAILABLE):
            await session.post(SIGN, BODY)
            return True
        return False

    async def refuses() -> bool:
        return not await signs()

    assert await signs()
    await stack.servers.kill("openbao")
    await eventually(refuses)
    await stack.servers.until_ready("openbao")
    await eventually(signs)
    assert session.generation == 1


async def test_a_closed_session_refuses(stack: Stack) -> None:
    session = await stack.session("worker")
    await session.post(SIGN, BODY)
    await session.close()
    with pytest.raises(Refusal):
        await session.post(SIGN, BODY)


async def test_a_kept_connection_that_died_costs_nobody_an_error(stack: Stack) -> None:
    async with serving(stack, lambda number: answer("200 OK", DATA) if number != 2 else None) as (http, client, heads):
        for _ in range(2):
            assert (await http.post(client, SIGN, BODY))["signature"] == "vault:v1:c2ln"
    assert len(heads) == 3
    assert all(b"x-vault-token: planted-token" in head.lower() for head in heads)


async def test_a_server_that_hangs_up_is_asked_twice_and_no_more(stack: Stack) -> None:
    async with serving(stack, lambda _: None) as (http, client, heads):
        with pytest.raises(VaultDown) as error:
            await http.post(client, SIGN, BODY)
    assert len(heads) == 2
    assert "planted" not in str(error.value)


async def test_a_redirect_is_refused(stack: Stack) -> None:
    async with serving(stack, lambda _: answer("200 OK", DATA)) as (_, other, elsewhere):
        redirect = answer("307 Temporary Redirect", b"", f"Location: {other.url}/v1/{SIGN}")
        async with serving(stack, lambda _: redirect) as (http, client, heads):
            with pytest.raises(UnexpectedError):
                await http.post(client, SIGN, BODY)
    assert (len(heads), len(elsewhere)) == (1, 0)


@pytest.fixture
def certificates(tmp_path: Path) -> Callable[[str, str], Path]:
    """Makes a certificate of its own authority, for a host; gives the directory with it."""
    made = SimpleNamespace(**runpy.run_path(str(ROOT / "deploy/compose/certs.py")))

    def make(name: str, host: str) -> Path:
        made.Authority(tmp_path / name, datetime.now(UTC)).issue(made.Leaf("vault", "tls", "vault", (host,)))
        return tmp_path / name / "vault"

    return make


async def test_only_who_our_authority_vouches_for_gets_the_token(
    stack: Stack, certificates: Callable[[str, str], Path]
) -> None:
    ours, others = certificates("ours", "localhost"), certificates("others", "localhost")
    elsewhere = certificates("elsewhere", "vault.example")
    cases = [(ours, ours, 1), (others, ours, 0), (elsewhere, elsewhere, 0), (ours, None, 0)]
    for served, trusted, expected in cases:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(served / "tls.crt", served / "tls.key")
        ca_file = trusted / "ca.crt" if trusted else None
        async with serving(stack, lambda _: answer("200 OK", DATA), tls, ca_file) as (http, client, heads):
            if expected:
                await http.post(client, SIGN, BODY)
            else:
                with pytest.raises(VaultDown):
                    await http.post(client, SIGN, BODY)
        assert len(heads) == expected


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"data": null}', b'"\xff"'])
async def test_what_is_no_answer_of_vaults_counts_as_none(stack: Stack, body: bytes) -> None:
    async with serving(stack, lambda _: answer("200 OK", body)) as (http, client, _):
        with pytest.raises(VaultAway):
            await http.post(client, SIGN, BODY)


async def test_a_vault_that_does_not_answer_is_given_up(stack: Stack) -> None:
    session = await stack.session("worker")
    await session.post(SIGN, BODY)
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    http = VaultHttp(stack.vault, connections=1)
    port = server.sockets[0].getsockname()[1]
    away = hvac.Client(url=f"http://127.0.0.1:{port}", token="t")
    session._place = stack.vault.model_copy(update={"timeout_seconds": 0.2})
    with pytest.raises(VaultAway):
        await session._call(lambda _: http.post(away, SIGN, BODY))
    await http.close()
    await session.close()
    server.close()

"""The session with Vault: it gets in, stays in, refuses quickly while Vault is away, and heals by itself."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import hvac
import pytest
from hvac.api.auth_methods.token import Token
from hvac.exceptions import Forbidden, InvalidRequest

from adapters.vault.calls import kv_read, kv_write, write
from adapters.vault.session import ServiceSession
from adapters.vault.setup.setup import setup_vault
from assay_temporal.vault.login import AppRoleLogin, LoginImpossible
from config.settings import AppRoleSettings
from domain.refusals import Kind, Refusal
from tests.adapters.stack import Stack, eventually, silent

pytestmark = pytest.mark.usefixtures("everybody_serves_again")


@pytest.fixture
async def session(stack: Stack) -> AsyncIterator[ServiceSession]:
    session = await stack.session("worker")
    yield session
    await session.close()


async def serves(session: ServiceSession) -> bool:
    with contextlib.suppress(Refusal):
        await session.check()
        return True
    return False


async def refuses(session: ServiceSession) -> bool:
    return not await serves(session)


async def revoke_token(stack: Stack, session: ServiceSession) -> None:
    token = await session.call(lambda client: client.token)
    await stack.as_root(lambda root: write_nothing(root, "auth/token/revoke", token=token))


def write_nothing(client: hvac.Client, path: str, **body: object) -> None:
    client.write_data(path, data=body)


async def test_a_wrapped_secret_id_lets_in_once_and_for_all(stack: Stack, session: ServiceSession) -> None:
    await session.check()
    assert session.generation == 1
    for generation in (2, 3):
        await revoke_token(stack, session)
        answers = await asyncio.gather(*(session.call(lambda client: client.token) for _ in range(10)))
        assert len(set(answers)) == 1
        await session.check()
        assert session.generation == generation


async def test_many_calls_that_find_the_token_gone_log_in_once(stack: Stack, session: ServiceSession) -> None:
    await revoke_token(stack, session)
    await asyncio.gather(*(session.call(lambda client: kv_read(client, "assay", "identity")) for _ in range(30)))
    assert session.generation == 2


async def test_what_the_policy_forbids_is_refused_without_a_new_login(session: ServiceSession) -> None:
    with pytest.raises(Refusal) as refusal:
        await session.call(lambda client: kv_read(client, "assay", "clients/someone"))
    assert refusal.value.kind is Kind.VAULT_UNAVAILABLE
    assert session.generation == 1
    await session.check()


async def test_errors_are_told_apart_and_quote_nothing(session: ServiceSession) -> None:
    def wrong(client: hvac.Client) -> None:
        write(client, "transit/decrypt/tenant-acme", {"ciphertext": "not-a-ciphertext"})

    with pytest.raises(Refusal) as refusal:
        await session.call(wrong)
    assert refusal.value.kind is Kind.INTERNAL
    assert "ciphertext" not in str(refusal.value)
    with pytest.raises(Refusal) as refusal:
        await session.call(lambda client: client.adapter.get("/v1/assay/data/providers/none"))
    assert refusal.value.kind is Kind.NOT_FOUND


async def test_calls_catch_what_they_expect(session: ServiceSession) -> None:
    def clash(client: hvac.Client) -> str:
        try:
            kv_write(client, "assay", "keyring/acme/current", {}, cas=99)
        except InvalidRequest:
            return "clash"
        return "written"

    assert await session.call(clash) == "clash"


async def test_a_used_wrapping_token_is_a_security_event(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    approle = await stack.approle("worker")
    thief = AppRoleLogin(stack.vault, approle)
    await asyncio.to_thread(thief.login)
    session = ServiceSession(stack.vault, approle)
    await session.start(wait_seconds=0.5)
    with pytest.raises(Refusal) as refusal:
        await session.check()
    assert refusal.value.kind is Kind.VAULT_UNAVAILABLE
    assert "issue a new one" in refusal.value.detail
    events = [vars(record) for record in caplog.records if getattr(record, "security", False)]
    assert [event["msg"] for event in events] == ["vault.wrapping_token_rejected"]
    token = approle.secret_id_file.read_text()
    assert token not in str([vars(record) for record in caplog.records])
    fresh = await stack.approle("worker")  # an operator mends it while we run
    for name in ("role_id_file", "secret_id_file"):
        getattr(approle, name).write_text(getattr(fresh, name).read_text())
    await eventually(lambda: serves(session))
    await session.close()


async def test_a_token_that_wraps_something_else_is_not_taken(stack: Stack, tmp_path: Path) -> None:
    wrapped = await stack.as_root(
        lambda root: root.write_data("sys/wrapping/wrap", data={"secret_id": "planted"}, wrap_ttl="60s")
    )
    approle = await stack.approle("worker")
    approle.secret_id_file.write_text(wrapped["wrap_info"]["token"])
    with pytest.raises(LoginImpossible):
        await asyncio.to_thread(AppRoleLogin(stack.vault, approle).login)


async def test_missing_credentials_are_named(stack: Stack, tmp_path: Path) -> None:
    approle = await stack.approle("worker")
    cases = {
        "no file is configured for the AppRole role ID": AppRoleSettings(),
        "the file of the AppRole secret ID can't be read": approle.model_copy(
            update={"secret_id_file": tmp_path / "absent"}
        ),
    }
    for message, settings in cases.items():
        session = ServiceSession(stack.vault, settings)
        await session.start(wait_seconds=0.2)
        with pytest.raises(Refusal, match=message):
            await session.check()
        await session.close()


async def test_a_secret_id_that_is_not_wrapped(stack: Stack, tmp_path: Path) -> None:
    approle = await stack.approle("operator")
    secret = await stack.as_root(lambda root: write(root, "auth/approle/role/assay-operator/secret-id", {}))
    approle.secret_id_file.write_text(secret["secret_id"])
    session = ServiceSession(stack.vault, approle.model_copy(update={"wrapped": False}))
    await session.start()
    await session.check()
    await session.close()


async def test_the_token_is_renewed_at_half_its_life(stack: Stack) -> None:
    await stack.as_root(lambda client: setup_vault(client, stack.plan(token_period=2)))
    try:
        session = await stack.session("worker")
        begun = time.monotonic()

        async def outlived() -> bool:
            await session.check()
            return time.monotonic() - begun > 3.5

        await eventually(outlived)
        assert session.generation == 1
        await session.close()
    finally:
        await stack.as_root(lambda client: setup_vault(client, stack.plan()))


async def test_calls_that_succeed_take_the_place_of_looks(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay_temporal.vault.session._PROBE_SECONDS", 0.4)
    session = await stack.session("worker")
    client = await session.call(lambda client: client)
    looks, look = 0, Token.lookup_self

    def counted(token: Token, **options: object) -> object:
        nonlocal looks
        looks += token._adapter is client.adapter
        return look(token, **options)

    monkeypatch.setattr(Token, "lookup_self", counted)
    until = time.monotonic() + 1.6

    async def served_for_a_while() -> bool:
        await session.call(lambda client: client.token)
        return time.monotonic() >= until

    await eventually(served_for_a_while)
    while_served = looks

    async def looked() -> bool:
        return looks > while_served

    await eventually(looked)
    await session.close()
    assert while_served == 0


async def test_closing_revokes_the_token(stack: Stack) -> None:
    session = await stack.session("worker")
    token = await session.call(lambda client: client.token)
    await session.close()
    with pytest.raises((Forbidden, InvalidRequest)):
        await stack.as_root(lambda root: write(root, "auth/token/lookup", {"token": token}))
    with pytest.raises(Refusal):
        await session.check()


async def test_it_heals_when_vault_is_killed(stack: Stack, session: ServiceSession) -> None:
    await stack.servers.kill("openbao")
    await eventually(lambda: refuses(session))
    assert await _refused_at_once(session)
    await stack.servers.until_ready("openbao")
    await eventually(lambda: serves(session))
    assert session.generation == 1


async def _refused_at_once(session: ServiceSession) -> bool:
    """Return True if no call waits for a timeout while Vault is known to be unavailable."""
    if await serves(session):
        return True  # it came back already
    async with asyncio.timeout(1):
        results = await asyncio.gather(
            *(session.call(lambda client: client.token) for _ in range(50)), return_exceptions=True
        )
    refusals = [result for result in results if isinstance(result, Refusal)]
    return all(refusal.kind is Kind.VAULT_UNAVAILABLE and refusal.retry_after for refusal in refusals)


async def test_it_heals_when_vault_was_sealed(stack: Stack, session: ServiceSession) -> None:
    await stack.as_root(lambda root: write_nothing(root, "sys/seal"))
    await eventually(lambda: refuses(session))
    assert await _refused_at_once(session)
    await stack.servers.restart("openbao")
    await eventually(lambda: serves(session))


async def test_it_starts_while_vault_is_away(stack: Stack) -> None:
    approle = await stack.approle("worker")
    await stack.as_root(lambda root: write_nothing(root, "sys/seal"))
    session = ServiceSession(stack.vault, approle)
    await session.start(wait_seconds=0.1)
    with pytest.raises(Refusal) as refused:
        await session.call(lambda client: client.token)
    await eventually(lambda: reports(session, "Vault is sealed"))
    assert "sealed" not in refused.value.detail  # which a client of the API gets
    await stack.servers.restart("openbao")
    await eventually(lambda: serves(session))
    await session.close()


async def test_a_vault_that_does_not_answer_is_given_up(stack: Stack) -> None:
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    mute = stack.vault.model_copy(update={"address": f"http://127.0.0.1:{port}", "timeout_seconds": 0.2})
    session = ServiceSession(mute, await stack.approle("worker"))
    await session.start(wait_seconds=0.1)
    await eventually(lambda: reports(session, "did not answer in time"))
    await session.close()
    server.close()


async def other_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a web server without Vault's API."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    writer.close()


async def test_the_cause_of_an_unavailable_vault_is_known(stack: Stack) -> None:
    server = await asyncio.start_server(other_server, "127.0.0.1", 0)
    other = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    approle = await stack.approle("operator")
    causes = {
        "can't be reached at the configured address": stack.vault.model_copy(update={"address": "http://127.0.0.1:9"}),
        "does not answer as Vault": stack.vault.model_copy(update={"address": other}),
        "rejects the AppRole credentials|was used or rejected": stack.vault.model_copy(
            update={"approle_mount": "absent"}
        ),
    }
    for cause, place in causes.items():
        session = ServiceSession(place, approle.model_copy(update={"wrapped": False}))
        await session.start(wait_seconds=0.1)
        await eventually(lambda session=session, cause=cause: reports(session, cause))
        await session.close()
    server.close()


async def test_a_wrong_secret_is_named(stack: Stack) -> None:
    approle = (await stack.approle("operator")).model_copy(update={"wrapped": False})
    approle.secret_id_file.write_text("wrong")
    session = ServiceSession(stack.vault, approle)
    await session.start(wait_seconds=0.1)
    await eventually(lambda: reports(session, "rejects the AppRole credentials|was used or rejected"))
    await session.close()


async def reports(session: ServiceSession, cause: str) -> bool:
    """Test whether the session's check gives the cause."""
    with pytest.raises(Refusal) as refused:
        await session.check()
    assert refused.value.kind is Kind.VAULT_UNAVAILABLE
    return re.search(cause, refused.value.detail) is not None

"""Cosignatures by a real, strict witness: it sees proofs, and is never waited for."""

import asyncio
import base64
from collections.abc import Iterator

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from adapters.log.store import PostgresLogStore
from adapters.log.witness import HttpWitness
from adapters.postgres.pool import PostgresPool
from adapters.vault.calls import read
from adapters.vault.log_signer import VaultLogSigner
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from config.settings import AuditSettings
from domain.refusals import Refusal
from domain.transparency.checkpoints import VerifierKey, parse_note
from domain.transparency.cosignatures import check_cosignature, cosigner_vkey
from services.sequencing.condition import LogCondition
from services.sequencing.head_signer import HeadSigner
from services.sequencing.witnessing import Witnessing
from tests.adapters.stack import Stack, eventually
from tests.doubles.log.rows import CHECKPOINTS, append, new_tenant
from tests.doubles.log.verifier import drained, opened, verify
from tests.doubles.log.witness import Witness, serving
from worker.sequencer import serve

LOG = "assay.local"  # one name for all tests: a sequencer signs every log, and Vault keeps its name


class Log:
    """A tenant's log, grown and signed step by step."""

    def __init__(self, stack: Stack, pool: PostgresPool, session: ServiceSession, writer: PostgresPool) -> None:
        self.tenant = new_tenant()
        self.origin = f"{LOG}/{self.tenant}"
        self.store = PostgresLogStore(pool)
        self.condition = LogCondition()
        signer = VaultLogSigner(session, VaultPublicKeys(session), log_name=LOG)
        self._heads = HeadSigner(self.store, signer, self.condition, checkpoint_seconds=0)
        self._stack, self._pool, self._writer = stack, pool, writer

    async def grow(self, count: int) -> None:
        await append(self._writer, self.tenant, count)
        await self.settle()

    async def settle(self) -> None:
        await drained(self.store)
        await self._heads.sign()

    async def keys(self) -> list[VerifierKey]:
        key = await self._stack.as_root(lambda client: read(client, "transit/keys/log-signing"))
        versions = key["keys"].values()
        return [VerifierKey(self.origin, base64.b64decode(version["public_key"])) for version in versions]

    async def notes(self) -> list[str]:
        return [row["note"] for row in await self._pool.fetch(CHECKPOINTS, self.tenant)]

    async def cosigned(self, witness: Witness) -> list[int]:
        """For each checkpoint, how many of its signatures are the witness's; each of these holds."""
        await opened(self._stack, self._pool, self.origin)
        counts = []
        for note in map(parse_note, await self.notes()):
            mine = [made for made in note.signatures if made.name == witness.name]
            assert all(check_cosignature(note.text, made, witness.key, verify) for made in mine)
            assert len(note.signatures) == 1 + len(mine), "nobody else's line is taken"
            counts.append(len(mine))
        return counts


@pytest.fixture
def witness() -> Iterator[Witness]:
    with serving(Witness()) as found:
        yield found


@pytest.fixture
async def log(
    stack: Stack,
    sequencer_pool: PostgresPool,
    sequencer_session: ServiceSession,
    writer_pool: PostgresPool,
    witness: Witness,
) -> Log:
    """A log that the witness knows; those of other tests have its name already, and are not submitted."""
    found = Log(stack, sequencer_pool, sequencer_session, writer_pool)
    await found.settle()
    root = await stack.superuser()
    await root.execute("DELETE FROM assay.checkpoint WHERE note NOT LIKE E'%\\n\\n%'")  # another test's, spoiled
    line = f"\u2014 {witness.name} AAAAAAAA\n"
    await root.execute("SELECT assay.add_cosignature(tenant, size, $1) FROM assay.checkpoint", line)
    await root.close()
    witness.logs[found.origin] = await found.keys()
    return found


async def submit(log: Log, witness: Witness, url: str | None = None) -> int:
    """As a process that knows nothing yet."""
    async with HttpWitness(url or witness.url, witness.key, verify) as there:
        return await Witnessing(log.store, there, log.condition).submit()


async def test_each_checkpoint_is_cosigned_with_a_proof_from_the_last(log: Log, witness: Witness) -> None:
    async with HttpWitness(witness.url, witness.key, verify) as there:
        witnessing = Witnessing(log.store, there, log.condition)
        for count in (3, 300, 1):
            await log.grow(count)
            assert await witnessing.submit() == 1
            assert await witnessing.submit() == 0
    assert witness.statuses == [200, 200, 200]
    assert await log.cosigned(witness) == [1, 1, 1]
    assert log.tenant not in log.condition.unwitnessed


async def test_a_process_that_knows_nothing_asks_the_witness_where_it_is(log: Log, witness: Witness) -> None:
    for count in (3, 300):
        await log.grow(count)
        assert await submit(log, witness) == 1
    assert witness.statuses == [200, 409, 200]


async def test_checkpoints_between_are_left_out(log: Log, witness: Witness) -> None:
    await log.grow(2)
    await log.grow(2)
    assert await submit(log, witness) == 1
    assert await log.cosigned(witness) == [0, 1]


async def test_a_cosignature_that_was_not_stored_is_asked_for_again(log: Log, witness: Witness) -> None:
    await log.grow(2)
    body = f"old 0\n\n{(await log.notes())[0]}"
    assert witness.add_checkpoint(body)[0] == 200
    assert await submit(log, witness) == 1
    assert await log.cosigned(witness) == [1]


async def test_two_at_once_leave_one_cosignature(log: Log, witness: Witness) -> None:
    for _ in range(3):
        await log.grow(2)
        await asyncio.gather(*(submit(log, witness) for _ in range(3)))
    assert await log.cosigned(witness) == [1, 1, 1]


async def test_a_log_smaller_than_what_the_witness_saw_is_told(log: Log, witness: Witness) -> None:
    await log.grow(3)
    witness.seen[log.origin] = (99, bytes(32))
    with capture_logs() as events:
        assert await submit(log, witness) == 0
    told = [event for event in events if event["event"] == "log.not_witnessed"]
    assert [(e["security"], e["tenant"], e["size"]) for e in told] == [(True, log.tenant, 3)]
    assert log.tenant in log.condition.unwitnessed
    assert await log.cosigned(witness) == [0]


@pytest.mark.parametrize(
    "how", ["another tree", "an unknown log", "another key of the log", "another key of the witness"]
)
async def test_what_does_not_hold_is_told_and_not_stored(log: Log, witness: Witness, how: str) -> None:
    await log.grow(3)
    key = witness.key
    if how == "another tree":
        witness.seen[log.origin] = (2, bytes(32))
    elif how == "an unknown log":
        witness.logs.clear()
    elif how == "another key of the log":
        witness.logs[log.origin] = [VerifierKey(log.origin, bytes(32))]
    else:
        key = Witness().key
    async with HttpWitness(witness.url, key, verify) as there:
        witnessing = Witnessing(log.store, there, log.condition)
        with capture_logs() as events:
            assert [await witnessing.submit() for _ in range(2)] == [0, 0]
    assert [e["tenant"] for e in events if e["event"] == "log.not_witnessed"] == [log.tenant], "once"
    assert await log.cosigned(witness) == [0]
    await log.grow(1)  # and the log goes on
    assert len(await log.notes()) == 2


async def test_a_witness_that_is_away_is_a_refusal_and_comes_back(log: Log, witness: Witness) -> None:
    await log.grow(3)
    with pytest.raises(Refusal):
        await submit(log, witness, "http://127.0.0.1:1/w")
    await log.grow(3)
    assert await submit(log, witness) == 1
    assert await log.cosigned(witness) == [0, 1]


async def test_a_note_gets_signature_lines_and_nothing_else(log: Log, sequencer_pool: PostgresPool) -> None:
    await log.grow(1)
    bad = ("", "x\n", "\u2014 a b", "\u2014 a b\nmore\n", "\u2014 a +b c\n", "\n\u2014 a b\n", "\u2014 a b\n\n")
    for line in bad:
        with pytest.raises(Refusal):
            await log.store.add_cosignature(log.tenant, 1, line)
    async with sequencer_pool.transaction() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("UPDATE assay.checkpoint SET note = 'x'")
    [note] = await log.notes()
    assert await log.store.add_cosignature(log.tenant, 1, "\u2014 a.example AAAAAAAA\n")
    assert not await log.store.add_cosignature(log.tenant, 1, "\u2014 a.example BBBBBBBB\n")
    assert await log.notes() == [f"{note}\u2014 a.example AAAAAAAA\n"]


async def test_a_sequencer_has_its_checkpoints_cosigned(
    stack: Stack, log: Log, witness: Witness, writer_pool: PostgresPool
) -> None:
    vault = stack.vault.model_copy(update={"sequencer": await stack.approle("sequencer")})
    audit = AuditSettings(log_name=LOG, witness_url=witness.url, witness_vkey=cosigner_vkey(witness.key))
    settings = stack.settings.model_copy(update={"vault": vault, "audit": audit})
    stop, registry = asyncio.Event(), CollectorRegistry()
    running = asyncio.create_task(serve(settings, stop, registry))
    await append(writer_pool, log.tenant, 5)

    async def is_cosigned() -> bool:
        return any(witness.name in note for note in await log.notes())

    await eventually(is_cosigned)
    stop.set()
    await asyncio.wait_for(running, 20)
    assert await log.cosigned(witness) == [1]
    assert registry.get_sample_value("assay_log_cosigned_total") == 1
    assert registry.get_sample_value("assay_log_sequenced_total") == 5


def test_settings_name_a_witness_with_its_key_or_none(witness: Witness) -> None:
    with pytest.raises(ValueError, match="must be set together"):
        AuditSettings(witness_url=witness.url)
    with pytest.raises(ValueError, match="type Ed25519 cosignature"):
        AuditSettings(witness_url=witness.url, witness_vkey="w.example+00000000+AQAB")

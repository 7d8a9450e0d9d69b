"""Claim checks: what the store and the references hold, and what is not taken for a payload."""

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    SerializationContext,
    StorageDriverStoreContext,
    StorageDriverWorkflowInfo,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from adapters.postgres.errors import unavailable
from adapters.temporal.external_storage import resolve, with_external_storage
from adapters.temporal.payload_driver import NAME, PayloadDriver
from assay_temporal.codec import ENCODING, EncryptingCodec, OnUnauthenticated, UnauthenticatedPayload
from assay_temporal.data_converter import encrypted
from domain.identity import tenant_of_run
from domain.refusals import Kind, Refusal
from tests.doubles.clock import FixedClock
from tests.doubles.keys import FixedKeyRing
from tests.doubles.stores import MemoryPayloads

ACME = "inf.acme." + "a" * 32
GLOBEX = "inf.globex." + "a" * 32
THRESHOLD = 10_000
CANARY = "a canary in a payload"
LARGE = CANARY * 1000


def workflow(workflow_id: str = ACME, namespace: str = "assay") -> WorkflowSerializationContext:
    return WorkflowSerializationContext(namespace=namespace, workflow_id=workflow_id)


def stage(*, local: bool) -> ActivitySerializationContext:
    return ActivitySerializationContext(
        namespace="assay",
        workflow_id=ACME,
        workflow_type="w",
        activity_type="a",
        activity_id="1",
        activity_task_queue="assay",
        is_local=local,
    )


@dataclass
class Bench:
    """A converter over a store that tests can look into."""

    store: MemoryPayloads = field(default_factory=lambda: MemoryPayloads(FixedClock()))
    refused: list[int] = field(default_factory=list)
    mode: OnUnauthenticated = OnUnauthenticated.RAISE
    patience: float = 0.0

    def __post_init__(self) -> None:
        ring = FixedKeyRing("acme", "globex", "system")
        codec = EncryptingCodec(
            ring,
            tenant_of=tenant_of_run,
            fallback_tenant="system",
            on_unauthenticated=self.mode,
            refused=lambda: self.refused.append(1),
        )
        self.driver = PayloadDriver(
            self.store, tenant_of=tenant_of_run, fallback_tenant="system", patience=self.patience
        )
        self.converter = with_external_storage(encrypted(codec), self.driver, THRESHOLD)

    def at(self, context: SerializationContext) -> DataConverter:
        target = StorageDriverWorkflowInfo(namespace="assay", id=ACME)
        return self.converter._with_contexts(context, StorageDriverStoreContext(target=target))

    async def stored(self) -> Payload:
        """A reference to a payload of ACME's."""
        [reference] = await self.at(workflow()).encode([LARGE])
        return reference


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_large_payloads_go_out_and_come_back(bench: Bench) -> None:
    values = ["small", LARGE, {"prompt": LARGE}]
    payloads = await bench.at(workflow()).encode(values)
    assert [len(payload.SerializeToString()) < 1000 for payload in payloads] == [True] * 3
    assert len(bench.store.stored) == 2
    assert await bench.at(workflow()).decode(payloads) == values


async def test_a_small_payload_never_meets_the_store(bench: Bench) -> None:
    bench.store.outage = unavailable()
    payloads = await bench.at(workflow()).encode([CANARY])
    assert payloads[0].metadata["encoding"] == ENCODING
    assert await bench.at(workflow()).decode(payloads) == [CANARY]


async def test_a_reference_says_nothing_but_where(bench: Bench) -> None:
    reference = await bench.stored()
    [digest] = bench.store.stored
    assert json.loads(reference.data) == {"driverName": NAME, "claimData": {"sha256": digest.hex()}}
    assert set(reference.metadata) == {"encoding", "messageType"}


async def test_the_store_gets_what_the_codec_made_and_no_plaintext(bench: Bench) -> None:
    await bench.stored()
    [(_, workflow_id, content)] = bench.store.stored.values()
    assert workflow_id == ACME
    assert CANARY.encode() not in content
    assert b"json/plain" not in content
    assert Payload.FromString(content).metadata["encoding"] == ENCODING


async def test_equal_payloads_have_different_names(bench: Bench) -> None:
    assert (await bench.stored()).data != (await bench.stored()).data
    assert len(bench.store.stored) == 2


def _truncated(content: bytes) -> bytes:
    return content[:-1]


def _flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def _nothing(content: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [_truncated, _flipped, _nothing])
async def test_a_stored_payload_that_was_changed_is_refused(bench: Bench, damage: Any) -> None:
    reference = await bench.stored()
    [(digest, (at, owner, content))] = bench.store.stored.items()
    bench.store.stored[digest] = (at, owner, damage(content))
    with pytest.raises(UnauthenticatedPayload):
        await bench.at(workflow()).decode([reference])
    assert bench.refused == [1]


async def test_another_payload_of_the_same_workflow_in_its_place_is_refused(bench: Bench) -> None:
    reference = await bench.stored()
    [mine] = bench.store.stored
    await bench.stored()
    [other] = set(bench.store.stored) - {mine}
    bench.store.stored[mine] = bench.store.stored[other]
    with pytest.raises(UnauthenticatedPayload):
        await bench.at(workflow()).decode([reference])


@pytest.mark.parametrize("elsewhere", [workflow(GLOBEX), workflow("inf.acme." + "b" * 32), workflow(ACME, "other")])
async def test_a_reference_that_was_moved_opens_nothing(bench: Bench, elsewhere: SerializationContext) -> None:
    reference = await bench.stored()
    with pytest.raises(UnauthenticatedPayload):
        await bench.at(elsewhere).decode([reference])


async def test_a_stored_plaintext_is_refused_even_under_its_right_name(bench: Bench) -> None:
    plain = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(LARGE).encode())
    for content in (plain.SerializeToString(), b"\xff no payload at all"):
        digest = await bench.store.put("acme", ACME, content)
        with pytest.raises(UnauthenticatedPayload):
            await bench.at(workflow()).decode([_reference(claim={"sha256": digest.hex()})])


def _reference(driver: object = NAME, claim: object = None, **metadata: bytes) -> Payload:
    data = json.dumps({"driverName": driver, "claimData": claim or {}}).encode()
    kind = b"temporal.api.sdk.v1.ExternalStorageReference"
    return Payload(metadata={"encoding": b"json/protobuf", "messageType": kind, **metadata}, data=data)


STRANGE = {
    "lost": _reference(claim={"sha256": "0" * 64}),
    "no claim": _reference(),
    "another claim": _reference(claim={"sha256": "../../etc/passwd"}),
    "another driver": _reference("aws.s3driver", {"key": "k"}),
    "a driver that is no text": _reference(7),
    "no JSON": Payload(metadata=_reference().metadata, data=b"\xff{"),
    "the older form": Payload(metadata={"encoding": b"json/external-storage-reference"}, data=b'{"driver_name": 1}'),
    "marked": _reference(__temporal_external_storage_reference=b"true"),
    "marked and nothing else": Payload(metadata={"__temporal_external_storage_reference": b"true"}),
}


@pytest.mark.parametrize("name", STRANGE)
async def test_a_strangers_reference_is_refused_as_any_plaintext_is(bench: Bench, name: str) -> None:
    with pytest.raises(UnauthenticatedPayload):
        await bench.at(stage(local=False)).decode([STRANGE[name]])
    lenient = Bench(mode=OnUnauthenticated.READ_AS_NULL)
    assert await lenient.at(workflow()).decode([STRANGE[name]]) == [None]
    assert lenient.refused


async def test_a_store_that_is_away_is_neither_a_forgery_nor_final(bench: Bench) -> None:
    reference = await bench.stored()
    bench.store.outage = unavailable()
    for call in (bench.at(workflow()).encode([LARGE]), bench.at(workflow()).decode([reference])):
        with pytest.raises(ApplicationError) as failed:
            await call
        assert (failed.value.type, failed.value.non_retryable) == ("store-unavailable", False)
    assert bench.refused == []


async def test_a_store_that_comes_back_soon_is_waited_for() -> None:
    bench = Bench(patience=30.0)
    reference = await bench.stored()
    for call in (bench.at(workflow()).encode([LARGE]), bench.at(workflow()).decode([reference])):
        bench.store.outage = unavailable()
        waiting = asyncio.create_task(call)
        while not bench.store.asked_in_vain:
            await asyncio.sleep(0)
        bench.store.outage, bench.store.asked_in_vain = None, 0
        assert await waiting


async def test_a_store_that_refuses_is_not_asked_again() -> None:
    bench = Bench(patience=30.0)
    bench.store.outage = Refusal(Kind.INTERNAL, "no such function")
    with pytest.raises(ApplicationError) as failed:
        await bench.stored()
    assert failed.value.type == "internal"
    assert bench.store.asked_in_vain == 1


async def test_what_a_local_activity_is_given_stays_inline_and_what_it_gives_does_not(bench: Bench) -> None:
    [given] = await bench.at(stage(local=True)).encode([LARGE])
    assert given.metadata["encoding"] == ENCODING
    assert bench.store.stored == {}

    async def inside() -> Payload:
        [result] = await bench.at(stage(local=True)).encode([LARGE])
        return result

    result = await ActivityEnvironment().run(inside)
    assert len(result.SerializeToString()) < 1000
    assert await bench.at(stage(local=True)).decode([given, result]) == [LARGE, LARGE]


async def test_what_a_regular_activity_is_given_goes_into_the_store(bench: Bench) -> None:
    [given] = await bench.at(stage(local=False)).encode([LARGE])
    assert len(given.SerializeToString()) < 1000


async def test_a_codec_server_resolves_references_and_leaves_the_rest(bench: Bench) -> None:
    small, large = await bench.at(workflow()).encode([CANARY, LARGE])
    strange = STRANGE["another driver"]
    found = await resolve(bench.driver, [small, large, strange])
    assert (found[0], found[2]) == (small, strange)
    [decoded] = await bench.converter.payload_codec.decode([found[1]])
    assert json.loads(decoded.data) == LARGE


async def test_random_references_never_raise_anything_else(bench: Bench) -> None:
    for _ in range(200):
        noise = Payload(metadata=_reference().metadata, data=secrets.token_bytes(40))
        with pytest.raises(UnauthenticatedPayload):
            await bench.at(workflow()).decode([noise])

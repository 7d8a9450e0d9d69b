"""Runs with an outcome that no checkpoint covers yet, as the policy requires."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.inference.inferences import shown
from api.inference.run_views import RunView, running
from assay_temporal.contracts import Answer, InferenceResult, Receipt
from domain.inference.runs import Status
from domain.records.fields import OutcomeFields
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Kind, Refusal
from services.log.checkpoint_wait import CheckpointWait
from tests.doubles.clock import FixedClock
from tests.doubles.events import new_event_id
from tests.doubles.ledger import MemoryLedger
from tests.doubles.log.store import MemoryProofs
from tests.doubles.principals import principal

RUN = "inf.acme." + "a" * 32
CALLER = principal("acme", "someone", "app", frozenset(), "c" * 32)


class Edge:
    """A run that has ended, recorded in a log."""

    def __init__(self) -> None:
        self.ledger, self.event = MemoryLedger(FixedClock()), new_event_id()
        self.proofs = MemoryProofs(self.ledger)
        receipt = Receipt(str(self.event), "00" * 32, "statement")
        result = InferenceResult(
            id=RUN, status="completed", decision="allow", result=Answer("Paris.", "m", "stop"), receipt=receipt
        )
        self.view = RunView(RUN, Status.COMPLETED, result)

    async def record(self) -> None:
        await self.ledger.append(
            Record(self.event, "acme", EventKind.COMPLETED, datetime.now(UTC), OutcomeFields(), EncryptedFields())
        )
        self.proofs.sequence()

    async def shown(self, view: RunView | None = None, *, sealed: bool) -> RunView:
        policy = SimpleNamespace(policy=SimpleNamespace(for_tenant=lambda _: SimpleNamespace(sealed=sealed)))
        provided = SimpleNamespace(checkpoints=CheckpointWait(self.proofs, asyncio.Event()), policy=policy)
        return await shown(cast("Any", provided), CALLER, view or self.view)


@pytest.mark.parametrize("sealed", [False, True])
async def test_a_sealed_outcome_is_shown_with_its_proof(sealed: bool):
    edge = Edge()
    await edge.record()
    edge.proofs.seal("acme")
    view = await edge.shown(sealed=sealed)
    assert view.body()["receipt"]["proof"].startswith("c2sp.org/tlog-proof@v1\n")
    assert view.body()["result"]["content"] == "Paris."


async def test_where_replies_are_to_be_sealed_an_unsealed_outcome_is_not_shown():
    edge = Edge()
    await edge.record()
    assert await edge.shown(sealed=True) == running(RUN)
    assert await edge.shown(sealed=False) == edge.view
    edge.proofs.outage = Refusal(Kind.STORE_UNAVAILABLE, "the database can't be reached")
    assert await edge.shown(sealed=True) == running(RUN)
    assert await edge.shown(sealed=False) == edge.view


async def test_what_has_no_receipt_is_shown_as_it_is():
    edge = Edge()
    cancelled = RunView(RUN, Status.CANCELLED)
    assert await edge.shown(cancelled, sealed=True) == cancelled
    assert await edge.shown(running(RUN), sealed=True) == running(RUN)

"""A receipt's merge delay is verified against the log: only its holder can detect some removals."""

from collections.abc import Mapping
from typing import Any

import pytest

from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from adapters.vault.signer import VaultSigner
from cli.wiring.log_verification import verify_merge_delay
from domain.records.records import Record
from services.verification.merge_delay import BROKEN, INCLUDED, PROMISED, SEALED
from services.verification.receipts import ReceiptInvalid
from tests.security.log.scene import SIZES, LogScene


class Receipts:
    """Signs receipts as a worker does."""

    def __init__(self, session: ServiceSession) -> None:
        self._signer = VaultSigner(session, VaultPublicKeys(session))

    async def of(self, scene: LogScene, record: Record, **changes: Any) -> Mapping[str, Any]:
        digest = await scene.owner.connection.fetchval(
            "SELECT digest FROM assay.record WHERE event_id = $1", record.event_id
        )
        claims = {
            "iss": "urn:assay",
            "jti": str(record.event_id),
            "sub": record.workflow_id,
            "tenant": record.tenant,
            "outcome": record.kind.value,
            "record_digest": digest.hex(),
            "within": 60,
            **changes,
        }
        statement = await self._signer.sign("receipt-signing", "assay-receipt+jwt", claims)
        return {"event_id": claims["jti"], "record_digest": claims["record_digest"], "statement": statement}


@pytest.fixture
def receipts(worker_session: ServiceSession) -> Receipts:
    return Receipts(worker_session)


async def promise(scene: LogScene, receipt: Mapping[str, Any]) -> tuple[str, int | None]:
    found = await verify_merge_delay(scene.session, scene.stack.settings, receipt)
    return found.state, found.seq


async def test_a_receipt_goes_from_promised_to_sealed(scene: LogScene, receipts: Receipts) -> None:
    (record,) = await scene.append("acme")
    receipt = await receipts.of(scene, record)
    assert await promise(scene, receipt) == (PROMISED, None)
    await scene.writer.sequence()
    assert await promise(scene, receipt) == (INCLUDED, SIZES["acme"])
    await scene.writer.sign()
    assert await promise(scene, receipt) == (SEALED, SIZES["acme"])


@pytest.mark.parametrize(("within", "expected"), [(60, BROKEN), (120, PROMISED)])
async def test_an_event_that_waits_too_long_is_a_broken_promise(
    scene: LogScene, receipts: Receipts, within: int, expected: str
) -> None:
    (record,) = await scene.append("acme")
    await scene.run("UPDATE assay.pending SET added_at = now() - interval '90 seconds'")
    assert await promise(scene, await receipts.of(scene, record, within=within)) == (expected, None)


async def test_an_event_removed_before_it_was_in_the_tree_is_found_by_its_receipt_alone(
    scene: LogScene, receipts: Receipts
) -> None:
    (record,) = await scene.append("acme")
    receipt = await receipts.of(scene, record)
    for table in ("record", "pending"):
        await scene.run(f"DELETE FROM assay.{table} WHERE event_id = $1", record.event_id)  # noqa: S608 - ours
    await scene.append("acme", 2)
    await scene.grow()
    assert (await scene.verify()).holds, "what never was in the tree leaves no trace there"
    assert await promise(scene, receipt) == (BROKEN, None)


async def test_an_event_that_was_replaced_is_a_broken_promise(scene: LogScene, receipts: Receipts) -> None:
    (record,) = await scene.append("acme")
    receipt = await receipts.of(scene, record)
    digest = await scene.owner.forge_record(record.event_id)
    await scene.run("UPDATE assay.pending SET digest = $1", digest)
    await scene.grow()
    assert (await scene.verify()).holds, "it was changed before it was in the tree"
    assert await promise(scene, receipt) == (BROKEN, SIZES["acme"])


async def test_a_leaf_beside_the_signed_tree_is_no_proof(scene: LogScene, receipts: Receipts) -> None:
    (record,) = await scene.append("acme")
    receipt = await receipts.of(scene, record)
    await scene.grow()
    await scene.owner.swap(("acme", 4), ("acme", SIZES["acme"]))
    await scene.owner.rebuild("acme")
    assert await promise(scene, receipt) == (BROKEN, 4)


@pytest.mark.parametrize("change", [{"jti": "x"}, {"tenant": None}, {"record_digest": "00"}, {"within": "soon"}])
async def test_a_receipt_that_says_something_else_is_refused_or_broken(
    scene: LogScene, receipts: Receipts, change: dict[str, Any]
) -> None:
    (record,) = await scene.append("acme")
    receipt = await receipts.of(scene, record, **change)
    try:
        state, _ = await promise(scene, receipt)
    except ReceiptInvalid:
        assert change.keys() & {"jti", "within"}
    else:
        assert state == BROKEN


async def test_a_receipt_by_another_key_is_refused(scene: LogScene, receipts: Receipts) -> None:
    (record,) = await scene.append("acme")
    receipt = dict(await receipts.of(scene, record))
    head, body, signature = receipt["statement"].split(".")
    receipt["statement"] = f"{head}.{body}.{signature[::-1]}"
    with pytest.raises(ReceiptInvalid):
        await promise(scene, receipt)

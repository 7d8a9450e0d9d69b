"""Recording of refusals: what happens to them while something is away."""

import asyncio
import json
from dataclasses import replace
from uuid import UUID

import pytest

from domain.records.encrypted_rows import from_bytes, to_bytes
from domain.records.spool import SpoolUnavailable
from domain.refusals import Kind
from services.refusals.drops import Drop
from tests.doubles.edge import PERSON, SOURCE, EdgeOverDoubles, eventually


async def test_a_refusal_gets_into_the_log_and_leaves_the_spool():
    edge = EdgeOverDoubles()
    async with edge.running():
        edge.offer()
        edge.offer(Kind.FORBIDDEN, PERSON)
        await eventually(lambda: len(edge.log.rows) == 2 and not edge.disk.entries)
    of_nobody, of_person = sorted(edge.log.rows.values(), key=lambda row: row.tenant, reverse=True)
    assert (of_nobody.tenant, of_nobody.subject, of_nobody.kind) == ("system", None, "refused")
    assert of_nobody.open_fields() == {
        "refusal": "missing-token", "method": "POST", "route": "/v1/x", "status": 401,
        "content_mac": of_nobody.content_mac.hex(),
    }  # fmt: skip
    assert (of_person.tenant, of_person.open_fields()["caller"]) == ("acme", PERSON.caller)
    assert of_person.subject_key is not None


async def test_refusals_wait_in_the_spool_while_the_store_is_away_also_for_the_next_process():
    edge = EdgeOverDoubles(singles=20)
    edge.log.away = True
    async with edge.running():
        for _ in range(15):
            edge.offer()
        await eventually(lambda: len(edge.disk.entries) == 15)
    await edge.die()
    again = edge.restarted()
    again.log.away = False
    async with again.running():
        await eventually(lambda: not edge.disk.entries)
    assert len(edge.log.rows) == 15
    assert not edge.dropped
    assert not again.dropped


async def test_what_was_appended_but_not_removed_before_the_end_is_appended_once():
    edge = EdgeOverDoubles()
    edge.offer()
    async with edge.running():
        await eventually(lambda: bool(edge.log.rows))
    [row] = edge.log.rows.values()
    edge.disk.entries[edge.disk.next_place] = to_bytes(row)
    await edge.die()
    again = edge.restarted()
    async with again.running():
        await eventually(lambda: not edge.disk.entries)
    assert len(edge.log.rows) == 1
    assert edge.log.repeats == 1


async def test_nothing_personal_lies_in_the_spool():
    edge = EdgeOverDoubles()
    edge.log.away = True
    async with edge.running():
        edge.offer()
        edge.offer(Kind.FORBIDDEN, PERSON)
        await eventually(lambda: len(edge.disk.entries) == 2)
    written = b"".join(edge.disk.entries.values())
    for personal in (PERSON.subject, PERSON.client_id, SOURCE):
        assert personal.encode() not in written


async def test_a_full_spool_drops_the_newest_and_tells_how_many_once_there_is_room():
    edge = EdgeOverDoubles(singles=100)
    edge.disk.max_bytes = 5000
    edge.log.away = True
    async with edge.running():
        for _ in range(50):
            edge.offer()
        await eventually(lambda: edge.dropped.total() + len(edge.disk.entries) == 50)
        lost = edge.dropped[Drop.SPOOL_FULL]
        assert 0 < lost < 50
        edge.recorder.tick()  # there is no room for the count either
        await eventually(lambda: len(edge.disk.entries) == 50 - lost)
        edge.log.away = False
        await eventually(lambda: not edge.disk.entries)
        edge.clock.advance(11)
        edge.recorder.tick()
        await eventually(lambda: bool(edge.rows(drops=True)))
    [told] = edge.rows(drops=True)
    fields = told.open_fields()
    assert (told.tenant, told.kind) == ("system", "refused")
    assert (fields["decision"], fields["rules"], fields["count"]) == ("dropped", ["spool-full"], lost)
    assert fields["first_at"] <= fields["last_at"]
    assert edge.dropped == {"spool-full": lost}, "the count's own drop is not counted"
    assert edge.recorded() == 50 - lost


async def test_a_flood_becomes_a_few_records_that_add_up():
    edge = EdgeOverDoubles(singles=3)
    async with edge.running():
        for _ in range(5000):
            edge.offer()
        edge.clock.advance(60)
        edge.recorder.tick()
        await eventually(lambda: edge.recorded() == 5000)
    assert len(edge.log.rows) == 4
    [summary] = [row.open_fields() for row in edge.rows() if "count" in row.open_fields()]
    assert summary["count"] == 4997
    assert (summary["refusal"], summary["route"], summary["status"]) == ("missing-token", "/v1/x", 401)
    assert "method" not in summary


async def test_refusals_about_nobody_do_not_wait_for_those_about_persons_whose_keys_are_away():
    edge = EdgeOverDoubles(singles=2000)
    edge.subjects.away = True
    async with edge.running():
        for _ in range(500):
            edge.offer(Kind.FORBIDDEN, PERSON)
        edge.offer()
        await eventually(lambda: len(edge.log.rows) == 1)
        edge.subjects.away = False
        await eventually(lambda: len(edge.log.rows) == 501)
    assert not edge.dropped


async def test_while_keys_are_away_a_bounded_number_waits_and_the_rest_is_counted():
    edge = EdgeOverDoubles(singles=5000)
    edge.ring.away = True
    async with edge.running():
        edge.offer()
        await asyncio.sleep(0)
        await eventually(lambda: edge.recorder._outbox._lanes[False].blocked)
        for _ in range(2000):
            edge.offer()
        assert 900 < edge.dropped[Drop.KEY_UNAVAILABLE] < 1200
        assert not edge.disk.entries
        edge.ring.away = False
        await eventually(lambda: edge.recorded() + edge.dropped.total() == edge.offered)
    assert set(edge.dropped) == {"key-unavailable"}


async def test_a_tenant_whose_key_was_erased_has_nothing_recorded_and_is_counted():
    edge = EdgeOverDoubles()
    edge.subjects.gone = frozenset({"acme"})
    async with edge.running():
        edge.offer(Kind.FORBIDDEN, PERSON)
        await eventually(lambda: edge.dropped == {"key-erased": 1})


async def test_a_person_who_was_erased_meanwhile_is_counted_with_a_reason_of_its_own():
    edge = EdgeOverDoubles()
    edge.log.away = True
    async with edge.running():
        edge.offer(Kind.FORBIDDEN, PERSON)
        edge.offer()
        await eventually(lambda: len(edge.disk.entries) == 2)
        rows = [json.loads(content) for content in edge.disk.entries.values()]
        edge.log.erased = {UUID(row["subject_key"]) for row in rows if row["subject_key"]}
        edge.log.away = False
        await eventually(lambda: not edge.disk.entries)
    assert edge.dropped == {"key-erased": 1}
    assert len(edge.log.rows) == 1


async def test_without_a_spool_what_the_store_takes_is_recorded_and_the_rest_counted():
    edge = EdgeOverDoubles(singles=100)
    edge.spool.outage = SpoolUnavailable("no disk")
    async with edge.running():
        edge.offer()
        await eventually(lambda: len(edge.log.rows) == 1)
        edge.log.away = True
        edge.offer()
        await eventually(lambda: edge.dropped == {"spool-unavailable": 1})


@pytest.mark.parametrize("damage", [b"", b"{}"])
async def test_a_damaged_entry_stops_no_other(damage: bytes):
    edge = EdgeOverDoubles()
    edge.disk.entries[0] = damage
    async with edge.running():
        edge.offer()
        await eventually(lambda: len(edge.log.rows) == 1 and not edge.disk.entries)
    assert edge.dropped == {"damaged": 1}


async def test_an_event_recorded_with_other_content_is_rejected_and_stops_no_other():
    edge = EdgeOverDoubles()
    edge.log.away = True
    async with edge.running():
        edge.offer()
        edge.offer()
        await eventually(lambda: len(edge.disk.entries) == 2)
        row = from_bytes(edge.disk.entries[1])
        edge.log.rows[row.event_id] = replace(row, content_mac=bytes(32))
        edge.log.away = False
        await eventually(lambda: not edge.disk.entries)
    assert edge.dropped == {"rejected": 1}
    assert len(edge.log.rows) == 2


async def test_offering_waits_for_nothing_while_the_disk_hangs():
    edge = EdgeOverDoubles(singles=5000)
    hangs = asyncio.Event()

    async def put(_: object) -> int:
        await hangs.wait()
        return 0

    edge.spool.put = put
    async with edge.running():
        for _ in range(300):
            edge.offer()
            await asyncio.sleep(0)
        for _ in range(2000):
            edge.offer()
        assert set(edge.dropped) == {"waiting-full"}
        edge.recorder.close()
    assert edge.dropped[Drop.STOPPED] == 1000


async def test_an_orderly_end_spools_everything_summaries_too():
    edge = EdgeOverDoubles(singles=2)
    async with edge.running():
        for _ in range(10):
            edge.offer()
        await edge.recorder.drain(5)
        assert edge.recorded() == 10
        edge.log.away = True
        for _ in range(10):
            edge.offer(Kind.INVALID_TOKEN)
        await edge.recorder.drain(0.2)
    edge.recorder.close()
    assert not edge.dropped
    await edge.die()
    again = edge.restarted()
    again.log.away = False
    async with again.running():
        await eventually(lambda: again.recorded() == 20)


async def test_what_can_not_even_be_spooled_at_the_end_is_counted():
    edge = EdgeOverDoubles(singles=5)
    edge.ring.away = True
    async with edge.running():
        for _ in range(9):
            edge.offer()
        await edge.recorder.drain(0.05)
    edge.recorder.close()
    assert edge.dropped == {"stopped": 9}


async def test_what_is_settled_but_can_not_be_removed_is_not_delivered_or_counted_again():
    edge = EdgeOverDoubles()
    edge.disk.entries |= {0: b"damaged", 1: b"damaged"}
    failures = iter([SpoolUnavailable("no disk")] * 5)
    remove = edge.spool.remove

    async def remove_at_last(places: list[int]) -> None:
        if failure := next(failures, None):
            raise failure
        await remove(places)

    edge.spool.remove = remove_at_last
    async with edge.running():
        edge.offer()
        await eventually(lambda: not edge.disk.entries)
    assert edge.dropped == {"damaged": 2}
    assert edge.log.repeats == 0

"""One record a person, run and window: the same ID and content within it, others beyond it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.access.principals import Role
from domain.access.sessions import SessionClaims
from domain.records.access_events import WINDOW_SECONDS, decoded_record, session_record, window_start_ms
from domain.records.records import EventKind, repeatable_content
from tests.doubles.principals import principal

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALICE = principal("acme", "alice", "console", frozenset({Role.AUDITOR}), "a" * 32)
RUN, OTHER_RUN = "inf.acme." + "a" * 32, "inf.acme." + "b" * 32


def test_a_window_is_five_minutes_of_the_clock():
    assert WINDOW_SECONDS == 300
    first = int(START.timestamp()) * 1000
    assert window_start_ms(START) == window_start_ms(START + timedelta(seconds=299.999)) == first
    assert window_start_ms(START + timedelta(seconds=300)) == first + 300_000
    assert window_start_ms(START - timedelta(milliseconds=1)) == first - 300_000


def test_repeats_within_a_window_are_the_same_event_with_the_same_content():
    first = decoded_record(ALICE, RUN, START)
    later = decoded_record(ALICE, RUN, START + timedelta(seconds=299))
    assert later.event_id == first.event_id
    assert repeatable_content(later) == repeatable_content(first)
    with_another_role = replace(ALICE, roles=frozenset({Role.ADMIN}))
    assert repeatable_content(decoded_record(with_another_role, RUN, START)) == repeatable_content(first)


@pytest.mark.parametrize(
    "other",
    [
        decoded_record(ALICE, RUN, START + timedelta(seconds=WINDOW_SECONDS)),
        decoded_record(ALICE, OTHER_RUN, START),
        decoded_record(replace(ALICE, caller="b" * 32), RUN, START),
        decoded_record(replace(ALICE, tenant="globex"), RUN, START),
    ],
    ids=["later", "another run", "another person", "another tenant"],
)
def test_another_window_run_or_person_is_another_event(other):
    assert other.event_id != decoded_record(ALICE, RUN, START).event_id


def test_a_record_says_who_read_which_run_and_names_them_only_in_its_sealed_part():
    record = decoded_record(ALICE, RUN, START)
    assert (record.kind, record.tenant, record.workflow_id) == (EventKind.PAYLOAD_DECODED, "acme", RUN)
    assert record.fields.caller == ALICE.caller
    assert (record.sealed.subject, record.sealed.client_id) == ("alice", "console")
    assert "alice" not in str(record.fields)


def test_a_ticket_opens_one_session_whenever_it_is_used():
    claims = SessionClaims(ALICE, "a-name", START)
    first = session_record(claims, START)
    again = session_record(claims, START + timedelta(seconds=30))
    assert again.event_id == first.event_id
    assert repeatable_content(again) == repeatable_content(first)
    assert session_record(replace(claims, jti="another"), START).event_id != first.event_id
    assert first.fields.roles == ("auditor",)

"""Identities are the same for ever: known values, pinned. A change breaks runs, quotas and records that exist."""

from uuid import UUID

import pytest

from domain.identity import (
    RUN_ID,
    attempt_id,
    caller_hash,
    content_mac,
    earlier_attempt,
    event_id,
    run_id,
    tenant_of_run,
)

KEY = bytes(range(32))


def test_the_hash_of_a_caller_is_known():
    assert caller_hash(KEY, "acme", "app", "alice", issuer=None) == "e53dd504ed0fd852bd6cd8341ac8fbb7"


def test_the_hash_of_another_issuers_caller_is_known():
    made = caller_hash(KEY, "acme", "app", "alice", issuer="https://idp.example")
    assert made == "8de752527531b06994f6201ce53aa84b"


def test_the_id_of_a_run_is_known():
    assert run_id(KEY, "acme", "caller", "order-17") == "inf.acme.db3uflvip5ahml5hrdajns7fwgva6nbc"


def test_the_id_of_an_event_is_known():
    assert event_id(1_700_000_000_000, "acme", "inf.acme.x", "run", "admission") == UUID(
        "018bcfe5-6800-71ee-b157-66733a44cec0"
    )


def test_the_mac_of_a_record_is_known():
    assert content_mac(KEY, b"content").hex() == "cd6d325ab8f39ad63b39e151a393e3686fa7ae03d67bb6a8cdbb1c30abb481f3"


def test_parts_that_join_to_the_same_text_differ():
    assert caller_hash(KEY, "acme", "ab", "c", issuer=None) != caller_hash(KEY, "acme", "a", "bc", issuer=None)
    assert event_id(1, "acme", "ab", "c", "outcome") != event_id(1, "acme", "a", "bc", "outcome")


def test_every_part_and_the_key_matter():
    parts = ["acme", "caller", "key"]
    made = {run_id(KEY, *parts), run_id(bytes(32), *parts)}
    made |= {run_id(KEY, *(f"{part}x" if place == at else part for at, part in enumerate(parts))) for place in range(3)}
    assert len(made) == 5


def test_an_event_is_a_uuid_of_version_7_with_its_time():
    made = event_id(1_700_000_000_123, "acme", "workflow", "run", "outcome")
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == 1_700_000_000_123


def test_events_of_one_run_differ_by_slot():
    slots = ["admission", "hold", "decision/1", "decision/2", "outcome"]
    assert len({event_id(1, "acme", "workflow", "run", slot) for slot in slots}) == len(slots)


def test_a_run_names_its_tenant():
    made = run_id(KEY, "acme-2", "caller", "key")
    assert RUN_ID.match(made)
    assert tenant_of_run(made) == "acme-2"


TAG = "a" * 32


@pytest.mark.parametrize(
    "public_id",
    [
        "",
        "inf",
        "inf.acme",
        "inf.acme.short",
        f"inf.ACME.{TAG}",
        f"inf..{TAG}",
        f"inf.acme.{TAG}a",
        f"inf.acme.{TAG}\n",
        f"inf.acme.{'1' * 32}",
        f"x.acme.{TAG}",
        f" inf.acme.{TAG}",
    ],
)
def test_what_is_no_run_has_no_tenant(public_id: str):
    assert tenant_of_run(public_id) is None


def test_an_attempt_has_its_number_and_names_the_one_before():
    first = f"inf.acme.{'a' * 32}"
    assert [attempt_id(first, number) for number in (1, 2, 10)] == [first, f"{first}.2", f"{first}.10"]
    assert [earlier_attempt(attempt_id(first, number)) for number in (1, 2, 3, 10)] == [
        None, first, f"{first}.2", f"{first}.9",
    ]  # fmt: skip
    assert tenant_of_run(f"{first}.2") == "acme"


@pytest.mark.parametrize("tail", [".1", ".0", ".02", ".100", ".", ".2.3", ".x", ".-2", ".2\n", " .2"])
def test_other_tails_make_no_run_of_it(tail: str):
    text = f"inf.acme.{'a' * 32}{tail}"
    assert (tenant_of_run(text), earlier_attempt(text)) == (None, None)

"""The text of an API key, its checksum, and its states."""

import os
import re
import zlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access.api_keys import (
    KEY_PATTERN,
    KeyState,
    KeyTimes,
    is_key_like,
    key_hash,
    key_id_of,
    new_key,
    visible_prefix,
)
from domain.access.principals import Role
from domain.access.roles import narrowed_roles
from tests.doubles.clock import START

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
YEAR = timedelta(days=365)


@given(st.binary(min_size=8, max_size=8), st.binary(min_size=32, max_size=32))
def test_a_key_has_the_form_that_scanners_know_and_its_own_id(of_id: bytes, of_secret: bytes):
    made = new_key(lambda count: of_id if count == 8 else of_secret)
    assert re.fullmatch(KEY_PATTERN, made.text)
    assert key_id_of(made.text) == made.id
    assert made.text.startswith(visible_prefix(made.id))
    value = 0
    for character in made.text[6 + 11 : -6]:
        value = value * 62 + BASE62.index(character)
    assert value == int.from_bytes(of_secret, "big")


def test_256_random_bits_are_the_secret_and_64_the_id():
    asked: list[int] = []
    new_key(lambda count: asked.append(count) or os.urandom(count))
    assert sorted(asked) == [8, 32]


def test_the_checksum_is_crc_32_in_base62():
    text = new_key(lambda count: bytes(range(count))).text
    value = 0
    for character in text[-6:]:
        value = value * 62 + BASE62.index(character)
    assert value == zlib.crc32(text[:-6].encode())


@given(st.integers(6, 65), st.sampled_from(BASE62))
def test_no_key_with_one_wrong_character_passes_its_checksum(at: int, other: str):
    text = new_key(lambda count: bytes(range(100, 100 + count))).text
    changed = text[:at] + other + text[at + 1 :]
    assert (key_id_of(changed) is None) == (changed != text)


@pytest.mark.parametrize(
    "garbage",
    ["", "assay_", "assay_" + "0" * 60, "assay_" + "a" * 8000, "ASSAY_" + "0" * 60, "assay_" + "é" * 60, "assay_\0"],
)
def test_garbage_is_no_key(garbage: str):
    assert key_id_of(garbage) is None


@pytest.mark.parametrize("around", [" {}", "{} ", "{}\n", "x{}", "{}x", "{}\0"])
def test_a_key_stands_alone(around: str):
    text = new_key(os.urandom).text
    assert key_id_of(around.format(text)) is None


def test_no_access_token_is_taken_for_a_key():
    assert not is_key_like("eyJhbGciOiJFZERTQSJ9.e30.AA")
    assert is_key_like(new_key(os.urandom).text)


def test_keys_are_not_shown_where_values_are():
    made = new_key(os.urandom)
    assert made.text not in repr(made)


def test_a_hash_depends_on_every_character_and_on_the_key():
    text = new_key(os.urandom).text
    hashes = {key_hash(b"k" * 32, text), key_hash(b"l" * 32, text), key_hash(b"k" * 32, text[:-1] + "!")}
    assert {len(one) for one in hashes} == {32}
    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("times", "after", "state"),
    [
        ({}, timedelta(0), KeyState.ACTIVE),
        ({}, timedelta(days=30), KeyState.EXPIRED),
        ({}, timedelta(days=30) - timedelta(seconds=1), KeyState.ACTIVE),
        ({"ends_at": START + timedelta(hours=1)}, timedelta(minutes=59), KeyState.REPLACED),
        ({"ends_at": START + timedelta(hours=1)}, timedelta(hours=1), KeyState.EXPIRED),
        ({"revoked_at": START}, timedelta(0), KeyState.REVOKED),
        ({"revoked_at": START}, timedelta(days=40), KeyState.REVOKED),
    ],
)
def test_a_key_has_one_state_at_a_time(times: dict[str, object], after: timedelta, state: KeyState):
    life = KeyTimes(START, START + timedelta(days=30), **times)
    assert life.state(START + after, YEAR) is state


def test_a_shorter_longest_life_ends_keys_that_exist():
    life = KeyTimes(START, START + timedelta(days=30))
    assert life.state(START + timedelta(days=8), timedelta(days=7)) is KeyState.EXPIRED
    assert life.state(START, timedelta(0)) is KeyState.EXPIRED


@pytest.mark.parametrize("role", Role)
def test_a_key_has_the_operators_role_or_none(role: Role):
    everything = frozenset(Role)
    assert narrowed_roles(frozenset({role}), everything) == ({role} if role is Role.AI_OPERATOR else set())


def test_a_key_has_no_role_that_its_client_lost():
    assert narrowed_roles(("ai_operator",), ()) == frozenset()
    assert narrowed_roles((), ("ai_operator",)) == frozenset()

"""The search finds what it is for, in every form, whatever stands around it."""

import base64
import json
import secrets
from urllib.parse import quote

import pytest

from tests.security.needles import Canaries, Search, forms


@pytest.fixture
def canaries() -> Canaries:
    made = Canaries()
    made.text("prompt")
    made.word("key", "sk-proj-")
    return made


def test_the_forms_of_a_canary_differ(canaries: Canaries) -> None:
    names = set(forms(canaries.planted["prompt"]).values())
    assert {"plain", "JSON, ASCII", "JSON", "JSON in JSON", "plain, hex", "plain, URL", "plain, form"} <= names
    assert {f"JSON, ASCII, base64+{skipped}" for skipped in range(3)} <= names
    assert {"UTF-16, le", "UTF-16, be", "plain, HEX", "plain, path"} <= names


@pytest.mark.parametrize("name", ["prompt", "key"])
def test_a_canary_is_found_in_each_form(canaries: Canaries, name: str) -> None:
    search = Search(canaries.mark, canaries.planted)
    canary = canaries.planted[name]
    for needle, form in forms(canary).items():
        assert form in search.found_in(b"..." + needle + b"...")[name]


@pytest.mark.parametrize("before", range(5))
@pytest.mark.parametrize("encode", [str, json.dumps, lambda text: json.dumps(json.dumps(text))])
def test_a_canary_is_found_inside_whatever_is_encoded(canaries: Canaries, before: int, encode: object) -> None:
    search = Search(canaries.mark, canaries.planted)
    inside = ("x" * before + str(encode(canaries.planted["prompt"])) + "yz").encode()
    for text in (inside, base64.b64encode(inside), base64.urlsafe_b64encode(inside), inside.hex().encode()):
        assert "prompt" in search.found_in(text)
    assert "prompt" in search.found_in(quote(inside, safe="").encode())


def test_a_canary_that_was_cut_is_found_by_its_mark(canaries: Canaries) -> None:
    search = Search(canaries.mark, canaries.planted)
    assert search.found_in(canaries.mark.encode()) == {"a canary, cut or changed": {"mark"}}


def test_a_secret_without_a_mark_is_found(canaries: Canaries) -> None:
    secret = secrets.token_bytes(32)
    search = Search(canaries.mark, {**canaries.planted, "key of bytes": secret})
    assert search.found_in(b"..." + secret.hex().encode()) == {"key of bytes": {"plain, hex"}}
    assert search.found_in(secrets.token_bytes(1000)) == {}
    assert search.holders({"a": b"", "b": secret, "c": canaries.planted["key"].encode()}) == {
        "b": ["key of bytes"],
        "c": ["key"],
    }

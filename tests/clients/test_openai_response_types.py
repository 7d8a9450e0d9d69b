"""The committed list of the SDK's fields of responses against the installed package."""

import json

import pytest

from tests.clients.openai_response_types import FILE, fields_of_sdk

pytest.importorskip("openai", reason="the clients' packages have an environment of their own")


def test_the_list_of_fields_is_that_of_the_installed_sdk() -> None:
    assert fields_of_sdk() == json.loads(FILE.read_text(encoding="utf-8"))

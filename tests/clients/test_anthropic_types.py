"""The committed list of the SDK's fields against the installed package."""

import json

import pytest

from tests.clients.anthropic_types import FILE, fields_of_sdk

pytest.importorskip("anthropic", reason="the clients' packages have an environment of their own")


def test_the_list_of_fields_is_that_of_the_installed_sdk() -> None:
    assert fields_of_sdk() == json.loads(FILE.read_text(encoding="utf-8"))

"""Unit tests need nothing: no server, no socket."""

import socket
from typing import Any, NoReturn

import pytest

from adapters.system.policy_files import load_policy_document
from domain.policy.document import Policy, parse_policy
from tests.paths import ROOT

POLICIES = ROOT / "policies"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("a unit test must not connect to anything")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)


@pytest.fixture(scope="session")
def policy_document() -> bytes:
    """The shipped policy, as one document."""
    return load_policy_document(POLICIES, {})


@pytest.fixture(scope="session")
def policy(policy_document: bytes) -> Policy:
    """The shipped policy."""
    return parse_policy(policy_document)

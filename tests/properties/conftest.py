"""Properties are of the shipped policy."""

from pathlib import Path

import pytest

from adapters.system.policy_files import load_policy_document
from domain.policy.document import Policy, parse_policy


@pytest.fixture(scope="session")
def shipped_policy() -> Policy:
    """The policy in ``policies/``."""
    return parse_policy(load_policy_document(Path(__file__).resolve().parents[2] / "policies", {}))

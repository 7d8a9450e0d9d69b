"""Properties are of the shipped policy."""

import pytest

from adapters.system.policy_files import load_policy_document
from domain.policy.document import Policy, parse_policy
from tests.paths import ROOT


@pytest.fixture(scope="session")
def shipped_policy() -> Policy:
    """The policy in ``policies/``."""
    return parse_policy(load_policy_document(ROOT / "policies", {}))

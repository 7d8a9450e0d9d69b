"""Fixtures of the adapters' tests."""

from tests.adapters.archive.archives import past  # noqa: F401 - a fixture
from tests.adapters.stack import (  # noqa: F401 - fixtures
    api_pool,
    api_session,
    auditor_pool,
    everybody_serves_again,
    operator_pool,
    operator_session,
    reader_pool,
    sequencer_pool,
    sequencer_session,
    stack,
    worker_session,
    writer_pool,
)

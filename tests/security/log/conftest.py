"""A database of these tests' own: they verify all logs that are in it."""

from tests.adapters.stack import api_pool, api_session, operator_session, stack, worker_session  # noqa: F401 - fixtures
from tests.security.log.scene import scene, written  # noqa: F401 - fixtures

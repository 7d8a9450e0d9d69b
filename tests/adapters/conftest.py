"""Fixtures of the adapters' tests."""

from tests.adapters.archive.archives import past  # noqa: F401 - a fixture

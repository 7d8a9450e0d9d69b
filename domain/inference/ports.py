"""Ports of model providers and of large payloads. As in ``domain.ports``, any method may raise ``Refusal``."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from domain.inference.models import ModelAnswer, ModelCall


class ModelProvider(Protocol):
    """Providers of models: of one wire format, or of all."""

    async def complete(self, call: ModelCall) -> ModelAnswer:
        """Ask once, without retries.

        Raises:
            ProviderFailure: by class of error.
        """
        ...


class PayloadStore(Protocol):
    """Large payloads of workflows, encrypted already, by content hash. What is read is to be checked against it."""

    async def put(self, tenant: str, workflow_id: str, content: bytes) -> bytes:
        """Keep a content of the workflow's; give its SHA-256. A repeat keeps it for longer."""
        ...

    async def get(self, digest: bytes) -> bytes | None:
        """The content of that hash, or None."""
        ...

    async def old_workflows(self, older_than: timedelta, after: str, most: int) -> Sequence[str]:
        """Workflows with contents stored that long ago: in the order of their IDs, ``most`` of those beyond ``after``.

        Raises:
            Refusal: INTERNAL if ``older_than`` is less than four days: such runs may still be open.
        """
        ...

    async def purge(self, older_than: timedelta, workflow_ids: Sequence[str]) -> int:
        """Remove contents of these workflows that were stored that long ago; give how many were removed.

        Raises:
            Refusal: INTERNAL as above.
        """
        ...

"""Binding of a client's headers to the workflow called.

Temporal encodes headers of a client (a tracing plugin's, say) without passing the workflow's context to the codec, but
decodes them with it. So an interceptor keeps the workflow's ID during a client's call, and a codec without a context
takes it from there.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Interceptor,
    OutboundInterceptor,
    QueryWorkflowInput,
    SignalWorkflowInput,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
    StartWorkflowUpdateWithStartInput,
    WorkflowHandle,
    WorkflowUpdateHandle,
)
from temporalio.converter import (
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from assay_temporal.codec import EncryptingCodec

_addressee: ContextVar[str | None] = ContextVar("assay_header_addressee", default=None)


class PlacingCodec(PayloadCodec, WithSerializationContext):
    """The codec without a context: payloads for a workflow are bound to it nevertheless."""

    def __init__(self, codec: EncryptingCodec, namespace: str) -> None:
        """Take the codec, and the namespace of the client."""
        self._codec = codec
        self._namespace = namespace

    @property
    def placed(self) -> EncryptingCodec:
        """Return the codec itself."""
        return self._codec

    def with_context(self, context: SerializationContext) -> PayloadCodec:  # type: ignore[override] # the codec itself
        """Return the codec for payloads of ``context``."""
        return self._codec.with_context(context)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt, for the workflow that a client is calling, if any."""
        workflow_id = _addressee.get()
        if workflow_id is None:
            return await self._codec.encode(payloads)
        context = WorkflowSerializationContext(namespace=self._namespace, workflow_id=workflow_id)
        return await self._codec.with_context(context).encode(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt, whatever the payloads are bound to."""
        return await self._codec.decode(payloads)


class AddressedHeaders(Interceptor):
    """Keeps the ID of the workflow that a client is calling."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - Temporal's signature
        """See ``temporalio.client.Interceptor``."""
        return _Addressing(next)


class _Addressing(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002 - theirs
        with _addressed_to(input.id):
            return await super().start_workflow(input)

    async def query_workflow(self, input: QueryWorkflowInput) -> Any:  # noqa: A002, ANN401 - theirs
        with _addressed_to(input.id):
            return await super().query_workflow(input)

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002 - theirs
        with _addressed_to(input.id):
            await super().signal_workflow(input)

    async def start_workflow_update(
        self,
        input: StartWorkflowUpdateInput,  # noqa: A002 - theirs
    ) -> WorkflowUpdateHandle[Any]:
        with _addressed_to(input.id):
            return await super().start_workflow_update(input)

    async def start_update_with_start_workflow(
        self,
        input: StartWorkflowUpdateWithStartInput,  # noqa: A002 - theirs
    ) -> WorkflowUpdateHandle[Any]:
        with _addressed_to(input.start_workflow_input.id):
            return await super().start_update_with_start_workflow(input)


@contextmanager
def _addressed_to(workflow_id: str) -> Iterator[None]:
    token = _addressee.set(workflow_id)
    try:
        yield
    finally:
        _addressee.reset(token)

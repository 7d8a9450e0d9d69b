"""Queries of workflows that are not answered."""

from typing import Any

from temporalio.worker import (
    HandleQueryInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

_REFUSED = frozenset({"__enhanced_stack_trace"})
"""Its answer has the whole source of every module on the stack, read from disk: each query would put a payload of some
360 kB into the store. ``__stack_trace`` has names and line numbers, and is encrypted like any payload."""


class RefusedQueries(Interceptor):
    """Refuses built-in queries with costly answers."""

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002 - the SDK's
        """See ``Interceptor``."""
        del input
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    async def handle_query(self, input: HandleQueryInput) -> Any:  # noqa: A002, ANN401 - the SDK's
        """See ``WorkflowInboundInterceptor``."""
        if input.query in _REFUSED:
            raise RuntimeError("this query is not answered")
        return await super().handle_query(input)

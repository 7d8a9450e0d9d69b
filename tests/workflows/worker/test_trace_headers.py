"""Headers that a client's interceptor sets (a trace context) reach the workflow, encrypted and bound to it."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.client import OutboundInterceptor, StartWorkflowInput
from temporalio.converter import DefaultPayloadConverter, WorkflowSerializationContext
from temporalio.worker import Interceptor as WorkerInterceptor
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowInboundInterceptor

from adapters.temporal.client import TemporalConnection
from assay_temporal.codec import ENCODING
from config.settings import TemporalSettings

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SEEN: list[Mapping[str, Payload]] = []


class Traces(ClientInterceptor, WorkerInterceptor):
    """A tracing interceptor reduced to its header."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - theirs
        return TracingOutbound(next)

    def workflow_interceptor_class(self, input: Any) -> type[WorkflowInboundInterceptor]:  # noqa: A002 - theirs
        return TracingInbound


class TracingOutbound(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> Any:  # noqa: A002 - theirs
        input.headers = {**input.headers, "traceparent": DefaultPayloadConverter().to_payload(TRACE)}
        return await super().start_workflow(input)


class TracingInbound(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: Any) -> Any:  # noqa: A002 - theirs
        SEEN.append(input.headers)
        return await super().execute_workflow(input)


@workflow.defn
class Echoes:
    @workflow.run
    async def run(self, text: str) -> str:
        return text


@pytest.fixture
async def connected(environment):
    env, keyring = environment
    settings = TemporalSettings(
        address=env.client.service_client.config.target_host, namespace=env.client.namespace, task_queue="traced"
    )
    return await TemporalConnection(settings, interceptors=[Traces()]).client(keyring, None)


async def test_a_trace_header_reaches_the_workflow_and_is_ciphertext_in_the_history(connected):
    SEEN.clear()
    async with Worker(connected, task_queue="traced", workflows=[Echoes], workflow_runner=UnsandboxedWorkflowRunner()):
        handle = await connected.start_workflow(Echoes.run, "x", id="inf.acme.traced", task_queue="traced")
        assert await handle.result() == "x"
    assert [json.loads(seen["traceparent"].data) for seen in SEEN] == [TRACE]
    history = await handle.fetch_history()
    assert base64.b64encode(TRACE.encode()).decode()[4:-4] not in history.to_json()
    header = history.events[0].workflow_execution_started_event_attributes.header.fields["traceparent"]
    assert header.metadata["encoding"] == ENCODING


async def test_a_trace_header_is_bound_to_the_workflow_that_was_called(connected):
    handle = await connected.start_workflow(Echoes.run, "x", id="inf.acme.bound", task_queue="nobody-polls")
    [first, *_] = (await handle.fetch_history()).events
    header = first.workflow_execution_started_event_attributes.header.fields["traceparent"]
    await handle.terminate()
    codec = connected.data_converter.payload_codec

    async def read_by(workflow_id: str) -> bytes:
        context = WorkflowSerializationContext(namespace=connected.namespace, workflow_id=workflow_id)
        [payload] = await codec.with_context(context).decode([header])
        return payload.data

    assert json.loads(await read_by("inf.acme.bound")) == TRACE
    assert await read_by("inf.acme.other") == b""

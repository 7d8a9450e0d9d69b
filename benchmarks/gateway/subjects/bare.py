"""Bare Temporal at its best: one workflow with one trivial activity, no HTTP, worker and client in one process.

Unsandboxed, with eager start and eager activities, fixed slots, uvloop, nothing compressed: the minimum for any
workflow.
"""

import argparse
from datetime import timedelta
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.service import GrpcCompression
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerTuner

from benchmarks.gateway.load.generator import closed_loop
from benchmarks.tools.helper import Job, Jobs, serve_jobs

_QUEUE = "bare"
_PROMPT = "What is the capital of France?"


@activity.defn
async def echo(prompt: str) -> str:
    """Do nothing."""
    return prompt


@workflow.defn
class Bare:
    """Workflow with one activity."""

    @workflow.run
    async def run(self, prompt: str) -> str:
        """Return the activity's result."""
        return await workflow.execute_activity(echo, prompt, start_to_close_timeout=timedelta(seconds=10))


class _NotAtItsBestError(Exception):
    """A run did not have the expected form."""


async def run_once(client: Client) -> bool:
    """Run one workflow; return True if its first task came with the response to the start."""
    handle = await client.start_workflow(
        Bare.run, _PROMPT, id=f"bare-{uuid4()}", task_queue=_QUEUE, request_eager_start=True
    )
    if await handle.result() != _PROMPT:
        raise _NotAtItsBestError("a run gave a wrong answer")
    return bool(getattr(handle, "__temporal_eagerly_started", False))


async def _main(jobs: Jobs) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--namespace", required=True)
    arguments = parser.parse_args()
    client = await Client.connect(
        arguments.address, namespace=arguments.namespace, grpc_compression=GrpcCompression.NONE
    )
    tuner = WorkerTuner.create_fixed(workflow_slots=32, activity_slots=64, local_activity_slots=64)
    async with Worker(
        client,
        task_queue=_QUEUE,
        workflows=[Bare],
        activities=[echo],
        workflow_runner=UnsandboxedWorkflowRunner(),
        tuner=tuner,
    ):
        eager = 0

        async def caller() -> None:
            nonlocal eager
            eager += await run_once(client)

        async def measure(job: Job) -> Job:
            nonlocal eager
            eager = 0
            latencies, seconds = await closed_loop([caller] * job["callers"], job["requests"])
            return {"latencies_ms": latencies, "seconds": seconds, "eager": eager / job["requests"]}

        jobs.ready()
        await jobs.work(measure)


if __name__ == "__main__":
    serve_jobs(_main)

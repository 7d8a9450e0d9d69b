"""The textbook design's process: a small FastAPI route that starts the workflow, and a worker with default settings.

Both in one process, as Assay's are. No authentication, no limits, no encryption, no records.
"""

import argparse
import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field
from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks.gateway.subjects import textbook_activities as stages
from benchmarks.gateway.subjects.textbook_workflow import Predict
from benchmarks.tools.helper import Job, Jobs, serve_jobs

_QUEUE = "textbook"


class Ask(BaseModel):
    """Body of a request."""

    prompt: str = Field(min_length=1, max_length=32_000)
    temperature: float = 0.7


class Answered(BaseModel):
    """Body of a response."""

    id: str
    result: str


def build_app(client: Client) -> FastAPI:
    """Return the application: one route."""
    app = FastAPI()

    @app.post("/predict")
    async def predict(ask: Ask) -> Answered:
        run = f"predict-{uuid4()}"
        asked = stages.Prediction(ask.prompt, ask.temperature)
        found = await client.execute_workflow(Predict.run, asked, id=run, task_queue=_QUEUE)
        return Answered(id=run, result=found.answer)

    return app


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: the process ends with its standard input."""
        yield


async def _main(jobs: Jobs) -> None:
    parser = argparse.ArgumentParser()
    for name in ("--address", "--namespace", "--model-url"):
        parser.add_argument(name, required=True)
    arguments = parser.parse_args()
    client = await Client.connect(arguments.address, namespace=arguments.namespace)
    model = stages.Model(arguments.model_url)
    short = [stages.validate, stages.sanitise, stages.screen, stages.admit, stages.screen_output, stages.close]
    server = _Server(uvicorn.Config(build_app(client), log_config=None, access_log=False, lifespan="off"))
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        async with Worker(client, task_queue=_QUEUE, workflows=[Predict], activities=[*short, model.invoke]):
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            jobs.ready(port=listening.getsockname()[1])
            await jobs.work(_nothing)
            server.should_exit = True
            await serving
    await model.close()


async def _nothing(_: Job) -> Job:
    return {}


if __name__ == "__main__":
    serve_jobs(_main)

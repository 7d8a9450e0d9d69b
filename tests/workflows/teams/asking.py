"""Workflows of a team, for tests: in a module of their own, so that the sandbox loads what such a module would."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import NexusOperationError

from assay_temporal import AssayError, Denied, InferenceCall, ask, ask_for_answer
from assay_temporal.nexus import AssayService, NexusStart


class Question(BaseModel):
    """An argument that Temporal's own converter would not read back."""

    texts: frozenset[str]


@dataclass
class Outcome:
    """Result of an attempt."""

    status: str
    kind: str | None = None


@workflow.defn
class Asks:
    """Asks once."""

    @workflow.run
    async def run(self, prompt: str) -> Outcome:
        result = await ask(InferenceCall("fake", prompt=prompt))
        return Outcome(result.status, result.problem.kind if result.problem else None)


@workflow.defn
class AsksModels:
    """Asks at once whatever it is given, and takes a pydantic model for it."""

    @workflow.run
    async def run(self, question: Question) -> list[str]:
        calls = [ask(InferenceCall("fake", prompt=text)) for text in sorted(question.texts)]
        return [result.id for result in await asyncio.gather(*calls)]


@workflow.defn
class GivesUp:
    """Asks, and waits no longer than a second."""

    @workflow.run
    async def run(self, prompt: str) -> str:
        try:
            async with asyncio.timeout(1):
                await ask(InferenceCall("fake", prompt=prompt))
        except TimeoutError:
            return "gave up"
        return "answered"


@workflow.defn
class Catches:
    """Takes what is raised for an answer."""

    @workflow.run
    async def run(self, prompt: str) -> Outcome:
        try:
            answer = await ask_for_answer(InferenceCall("fake", prompt=prompt))
        except Denied as denied:
            return Outcome(denied.result.status, denied.kind)
        except AssayError as error:
            return Outcome("no answer", error.kind)
        return Outcome(answer.content)


@workflow.defn
class AsksTheImpossible:
    """Asks what JSON can't say."""

    @workflow.run
    async def run(self) -> None:
        await ask(InferenceCall("fake", prompt="\ud800"))


@workflow.defn
class CallsTheEndpoint:
    """Calls Assay's Nexus endpoint itself, with a start of its own making."""

    @workflow.run
    async def run(self, start: NexusStart, seconds: int) -> str:
        client = workflow.create_nexus_client(service=AssayService, endpoint="assay")
        try:
            result = await client.execute_operation(
                AssayService.infer, start, schedule_to_close_timeout=timedelta(seconds=seconds)
            )
        except NexusOperationError as error:
            return type(error.cause).__name__
        return result.problem.kind if result.problem else result.status

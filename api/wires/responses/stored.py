"""Stored responses of a caller: as objects, and as the beginning of a further conversation."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from api.inference.inference_services import InferenceServices
from api.inference.inferences import shown
from api.inference.run_views import RunView
from api.inference.stored_runs import StoredRun
from api.wires.responses.ids import item_of, run_of
from api.wires.responses.objects import ResponseRun
from api.wires.responses.outputs import output_of
from assay_temporal.contracts import Answer
from domain.access.principals import Principal
from domain.inference.bodies.values import wrong
from domain.refusals import Kind, Refusal

MOST_REFERENCES: Final = 64
"""Responses that the items of one request may refer to."""


def missing(field: str | None = None) -> Refusal:
    """Return the refusal for a response that is unknown, another caller's, not kept or deleted."""
    return Refusal(Kind.NOT_FOUND, "there is no such response for this caller", field=field)


class StoredResponses:
    """Stored responses of one caller."""

    def __init__(self, inference: InferenceServices, caller: Principal) -> None:
        """Take the services and the caller."""
        self._inference = inference
        self._caller = caller

    async def run(self, response: str) -> StoredRun:
        """Return the run of a response by its ID.

        Raises:
            Refusal: NOT_FOUND; and what is wrong with the engine or a store.
        """
        public_id = run_of(response)
        if public_id is None:
            raise missing()
        try:
            return await self._inference.stored.own(public_id, self._caller)
        except Refusal as refusal:
            raise missing() if refusal.kind is Kind.NOT_FOUND else refusal from None

    async def view(self, run: StoredRun) -> RunView:
        """Return the present state of a run."""
        return await shown(self._inference, self._caller, await self._inference.runs.read(run.id, self._caller))

    def as_response(self, run: StoredRun) -> ResponseRun:
        """Return a run as a response."""
        limits = self._inference.policy.policy.limits
        return ResponseRun(run.id, run.body, int(run.started_at.timestamp()), limits)

    async def conversation(self, response: str) -> list[dict[str, Any]]:
        """Return the messages of a response with its answer, without its instructions.

        Raises:
            Refusal: NOT_FOUND; INVALID_REQUEST for a response without an answer.
        """
        field = "previous_response_id"
        run, answer = await self._answered(response, field)
        messages = run.body["messages"][1 if run.body["response"].get("instructions") else 0 :]
        return [*messages, {"role": "assistant", "content": _content(answer)}]

    async def items(self, references: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Return output items of stored responses by their IDs.

        Args:
            references: the place of each ID in the request.

        Raises:
            Refusal: NOT_FOUND with the place; INVALID_REQUEST for too many.
        """
        wanted: dict[str, list[tuple[str, int]]] = {}
        for reference, place in references.items():
            found = item_of(reference, self._caller.tenant)
            if found is None:
                raise missing(place)
            wanted.setdefault(found[0], []).append((reference, found[1]))
        if len(wanted) > MOST_REFERENCES:
            raise wrong("input", f"may refer to at most {MOST_REFERENCES} responses")
        answers = await asyncio.gather(
            *(self._answered(public_id, references[named[0][0]]) for public_id, named in wanted.items())
        )
        items: dict[str, dict[str, Any]] = {}
        for (run, answer), named in zip(answers, wanted.values(), strict=True):
            output = output_of(run.id, answer, run.body["response"], "completed")
            for reference, at in named:
                if at >= len(output) or output[at]["id"] != reference:
                    raise missing(references[reference])
                items[reference] = output[at]
        return items

    async def _answered(self, response: str, field: str) -> tuple[StoredRun, Answer]:
        try:
            run = await self.run(response)
            view = await self.view(run)
        except Refusal as refusal:
            raise missing(field) if refusal.kind is Kind.NOT_FOUND else refusal from None
        answer = view.result.result if view.result is not None else None
        if answer is None:
            raise wrong(field, "names a response that has no answer, or not yet")
        return run, answer


def _content(answer: Answer) -> str | list[dict[str, Any]]:
    return [dict(part) for part in answer.parts] if answer.parts else answer.content

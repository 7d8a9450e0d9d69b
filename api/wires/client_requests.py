"""Requests in the clients' formats, as every route of these takes them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request

from api.dependencies import Inference
from api.http.body import beside_loop, read_json
from api.inference.inference_services import InferenceServices
from api.inference.inferences import SubmittedBody
from api.inference.run_views import RunView
from api.wires.dropped import recorded, require_droppable
from api.wires.errors import ClientWire
from api.wires.streams.writer import EventWriter
from domain.inference.carriers.hints import left_out
from domain.inference.parsing import parse_request
from domain.inference.requests import InferenceRequest
from domain.policy.document import Policy
from domain.refusals import Kind, Refusal


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A translated body, and the writers of its answer.

    Attributes:
        wire: its format, for errors.
        body: the body of ``POST /v1/inferences`` that says the same, not validated yet.
        ignored: names of what was dropped, as ``api.wires.dropped`` has them.
        named: returns a refusal of ``body`` with its field as the client named it.
        whole: returns the body of a whole answer. Raises a Refusal, INTERNAL, for a run without an answer.
        events: the writer of the stream that it asks for; None for a whole answer.
    """

    wire: ClientWire
    body: dict[str, Any]
    ignored: tuple[str, ...]
    named: Callable[[Refusal], Refusal]
    whole: Callable[[RunView], dict[str, Any]]
    events: EventWriter | None = None


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A client's request, and its body parsed under the policy to be pinned."""

    client: ClientRequest
    body: SubmittedBody


def parsed(client: ClientRequest, inference: InferenceServices) -> ParsedRequest:
    """Parse a translated body under the current policy. The signed body has the names of what was dropped.

    Raises:
        Refusal: INVALID_REQUEST, with the field as the client named it.
    """
    pinned = inference.policy
    require_droppable(client.ignored, pinned.policy.content)
    try:
        request = parse_request(client.body, pinned.policy.limits)
    except Refusal as refusal:
        raise client.named(refusal) from None
    client = replace(client, ignored=(*client.ignored, *_left_out(client, request, pinned.policy)))
    names = recorded(client.ignored)
    if not names:
        return ParsedRequest(client, SubmittedBody(client.body, request, pinned))
    body = {**client.body, "ignored": list(names)}
    return ParsedRequest(client, SubmittedBody(body, replace(request, ignored=names), pinned))


def _left_out(client: ClientRequest, request: InferenceRequest, policy: Policy) -> tuple[str, ...]:
    """Return the hints that the model's calls leave out, as the client named them."""
    model = policy.models.get(request.model)
    if model is None:
        return ()
    found = left_out(request, model, client.body.keys())
    return tuple(client.named(Refusal(Kind.INVALID_REQUEST, "", field=name)).field or name for name in found)


def parsed_by(read: Callable[[object], ClientRequest]) -> Callable[..., Awaitable[ParsedRequest]]:
    """Make a dependency that reads, translates and parses the body. A route names it after its caller."""

    async def dependency(request: Request, inference: Inference) -> ParsedRequest:
        sent = await read_json(request)
        client = await beside_loop(sent, read, sent)
        return await beside_loop(client.body, parsed, client, inference)

    return dependency

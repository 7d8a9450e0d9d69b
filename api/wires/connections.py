"""Connections of requests in the clients' formats: the run that each belongs to, and its end."""

from typing import Final

from fastapi import Request

from api.inference.inference_services import InferenceServices
from api.inference.run_views import RunView
from domain.access.principals import Principal
from domain.inference.runs import may_be_repeated
from domain.inference.submissions import BegunSubmission, Ending, RepeatSigns
from domain.refusals import Kind, Nature

SESSION_HEADERS: Final = ("x-claude-code-session-id", "session-id", "thread-id", "x-session-id")
"""Headers by which agents name their session: Claude Code, Codex (two of them), opencode."""
RETRY_HEADER: Final = "x-stainless-retry-count"
"""Header in which SDKs of OpenAI and Anthropic count repeats, from 0."""
_MOST_DIGITS: Final = 4


def repeat_signs(request: Request, *, streamed: bool) -> RepeatSigns:
    """Return the signs of a repeat in the headers. A count that is no number counts as none."""
    given = request.headers.get(RETRY_HEADER, "")
    retries = int(given) if given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS else 0
    name = next((name for name in SESSION_HEADERS if request.headers.get(name)), None)
    return RepeatSigns(streamed, retries, None if name is None else f"{name}:{request.headers[name]}")


async def begin(
    request: Request, caller: Principal, inference: InferenceServices, policy: str, digest: str, *, streamed: bool
) -> BegunSubmission:
    """Return the run of a request without a key of its own: a new one, or that of the request it repeats.

    Args:
        policy, digest: hashes of the policy and of the translated body.

    Raises:
        Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
    """
    begun = await inference.submissions.begin(caller, policy, digest, repeat_signs(request, streamed=streamed))
    request.state.begun = begun
    if begun.run.joined:
        request.app.state.metrics.joined.inc()
    return begun


async def note(request: Request, inference: InferenceServices, ending: Ending | None = None) -> None:
    """Note that the connection still waits, or its end. Nothing for a request with a key of its own."""
    begun: BegunSubmission | None = getattr(request.state, "begun", None)
    if begun is not None:
        await inference.submissions.note(begun, ending)


def ending_of(view: RunView) -> Ending:
    """Return the end of a connection that was given this state of its run."""
    refusal = view.refusal
    if view.running:
        return Ending.CUT
    if refusal is None:
        return Ending.ANSWERED
    if refusal.kind is Kind.RUN_CANCELLED:
        return Ending.WITHDRAWN
    failed = refusal.kind.nature is Nature.FAULT or may_be_repeated(view.status, refusal.kind)
    return Ending.FAILED if failed else Ending.REFUSED

"""Response objects of OpenAI's responses API, made of a run: of its signed body, its start and its outcome alone.

So every process makes the same object, whenever it is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from api.inference.run_views import RunView
from api.wires.errors import ERRORS, ClientWire, RunOfError, error_content
from api.wires.responses.ids import response_id
from api.wires.responses.outputs import output_of
from api.wires.responses.tools import name_within
from api.wires.run_members import assay_member
from assay_temporal.contracts import TokenUsage
from domain.inference.requests import RequestLimits
from domain.inference.runs import Status
from domain.refusals import Kind, Refusal

_REASONS: Final = MappingProxyType({"length": "max_output_tokens", "content_filter": "content_filter"})
"""Reasons of an incomplete response, by the answer's."""
_CODES: Final = MappingProxyType({429: "rate_limit_exceeded", 500: "server_error", 503: "server_error"})
_OWN_CODES: Final = MappingProxyType(
    {Kind.QUOTA_SPENT: "insufficient_quota", Kind.CONTEXT_EXCEEDED: "context_length_exceeded"}
)
_DENIED: Final = "invalid_prompt"
"""The code on which clients stop and repeat nothing."""


@dataclass(frozen=True, slots=True)
class ResponseRun:
    """A run as a response: its ID, its signed body, and its start in epoch seconds.

    ``limits`` has the values of what the body leaves open.
    """

    id: str
    body: Mapping[str, Any]
    created: int
    limits: RequestLimits

    @property
    def kept(self) -> Mapping[str, Any]:
        """Members of the body for this API."""
        kept: Mapping[str, Any] = self.body.get("response", {})
        return kept


def response_object(run: ResponseRun, view: RunView) -> dict[str, Any]:
    """Return the response in its present state, with the run's body in the member ``assay``."""
    made = begun_object(run)
    if view.running:
        return made
    if (refusal := view.refusal) is not None:
        cancelled = view.status is Status.CANCELLED
        made["status"] = "cancelled" if cancelled else "failed"
        made["error"] = None if cancelled else response_error(refusal, view)
    elif (result := view.result) is not None and (answer := result.result) is not None:
        reason = _REASONS.get(answer.finish_reason)
        made["status"] = "completed" if reason is None else "incomplete"
        made["incomplete_details"] = None if reason is None else {"reason": reason}
        made["model"] = answer.model
        made["output"] = output_of(run.id, answer, run.kept, made["status"])
    if view.result is not None:
        made["usage"] = _usage(view.result.usage)
    made["assay"] = assay_member(view)
    return made


def begun_object(run: ResponseRun) -> dict[str, Any]:
    """Return the response as it is while its run has no outcome."""
    body, kept = run.body, run.kept
    previous = kept.get("previous")
    return {
        "id": response_id(run.id),
        "object": "response",
        "created_at": run.created,
        "completed_at": None,
        "status": "in_progress",
        "background": kept.get("background", False),
        "error": None,
        "incomplete_details": None,
        "instructions": body["messages"][0]["content"] if kept.get("instructions") else None,
        "max_output_tokens": body.get("max_tokens"),
        "max_tool_calls": None,
        "model": body["model"],
        "output": [],
        "parallel_tool_calls": not body.get("one_tool_call", False),
        "previous_response_id": None if previous is None else response_id(previous),
        "prompt_cache_key": body.get("cache_key"),
        "reasoning": {name: body.get("reasoning", {}).get(name) for name in ("effort", "summary")},
        "safety_identifier": body.get("end_user"),
        "service_tier": "default",
        "store": kept.get("store", True),
        "temperature": body.get("temperature", run.limits.default_temperature),
        "text": {"format": _format(body.get("response_format")), **_verbosity(body)},
        "tool_choice": _choice(body.get("tool_choice"), kept),
        "tools": _tools(body.get("tools", ()), kept),
        "top_logprobs": 0,
        "top_p": body.get("top_p", 1.0),
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "truncation": "disabled",
        "usage": None,
        "user": None,
        "metadata": dict(body.get("metadata", {})),
    }


def response_error(refusal: Refusal, view: RunView) -> dict[str, str]:
    """Return the error of a failed response. Its message stands alone."""
    rules = view.problem.rules if view.problem is not None else ()
    said = error_content(ClientWire.RESPONSES, refusal, view.id, RunOfError(view.id, rules, {}))
    return {"code": error_code(refusal.kind), "message": said.message}


def error_code(kind: Kind | None) -> str:
    """Return the code for a kind of refusal. None: the run has not ended."""
    if kind is None:
        return _CODES[503]
    return _OWN_CODES.get(kind) or _CODES.get(ERRORS[ClientWire.RESPONSES][kind].status, _DENIED)


def _usage(usage: TokenUsage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def _format(wanted: Mapping[str, Any] | None) -> dict[str, Any]:
    if wanted is None:
        return {"type": "text"}
    named = {name: value for name, value in wanted.items() if name != "form"}
    if wanted["form"] == "json_schema":
        named = {"description": None, "strict": False, **named}
    return {"type": wanted["form"], **named}


def _verbosity(body: Mapping[str, Any]) -> dict[str, str]:
    return {"verbosity": body["verbosity"]} if "verbosity" in body else {}


def _choice(choice: Mapping[str, Any] | None, kept: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    if choice is None:
        return "auto"
    if choice["use"] != "named":
        return choice["use"]
    name = choice["name"]
    kind = "custom" if name in kept.get("custom", ()) else "function"
    return {"type": kind, **_named(name, kept.get("namespaces", {}).get(name))}


def _named(name: str, space: str | None) -> dict[str, str]:
    return {"name": name} if space is None else {"name": name_within(name, space), "namespace": space}


def _tools(tools: tuple[Mapping[str, Any], ...], kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tools as the client defined them, but for what was dropped."""
    made: list[dict[str, Any]] = []
    spaces: dict[str, dict[str, Any]] = {}
    for tool in tools:
        name = tool["name"]
        space = kept.get("namespaces", {}).get(name)
        define = _custom if name in kept.get("custom", ()) else _function
        if space is None:
            made.append(define(tool, name))
        else:
            if space not in spaces:
                spaces[space] = {"type": "namespace", "name": space, "description": "", "tools": []}
                made.append(spaces[space])
            spaces[space]["tools"].append(define(tool, name_within(name, space)))
    return made


def _custom(tool: Mapping[str, Any], name: str) -> dict[str, Any]:
    said = {"description": tool["description"]} if "description" in tool else {}
    return {"type": "custom", "name": name, **said, "format": {"type": "text"}}


def _function(tool: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "description": tool.get("description"),
        "parameters": tool.get("parameters"),
        "strict": tool.get("strict", False),
    }

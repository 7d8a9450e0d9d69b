"""Hints of Anthropic's requests: reasoning, the provider's cache, the identifier of the caller's user."""

from collections.abc import Mapping
from typing import Any, Final

from api.wires.members import drop_others, object_of
from api.wires.messages.blocks import Named, cache_of
from api.wires.messages.members import known_members
from domain.inference.bodies.values import wrong

_MODES: Final = ("enabled", "adaptive", "disabled")


def read_hints(given: Mapping[str, Any], ignored: Named) -> dict[str, Any]:
    """Return the fields of the body for reasoning and the user's identifier.

    Raises:
        Refusal: INVALID_REQUEST, with the field as the client named it.
    """
    found: dict[str, Any] = {}
    if reasoning := {**_thinking(given, ignored), **_effort(given)}:
        found["reasoning"] = reasoning
    about = object_of(given.get("metadata", {}), "metadata")
    drop_others(about, known_members("metadata"), "metadata", ignored)
    if about.get("user_id"):
        found["end_user"] = about["user_id"]
    return found


def _thinking(given: Mapping[str, Any], ignored: Named) -> dict[str, Any]:
    config = object_of(given.get("thinking", {}), "thinking")
    drop_others(config, known_members("thinking_config"), "thinking", ignored)
    if not config:
        return {}
    mode = config.get("type")
    if not isinstance(mode, str):
        raise wrong("thinking.type", "must be a string")
    if mode not in _MODES:  # newer releases have more of them
        ignored.add("thinking")
        return {}
    budget = config.get("budget_tokens")
    return {"mode": mode} if budget is None else {"mode": mode, "budget_tokens": budget}


def _effort(given: Mapping[str, Any]) -> dict[str, Any]:
    effort = object_of(given.get("output_config", {}), "output_config").get("effort")
    return {} if effort is None else {"effort": effort}


def cache_end(given: Mapping[str, Any], body: dict[str, Any], ignored: Named) -> None:
    """Mark the last block for the provider's cache, for a mark of the whole request."""
    time = cache_of(given, "", ignored)
    if not time or not body["messages"]:
        return
    last = body["messages"][-1]
    content = last["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if parts and parts[-1]["type"] != "opaque" and (parts[-1].get("text") or parts[-1]["type"] != "text"):
        last["content"] = [*parts[:-1], {**parts[-1], **time}]

"""Hints of a request that a call of a model leaves out: its format has no place for them, or the model accepts none."""

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from domain.inference.content import CacheTime, Message, ToolResult
from domain.inference.models import ModelEntry, ModelParameters, Wire
from domain.inference.requests import InferenceRequest, Reasoning

_Accepted = Callable[[ModelParameters], bool]
_ALWAYS: Final[_Accepted] = lambda _: True  # noqa: E731 - as the others
_SAMPLING: Final[Mapping[str, _Accepted]] = MappingProxyType(
    {
        "temperature": lambda accepts: accepts.temperature,
        "top_p": lambda accepts: accepts.top_p,
        "stop": lambda accepts: accepts.stop,
        "reasoning.effort": lambda accepts: accepts.effort,
        "end_user": lambda accepts: accepts.end_user is not None,
    }
)
_CARRIED: Final[Mapping[Wire, Mapping[str, _Accepted]]] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: MappingProxyType(
            {
                **_SAMPLING,
                "seed": lambda accepts: accepts.seed,
                "frequency_penalty": lambda accepts: accepts.penalties,
                "presence_penalty": lambda accepts: accepts.penalties,
                "logit_bias": lambda accepts: accepts.logit_bias,
                "verbosity": lambda accepts: accepts.verbosity,
                "cache_key": lambda accepts: accepts.cache_key,
            }
        ),
        Wire.ANTHROPIC_MESSAGES: MappingProxyType(
            {
                **_SAMPLING,
                "top_k": lambda accepts: accepts.temperature,
                "cache": _ALWAYS,
                "reasoning.mode": _ALWAYS,
                "reasoning.budget_tokens": _ALWAYS,
            }
        ),
    }
)
"""Hints that each format carries, with the test for a model's acceptance."""


def left_out(request: InferenceRequest, model: ModelEntry, given: Collection[str]) -> tuple[str, ...]:
    """Return the names of the hints that a call of the model leaves out, sorted.

    Args:
        request: the request.
        model: the model that it asks for.
        given: names of the body's fields: only a temperature that was given is a wish.
    """
    carried = _CARRIED[model.wire]
    asked = (name for name in _asked(request) if name != "temperature" or name in given)
    return tuple(sorted(name for name in asked if name not in carried or not carried[name](model.accepts)))


def _asked(request: InferenceRequest) -> Iterator[str]:
    for name in _PLAIN:
        if getattr(request, name) not in (None, ()):
            yield name
    reasoning = request.reasoning or Reasoning()
    for name in ("effort", "mode", "budget_tokens", "summary", "sealed"):
        if getattr(reasoning, name):
            yield f"reasoning.{name}"
    if any(_marks(request)):
        yield "cache"


_PLAIN: Final = (
    *("temperature", "top_p", "top_k", "stop", "seed", "frequency_penalty", "presence_penalty", "logit_bias"),
    *("verbosity", "cache_key", "end_user"),
)


def _marks(request: InferenceRequest) -> Iterator[CacheTime | None]:
    yield from (tool.cache for tool in request.tools)
    for message in request.messages:
        yield from _of_parts(message)


def _of_parts(holder: Message | ToolResult) -> Iterator[CacheTime | None]:
    for part in holder.content if isinstance(holder.content, tuple) else ():
        yield getattr(part, "cache", None)  # refusals and opaque items have no mark
        if isinstance(part, ToolResult):
            yield from _of_parts(part)

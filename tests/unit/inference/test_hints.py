"""Hints that a model's calls leave out, against the bodies that the formats' writers make."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.models.anthropic.requests import message_body
from adapters.models.openai_requests import body_of
from domain.inference.carriers.hints import left_out
from domain.inference.content import Message, RefusalPart, Speaker, TextPart, ToolCall, ToolResult
from domain.inference.models import ModelCall, ModelEntry, ModelParameters, Wire
from domain.inference.requests import (
    Effort,
    InferenceRequest,
    Reasoning,
    ReasoningMode,
    ReasoningSummary,
    Tool,
    Verbosity,
)

PLAIN = InferenceRequest("small", (Message(Speaker.USER, "Hello"),), 0.7, 64)
ENTRY = ModelEntry("small", "fake", "fake-1", "http://127.0.0.1:1/v1", "models/fake", 4096, 0.1, 0.2)
ALL = ModelParameters(
    images=True, logit_bias=True, effort=True, verbosity=True, cache_key=True, end_user="safety_identifier"
)
NONE = ModelParameters(temperature=False, top_p=False, seed=False, stop=False, penalties=False)
MARKED = (Message(Speaker.USER, (TextPart("Hello", cache="5m"),)),)
HINTS: dict[str, dict[str, Any]] = {
    "temperature": {"temperature": 0.1},
    "top_p": {"top_p": 0.5},
    "top_k": {"top_k": 5},
    "stop": {"stop": ("END",)},
    "seed": {"seed": 7},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "presence_penalty": {"presence_penalty": 0.5},
    "logit_bias": {"logit_bias": (("5", 1.0),)},
    "verbosity": {"verbosity": Verbosity.LOW},
    "cache_key": {"cache_key": "assay-1"},
    "end_user": {"end_user": "assay-2"},
    "reasoning.effort": {"reasoning": Reasoning(effort=Effort.HIGH)},
    "reasoning.mode": {"reasoning": Reasoning(mode=ReasoningMode.ADAPTIVE)},
    "reasoning.summary": {"reasoning": Reasoning(summary=ReasoningSummary.AUTO)},
    "reasoning.sealed": {"reasoning": Reasoning(sealed=True)},
    "cache": {"messages": MARKED},
}


@pytest.mark.parametrize("accepts", [ALL, NONE], ids=["all", "none"])
@pytest.mark.parametrize("wire", Wire)
@pytest.mark.parametrize("hint", HINTS)
def test_a_hint_is_named_exactly_if_the_body_is_the_same_without_it(hint: str, wire: Wire, accepts: ModelParameters):
    model = replace(ENTRY, wire=wire, accepts=accepts)
    write = message_body if wire is Wire.ANTHROPIC_MESSAGES else body_of
    without = replace(PLAIN, messages=(Message(Speaker.USER, (TextPart("Hello"),)),)) if hint == "cache" else PLAIN
    asked = replace(PLAIN, **HINTS[hint])
    same = write(ModelCall(model, asked, "c")) == write(ModelCall(model, without, "c"))
    assert (hint in left_out(asked, model, ["temperature"])) == same


def test_only_what_is_asked_for_is_named():
    assert left_out(PLAIN, replace(ENTRY, accepts=NONE), ["model"]) == ()
    both = replace(PLAIN, reasoning=Reasoning(mode=ReasoningMode.ENABLED, budget_tokens=2048))
    assert left_out(both, ENTRY, []) == ("reasoning.budget_tokens", "reasoning.mode")
    assert left_out(both, replace(ENTRY, wire=Wire.ANTHROPIC_MESSAGES), []) == ()


@pytest.mark.parametrize(
    "marked",
    [
        {"tools": (Tool("f", cache="1h"),)},
        {"messages": (Message(Speaker.ASSISTANT, (RefusalPart("no"), ToolCall("c", "f", "{}", cache="5m"))),)},
        {"messages": (Message(Speaker.TOOL, (ToolResult("c", (TextPart("x", cache="5m"),)),)),)},
    ],
)
def test_marks_are_found_wherever_they_are(marked: dict[str, Any]):
    assert left_out(replace(PLAIN, **marked), ENTRY, []) == ("cache",)

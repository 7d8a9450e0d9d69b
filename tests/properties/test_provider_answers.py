"""Any JSON from a provider: an answer or a known failure, and never more charged than a call can use."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from adapters.models.failures import status_failure
from adapters.models.openai_answers import Unusable, read_answer
from adapters.models.usage import most_prompt_tokens
from domain.inference.content import Message, Speaker
from domain.inference.models import ModelCall, ModelEntry, Usage
from domain.inference.requests import InferenceRequest, Tool
from domain.inference.token_estimates import estimate_tokens
from domain.refusals import Kind
from tests.adapters.models.test_model_openai import NOW

CONTEXT = 4096
ENTRY = ModelEntry("small", "fake", "fake-1", "http://127.0.0.1:1/v1", "models/fake", CONTEXT, 0, 0)
REQUEST = InferenceRequest("small", (Message(Speaker.USER, "Hello"),), 0.3, 64)
WITHOUT_TOOLS = ModelCall(ENTRY, REQUEST, "c")
WITH_TOOLS = ModelCall(ENTRY, replace(REQUEST, tools=(Tool("f"),)), "c")

NAMES = [
    "type",
    "text",
    "value",
    "content",
    "id",
    "function",
    "name",
    "arguments",
    "refusal",
    "error",
    "code",
    "message",
]
COUNTS = st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none(), st.integers(0, 99).map(str))
LEAVES = st.one_of(COUNTS, st.sampled_from(["text", "refusal", "content_filter", "function", "f", "\ud800"]))
ANY = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
)
USAGES = ANY | st.dictionaries(
    st.sampled_from(["prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "outputTokens", "tokens"]),
    COUNTS,
)
MESSAGES = ANY | st.fixed_dictionaries(
    {}, optional={"content": ANY, "refusal": ANY, "tool_calls": ANY, "function_call": ANY, "reasoning_content": ANY}
)
CHOICES = ANY | st.fixed_dictionaries(
    {}, optional={"message": MESSAGES, "delta": MESSAGES, "text": ANY, "finish_reason": ANY, "error": ANY}
)
DOCUMENTS = ANY | st.fixed_dictionaries(
    {},
    optional={"choices": ANY | st.lists(CHOICES, max_size=2), "usage": USAGES, "usageMetadata": USAGES, "error": ANY},
)
KNOWN = {
    Kind.PROVIDER_GARBLED,
    Kind.PROVIDER_FILTERED,
    Kind.UNREQUESTED_TOOL_CALL,
    Kind.CONTEXT_EXCEEDED,
    Kind.PROVIDER_REJECTED,
    Kind.PROVIDER_UNAVAILABLE,
    Kind.PROVIDER_RATE_LIMITED,
    Kind.PROVIDER_TIMEOUT,
}


def bounded(usage: Usage, call: ModelCall) -> bool:
    """Test the bounds of a usage. What is shown may be estimated above the limit on tokens."""
    prompt = max(estimate_tokens(call.request), most_prompt_tokens(call.request))
    return 0 <= usage.prompt_tokens <= prompt and 0 <= usage.completion_tokens <= CONTEXT


@given(document=DOCUMENTS)
@example(document={"choices": [{"message": {"content": [{"type": ["text"], "text": {}}]}}]})
def test_any_document_is_an_answer_or_a_known_failure(document: Any) -> None:
    body = json.dumps(document).encode()
    for call in (WITHOUT_TOOLS, WITH_TOOLS):
        try:
            answer = read_answer(body, call)
        except Unusable as unusable:
            failure = unusable.failure
            assert failure.kind in KNOWN
            assert failure.usage is None or bounded(failure.usage, call)
        else:
            assert bounded(answer.usage, call)
            assert answer.finish_reason
            json.dumps(str(answer.content)).encode()


@given(status=st.integers(300, 599), document=ANY | st.fixed_dictionaries({"error": ANY}))
def test_any_error_has_a_known_kind(status: int, document: Any) -> None:
    assert status_failure(status, {}, json.dumps(document).encode(), NOW).kind in KNOWN

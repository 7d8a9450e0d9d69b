"""Errors in the words of the common servers, written from their documentation and public reports: each has its kind."""

import json
from typing import Any

import pytest

from adapters.models.error_bodies import kind_of, parsed
from adapters.models.failures import status_failure
from domain.refusals import Kind
from tests.adapters.models.test_model_openai import NOW

TOO_LONG: dict[str, tuple[int, Any]] = {
    "openai": (
        400,
        {
            "error": {
                "message": "This model's maximum context length is 8192 tokens. However, you asked for 9001.",
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        },
    ),
    "openai, newer": (
        400,
        {"error": {"message": "Input tokens exceed the configured limit of 272000 tokens. Yours are 300000 tokens."}},
    ),
    "openai, one message": (400, {"error": {"code": "string_above_max_length", "message": "string too long"}}),
    "responses": (400, {"error": {"message": "Your input exceeds the context window of this model."}}),
    "vllm": (
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
            "type": "BadRequestError",
            "code": 400,
        },
    ),
    "vllm, decoder": (
        400,
        {"error": {"message": "The decoder prompt (length 9000) is longer than the maximum model length of 8192."}},
    ),
    "vllm, answer": (
        400,
        {"error": {"message": "'max_tokens' is too large: 5000. This model's maximum context length is 4096 tokens."}},
    ),
    "sglang": (
        400,
        {
            "error": {
                "message": "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
                "code": 400,
            }
        },
    ),
    "sglang, requested": (
        400,
        {"message": "Requested token count exceeds the model's maximum context length of 8192 tokens."},
    ),
    "llama.cpp": (
        400,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size, try increasing it",
                "type": "exceed_context_size_error",
            }
        },
    ),
    "llama.cpp, older": (
        500,
        {"error": {"code": 500, "message": "Context size has been exceeded.", "type": "server_error"}},
    ),
    "ollama": (400, {"error": "input length exceeds maximum context length"}),
    "ollama, compatible": (
        400,
        {"error": {"message": "the input length exceeds the context length", "type": "api_error"}},
    ),
    "tgi": (
        422,
        {
            "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 3000 and 20",
            "error_type": "validation",
        },
    ),
    "anthropic": (
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"},
        },
    ),
    "anthropic, answer": (
        400,
        {"error": {"message": "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"}},
    ),
    "anthropic, bytes": (413, {"type": "error", "error": {"type": "request_too_large", "message": "Request exceeds"}}),
    "bedrock": (400, {"message": "Input is too long for requested model."}),
    "litellm": (
        400,
        {
            "error": {
                "message": "litellm.ContextWindowExceededError: OpenAIException - too long",
                "type": None,
                "param": None,
                "code": "400",
            }
        },
    ),
    "mistral": (
        400,
        {
            "object": "error",
            "message": "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
            "type": "invalid_request_error",
            "code": "3051",
        },
    ),
    "groq": (
        400,
        {
            "error": {
                "message": "Please reduce the length of the messages or completion.",
                "code": "context_length_exceeded",
            }
        },
    ),
    "gemini": (
        400,
        [
            {
                "error": {
                    "code": 400,
                    "message": "The input token count (12000) exceeds the maximum number of tokens allowed (8192).",
                    "status": "INVALID_ARGUMENT",
                }
            }
        ],
    ),
    "xai": (
        400,
        {
            "code": "400",
            "error": "This model's maximum prompt length is 131072 but the request contains 137197 tokens.",
        },
    ),
    "fireworks": (400, {"error": {"message": "The prompt is too long: 140000, model maximum context length: 131071"}}),
    "cohere": (400, {"message": "too many tokens: size limit exceeded by 123 tokens."}),
    "moonshot": (
        400,
        {"error": {"message": "Invalid request: Your request exceeded model token limit: 8192", "type": "x"}},
    ),
    "alibaba": (400, {"error": {"message": "Range of input length should be [1, 30720]", "code": "InvalidParameter"}}),
    "github": (413, {"error": {"code": "tokens_limit_reached", "message": "Request body too large. Max size: 8000."}}),
    "lm studio": (
        400,
        {"error": "Trying to keep the first 5000 tokens when context the overflows. The context length is 4096"},
    ),
    "triton": (400, {"error": "Prompt length (5000) exceeds maximum input length (4096)."}),
    "fastapi": (422, {"detail": [{"msg": "maximum context length exceeded", "loc": ["body"]}]}),
}

FILTERED: dict[str, tuple[int, Any]] = {
    "azure": (
        400,
        {
            "error": {
                "code": "content_filter",
                "message": "filtered",
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
    ),
    "azure, inner": (400, {"error": {"code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
    "azure, words": (
        400,
        {"error": {"message": "The prompt triggered Azure OpenAI's content management policy.", "status": 400}},
    ),
    "openai": (
        400,
        {
            "error": {
                "code": "invalid_prompt",
                "message": "Your prompt was flagged as potentially violating our usage policy.",
            }
        },
    ),
    "openai, policy": (400, {"error": {"code": "content_policy_violation"}}),
    "anthropic": (
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"},
        },
    ),
    "litellm": (400, {"error": {"message": "litellm.ContentPolicyViolationError: AzureException", "code": "400"}}),
    "deepseek": (400, {"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}}),
    "alibaba": (400, {"code": "DataInspectionFailed", "message": "Input data may contain inappropriate content."}),
    "moonshot": (400, {"error": {"type": "content_filter", "message": "considered high risk"}}),
    "zhipu": (400, {"error": {"code": "1301", "message": "系统检测到输入或生成内容可能包含不安全或敏感内容"}}),
    "openrouter": (
        403,
        {"error": {"code": 403, "message": "Input was flagged", "metadata": {"reason": "prohibited_content"}}},
    ),
    "xai": (403, {"code": "denied", "error": "Content violates usage guidelines. Failed check: SAFETY"}),
    "bedrock": (400, {"message": "Guardrail was enabled and intervened"}),
    "portkey": (
        446,
        {"error": {"message": "The guardrail checks defined in the config failed.", "type": "hooks_failed"}},
    ),
    "kong": (400, {"error": {"message": "bad request: prompt pattern is blocked"}}),
}

NEITHER: dict[str, tuple[int, Any]] = {
    "temperature": (
        400,
        {
            "error": {
                "code": "unsupported_value",
                "param": "temperature",
                "message": "only the default (1) is supported",
            }
        },
    ),
    "parameter": (400, {"error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'."}}),
    "key": (401, {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}),
    "model": (404, {"error": {"code": "model_not_found", "message": "The model `x` does not exist"}}),
    "balance": (402, {"error": {"message": "Insufficient Balance"}}),
    "region": (403, {"error": {"code": "unsupported_country_region_territory", "message": "Country not supported"}}),
    "body": (413, {"message": "Payload Too Large"}),
    "json": (422, {"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "value_error.missing"}]}),
    "roles": (400, {"error": {"message": "Conversation roles must alternate user/assistant/user/assistant"}}),
    "deep": (400, {"error": {"error": {"error": {"error": {"error": {"error": {"code": "content_filter"}}}}}}}),
    "list": (400, [7, None, "no"]),
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_prompt_that_is_too_long_is_the_callers_in_any_words(name: str) -> None:
    status, body = TOO_LONG[name]
    found = status_failure(status, {}, json.dumps(body).encode(), NOW)
    assert (found.kind, found.retryable, found.lost) == (Kind.CONTEXT_EXCEEDED, False, False)


@pytest.mark.parametrize("name", FILTERED)
def test_a_filter_refuses_in_any_words(name: str) -> None:
    status, body = FILTERED[name]
    found = status_failure(status, {}, json.dumps(body, ensure_ascii=False).encode(), NOW)
    assert (found.kind, found.retryable, found.another) == (Kind.PROVIDER_FILTERED, False, False)


@pytest.mark.parametrize("name", NEITHER)
def test_what_is_neither_stays_a_rejection(name: str) -> None:
    status, body = NEITHER[name]
    assert status_failure(status, {}, json.dumps(body).encode(), NOW).kind is Kind.PROVIDER_REJECTED


@pytest.mark.parametrize(("status", "another"), [(code, True) for code in (401, 402, 403, 404, 405, 410, 413)])
def test_another_model_may_be_asked_after_a_failure_of_this_providers_own(status: int, another: bool) -> None:
    assert status_failure(status, {}, b"", NOW).another is another
    assert not any(status_failure(code, {}, b"", NOW).another for code in (400, 422, 451))


@pytest.mark.parametrize("status", [429, 504])
def test_words_do_not_hide_a_status_about_the_moment(status: int) -> None:
    body = json.dumps(TOO_LONG["openai"][1]).encode()
    assert status_failure(status, {}, body, NOW).kind in (Kind.PROVIDER_RATE_LIMITED, Kind.PROVIDER_TIMEOUT)


def test_words_are_found_in_time_that_grows_with_the_text() -> None:
    """The search is bounded: texts are cut, and no pattern goes back over more than a line's piece."""
    for piece in ("exceeds ", "context length ", "token count ", "inputs tokens + ", "content "):
        assert kind_of({"error": {"message": piece * 20_000}}) in (None, Kind.CONTEXT_EXCEEDED, Kind.PROVIDER_FILTERED)
    assert kind_of({"message": "a" * 3_000 + " maximum context length"}) is None


@pytest.mark.parametrize("body", [b"", b"no json", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_has_no_reason(body: bytes) -> None:
    assert kind_of(parsed(body)) is None

"""The shipped limits let a coding agent work: its first turn, its first minute, and a context of 200,000 tokens."""

from typing import Any

import pytest

from domain.inference.parsing import parse_request
from domain.inference.token_estimates import estimate_tokens
from domain.policy.document import Policy
from domain.refusals import Refusal

REQUESTS_OF_A_TURN = 20
CODE = "def read(self, path: str) -> str:\n    return (self.root / path).read_text(encoding='utf-8')\n\n"


def first_turn(**others: Any) -> dict[str, Any]:
    """A body of the sizes that a coding agent sends first: 24 tools of 64,000 characters, 14,000 of instructions."""
    properties = {f"field_{at}": {"type": "string", "description": "Path of a file to read. " * 4} for at in range(14)}
    tool = {
        "description": "Reads a file from the disk. " * 34,
        "parameters": {"type": "object", "properties": properties},
    }
    return {
        "model": "smollm2",
        "messages": [
            {"role": "system", "content": "You are an agent for code. " * 400},
            {"role": "user", "content": [{"type": "text", "text": "<system-reminder>" + "Be brief. " * 300}]},
            {"role": "user", "content": "Fix the tests."},
        ],
        "tools": [{"name": f"tool_{at}", **tool} for at in range(24)],
        "max_tokens": 32_000,
        **others,
    }


def test_a_first_turn_is_within_the_limits(policy: Policy):
    request = parse_request(first_turn(), policy.limits)
    assert len(request.tools) == 24
    assert sum(len(tool.parameters) for tool in request.tools) > 40_000


def test_a_long_conversation_is_within_the_limits(policy: Policy):
    """Three thousand messages, 128 tools, more than 200,000 tokens."""
    tool = {"description": "Does something.", "parameters": {"type": "object"}}
    turns = [{"role": role, "content": CODE * 3} for _ in range(1_500) for role in ("user", "assistant")]
    tools = [{"name": f"tool_{at}", **tool} for at in range(128)]
    request = parse_request(first_turn(messages=turns, tools=tools), policy.limits)
    assert estimate_tokens(request) > 200_000


def test_a_longer_one_is_not(policy: Policy):
    most = policy.limits.max_prompt_chars
    with pytest.raises(Refusal):
        parse_request(first_turn(messages=[{"role": "user", "content": "x" * most}]), policy.limits)


def test_the_first_minute_is_within_rate_and_budget(policy: Policy):
    """Two turns of twenty requests each, charged by the estimate, with one reservation."""
    own = policy.for_tenant("acme")
    assert own.rate.limit >= 2 * REQUESTS_OF_A_TURN
    assert own.rate.window_seconds <= 60
    request = parse_request(first_turn(), policy.limits)
    tokens = estimate_tokens(request)
    assert 2 * REQUESTS_OF_A_TURN * (tokens + 1_000) + request.max_tokens <= own.daily_tokens


def test_nothing_within_the_limits_goes_unread(policy: Policy):
    """Screening and masking read as much as a request may have."""
    assert policy.privacy is not None
    most = policy.limits.max_prompt_chars
    assert policy.screening.max_scanned_chars >= most
    assert policy.privacy.max_scanned_chars >= most

"""Fields of the request types of the installed SDKs, as JSON: what a client can send."""

import inspect
import sys
from typing import Any

import anthropic
import openai
from asked import say

OPTIONS = frozenset({"self", "extra_headers", "extra_query", "extra_body", "timeout"})
"""Parameters of a method that are options of the call, not members of the body."""


def fields_of(*methods: Any) -> list[str]:
    """Return the parameters of methods that are sent in the body."""
    found = {name for method in methods for name in inspect.signature(method).parameters}
    return sorted(found - OPTIONS)


def main() -> None:
    """Print them by route."""
    ai, claude = openai.OpenAI(api_key="none"), anthropic.Anthropic(api_key="none")
    say(
        {
            "chat": fields_of(ai.chat.completions.create),
            "responses": fields_of(ai.responses.create),
            "embeddings": fields_of(ai.embeddings.create),
            "messages": fields_of(claude.messages.create, claude.beta.messages.create),
            "count_tokens": fields_of(claude.messages.count_tokens, claude.beta.messages.count_tokens),
            "versions": {"openai": openai.__version__, "anthropic": anthropic.__version__},
        },
        sys.stdout,
    )


if __name__ == "__main__":
    sys.exit(main())

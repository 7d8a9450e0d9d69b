"""A request for a model's answer, typed, and the hash by which a start is bound to it. Pure: workflows import it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assay_temporal.errors import InvalidCall


@dataclass(frozen=True)
class ChatMessage:
    """One message of a conversation.

    ``kind`` says what a user's message holds: text that others wrote (``document``, ``tool_output``) is screened as
    such. By default it is a prompt.
    """

    role: Literal["system", "user", "assistant"]
    content: str
    kind: Literal["prompt", "document", "tool_output"] | None = None

    def body(self) -> dict[str, str]:
        """The JSON object of the message."""
        body = {"role": self.role, "content": self.content}
        return body if self.kind is None else {**body, "kind": self.kind}


@dataclass(frozen=True)
class InferenceCall:
    """What is asked of which model. Assay's policy decides what is allowed; what it refuses is a result, not an error.

    Attributes:
        model: an alias of the policy's.
        prompt: a lone question; or else
        messages: a conversation.
        temperature: 0 to 2; by default the policy's.
        max_tokens: most tokens of the answer; by default the policy's.
        metadata: short texts that are kept, encrypted, with the request.
    """

    model: str
    prompt: str | None = None
    messages: Sequence[ChatMessage] | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    metadata: Mapping[str, str] | None = None

    def body(self) -> dict[str, Any]:
        """The JSON object that ``POST /v1/inferences`` would take."""
        messages = None
        if self.messages is not None:
            messages = [message.body() for message in self.messages]
        metadata = dict(self.metadata) if self.metadata is not None else None
        fields = {
            "model": self.model,
            "prompt": self.prompt,
            "messages": messages,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "metadata": metadata,
        }
        return {name: value for name, value in fields.items() if value is not None}


def request_hash(body: Mapping[str, Any]) -> str:
    """SHA-256, hexadecimal, of a body's canonical JSON: sorted names, no spaces, UTF-8. Assay computes the same.

    Raises:
        InvalidCall: the body is not JSON: it holds NaN, half a character, or something that is no JSON type.
    """
    try:
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()
    except (TypeError, ValueError, RecursionError):
        raise InvalidCall from None

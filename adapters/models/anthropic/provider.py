"""Models behind Anthropic's format of messages."""

from typing import ClassVar

from adapters.models.anthropic.answers import read_message
from adapters.models.anthropic.requests import headers_of, message_body
from adapters.models.provider import HttpProvider, ProviderFormat
from domain.inference.models import KeyHeader


class AnthropicProvider(HttpProvider):
    """``ModelProvider`` for Anthropic and compatible endpoints."""

    FORMAT: ClassVar[ProviderFormat] = ProviderFormat(
        path="/messages",
        key_header=KeyHeader.X_API_KEY,
        body_of=message_body,
        headers_of=headers_of,
        read_answer=read_message,
    )

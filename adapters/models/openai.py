"""Models behind OpenAI's format of chat completions."""

from typing import ClassVar

from adapters.models.openai_answers import read_answer
from adapters.models.openai_requests import body_of
from adapters.models.provider import HttpProvider, ProviderFormat
from domain.inference.models import KeyHeader


class OpenAIProvider(HttpProvider):
    """``ModelProvider`` for any OpenAI-compatible endpoint."""

    FORMAT: ClassVar[ProviderFormat] = ProviderFormat(
        path="/chat/completions",
        key_header=KeyHeader.AUTHORIZATION,
        body_of=body_of,
        headers_of=lambda call: {"idempotency-key": call.call_id},
        read_answer=read_answer,
    )

"""Adapters of all wire formats, and their selection.

A new wire format: a module with a ``WireAdapter``, a member of ``domain.inference.models.Wire``, and its line here.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from adapters.models.anthropic.provider import AnthropicProvider
from adapters.models.openai import OpenAIProvider
from domain.inference.models import ModelAnswer, ModelCall, Wire
from domain.inference.ports import ModelProvider
from domain.ports import Clock, SecretReader


class WireAdapter(ModelProvider, Protocol):
    """A ``ModelProvider`` for one wire format, with connections to close."""

    async def aclose(self) -> None:
        """Close every connection."""
        ...


ADAPTERS: Final[Mapping[Wire, Callable[[SecretReader, Clock], WireAdapter]]] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: lambda secrets, clock: OpenAIProvider(secrets, clock=clock),
        Wire.ANTHROPIC_MESSAGES: lambda secrets, clock: AnthropicProvider(secrets, clock=clock),
    }
)


class WireProviders:
    """``ModelProvider`` for every wire format: calls go to the adapter of the model's format."""

    def __init__(self, adapters: Mapping[Wire, WireAdapter]) -> None:
        self._adapters = adapters

    async def complete(self, call: ModelCall) -> ModelAnswer:
        """See ``ModelProvider``."""
        return await self._adapters[call.model.wire].complete(call)

    async def aclose(self) -> None:
        """Close the connections of all adapters."""
        for adapter in self._adapters.values():
            await adapter.aclose()


def wire_providers(secrets: SecretReader, clock: Clock) -> WireProviders:
    """Make an adapter for each wire format. Connections are opened by calls."""
    return WireProviders({wire: made(secrets, clock) for wire, made in ADAPTERS.items()})

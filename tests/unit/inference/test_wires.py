"""The choice of a provider's adapter by the wire format of its model."""

from dataclasses import dataclass, field
from typing import Any

from adapters.models.openai import OpenAIProvider
from adapters.models.registry import ADAPTERS, WireProviders, wire_providers
from domain.inference.models import ModelAnswer, ModelCall, ModelEntry, Usage, Wire
from domain.inference.requests import bare_request
from tests.doubles.clock import FixedClock


class NoSecrets:
    """Secrets that are not asked for."""

    async def read(self, path: str) -> dict[str, str]:
        raise AssertionError(path)


@dataclass
class Recorder:
    """An adapter that keeps its calls."""

    calls: list[ModelCall] = field(default_factory=list)
    closed: bool = False

    async def complete(self, call: ModelCall) -> ModelAnswer:
        self.calls.append(call)
        return ModelAnswer("fine", "stop", Usage(1, 1))

    async def aclose(self) -> None:
        self.closed = True


def test_every_wire_format_of_the_policy_has_an_adapter() -> None:
    assert ADAPTERS.keys() == set(Wire)
    made = ADAPTERS[Wire.OPENAI_CHAT](NoSecrets(), FixedClock())
    assert isinstance(made, OpenAIProvider)


async def test_a_call_goes_to_the_adapter_of_its_models_wire_format() -> None:
    own, other = Recorder(), Recorder()
    adapters: dict[Any, Any] = {Wire.OPENAI_CHAT: own, "another": other}
    providers = WireProviders(adapters)
    entry = ModelEntry("small", "fake", "fake-1", "http://127.0.0.1:1/v1", "models/fake", 4096, 0, 0)
    call = ModelCall(entry, bare_request(), "call-0001")
    await providers.complete(call)
    assert (own.calls, other.calls) == ([call], [])
    await providers.aclose()
    assert own.closed
    assert other.closed


async def test_adapters_that_were_never_called_close() -> None:
    await wire_providers(NoSecrets(), FixedClock()).aclose()

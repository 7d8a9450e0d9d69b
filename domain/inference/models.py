"""Models that can be asked, calls of them, and what comes back."""

from dataclasses import dataclass

from domain.inference.requests import Message
from domain.refusals import Kind


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model that can be asked for. Prices are per million tokens, in the policy's currency."""

    alias: str
    provider: str
    upstream: str
    base_url: str
    key_path: str
    context_tokens: int
    input_price: float
    output_price: float


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call of a model. ``call_id`` is the same in every attempt, for providers that honour idempotency."""

    model: ModelEntry
    messages: tuple[Message, ...]
    temperature: float
    max_tokens: int
    call_id: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens spent. ``estimated`` where the provider has not said."""

    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False

    @property
    def total(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A model's answer."""

    content: str
    finish_reason: str
    usage: Usage


class ProviderFailure(Exception):
    """A model could not be had. ``retryable`` is for this same call; ``retry_after`` is the provider's, in seconds."""

    def __init__(self, kind: Kind, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after

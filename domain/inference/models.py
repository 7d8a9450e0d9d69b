"""Available models, calls of them, and answers."""

from dataclasses import dataclass
from enum import StrEnum

from domain.inference.requests import Message
from domain.inference.run_lengths import DEFAULT_MODEL_CALL
from domain.refusals import Kind


class Wire(StrEnum):
    """Wire formats of providers, by their names in the policy. ``adapters.models.registry`` has an adapter for each."""

    OPENAI_CHAT = "openai-chat"


@dataclass(frozen=True, slots=True)
class ModelTimeouts:
    """Time-outs of one call, in seconds.

    Attributes:
        connect: to a connection, waiting for a free one included.
        total: from connecting to the last byte.
        first_token: to the first token of a stream; not used yet.
        idle: between two tokens of a stream; not used yet.
    """

    connect: float
    total: float
    first_token: float
    idle: float


_CALL = DEFAULT_MODEL_CALL.total_seconds()
DEFAULT_TIMEOUTS = ModelTimeouts(connect=5.0, total=_CALL, first_token=_CALL, idle=_CALL)


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """An available model. Prices are per million tokens, in the policy's currency."""

    alias: str
    provider: str
    upstream: str
    base_url: str
    key_path: str
    context_tokens: int
    input_price: float
    output_price: float
    wire: Wire = Wire.OPENAI_CHAT
    timeouts: ModelTimeouts = DEFAULT_TIMEOUTS


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call of a model. ``call_id`` is the same in every attempt, for providers that support idempotency."""

    model: ModelEntry
    messages: tuple[Message, ...]
    temperature: float
    max_tokens: int
    call_id: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens spent. ``estimated`` if the provider did not report them."""

    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False

    @property
    def total(self) -> int:
        """Return prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A model's answer."""

    content: str
    finish_reason: str
    usage: Usage


class ProviderFailure(Exception):
    """A model call failed. ``retryable`` is for this same call; ``retry_after`` is the provider's, in seconds."""

    def __init__(self, kind: Kind, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after

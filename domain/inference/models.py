"""Available models, calls of them, and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from domain.inference.content import Content, OpaqueItem, UnreadItem
from domain.inference.requests import InferenceRequest
from domain.inference.run_lengths import DEFAULT_MODEL_CALL
from domain.inference.texts import unread_of
from domain.refusals import Kind, Refusal


class Wire(StrEnum):
    """Wire formats of providers, by their names in the policy. ``adapters.models.registry`` has an adapter for each."""

    OPENAI_CHAT = "openai-chat"
    ANTHROPIC_MESSAGES = "anthropic-messages"


class KeyHeader(StrEnum):
    """Headers of a provider's key: ``authorization`` as a bearer token, the others by the key alone."""

    AUTHORIZATION = "authorization"
    X_API_KEY = "x-api-key"
    API_KEY = "api-key"


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


@dataclass(frozen=True, slots=True)
class ModelParameters:
    """Parameters that a provider accepts for a model, where formats alike differ.

    Attributes:
        limit: the name of the limit on answer tokens in the provider's format.
        temperature: accepts a temperature. Reasoning models refuse every call that has one.
        top_p: accepts nucleus sampling.
        seed: accepts a seed.
        stop: accepts stop sequences.
        images: accepts images, as data and by address.
        penalties: accepts penalties of frequent and of present tokens.
        logit_bias: accepts biases of tokens.
        effort: accepts an effort of reasoning.
        verbosity: accepts a wish for length.
        cache_key: accepts a key of its prompt cache.
        end_user: the name of the member with the user's identifier, a keyed hash; None if there is none.
    """

    limit: str = "max_tokens"
    temperature: bool = True
    top_p: bool = True
    seed: bool = True
    stop: bool = True
    images: bool = False
    penalties: bool = True
    logit_bias: bool = False
    effort: bool = False
    verbosity: bool = False
    cache_key: bool = False
    end_user: str | None = None


DEFAULT_PARAMETERS = ModelParameters()
_CALL = DEFAULT_MODEL_CALL.total_seconds()
DEFAULT_TIMEOUTS = ModelTimeouts(connect=5.0, total=_CALL, first_token=_CALL, idle=_CALL)


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """An available model. Prices are per million tokens, in the policy's currency.

    ``headers``, with names in lower case, and ``query`` are sent with each call. ``key_header`` of None is the wire
    format's own.
    """

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
    accepts: ModelParameters = DEFAULT_PARAMETERS
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    key_header: KeyHeader | None = None

    def takes(self, item: UnreadItem) -> bool:
        """Test for an image that the model accepts, or an opaque item of its format."""
        if isinstance(item, OpaqueItem):
            return item.format in self.wire.value.split("-")
        return self.accepts.images


def carries(request: InferenceRequest, model: ModelEntry) -> bool:
    """Return True if the model takes all of the request's images and opaque items."""
    return all(model.takes(item) for _, item in unread_of(request))


def require_carried(request: InferenceRequest, model: ModelEntry) -> None:
    """Refuse a request with an image or opaque item that the model does not take.

    Raises:
        Refusal: UNSUPPORTED_CONTENT, with the item's field.
    """
    for at, item in unread_of(request):
        if not model.takes(item):
            detail = (
                f"is of another provider's format, '{item.format}': model '{model.alias}' can't read it"
                if isinstance(item, OpaqueItem)
                else f"is an image: model '{model.alias}' accepts none"
            )
            raise Refusal(Kind.UNSUPPORTED_CONTENT, detail, field=at.dotted)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call of a model. ``call_id`` is the same in every attempt, for providers that support idempotency.

    ``data`` are the request's attachments in base64, by their digests.
    """

    model: ModelEntry
    request: InferenceRequest
    call_id: str
    data: Mapping[str, str] = field(default_factory=dict)


class TokenKind(StrEnum):
    """The kinds of tokens that providers price apart. Each token is of one kind."""

    INPUT = "input"
    CACHED_INPUT = "cached_input"
    CACHE_WRITE = "cache_write"
    OUTPUT = "output"
    REASONING = "reasoning"


UNLESS_COUNTED: Final[Mapping[str, Any]] = MappingProxyType({"exclude_if": lambda count: count == 0})
"""Metadata of a count that payloads leave out while it is 0."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens spent. ``estimated`` if the provider did not report them, or not all of them as possible counts.

    Attributes:
        prompt_tokens: all that the model read, from a cache and into one as well.
        completion_tokens: all that it wrote, its reasoning as well.
        cached_tokens: those of the prompt that were read from the provider's cache.
        cache_write_tokens: those of the prompt that were written to it.
        reasoning_tokens: those of the completion that were reasoning.
        claimed_tokens: the reported total, if it was more than the call can have used, and was reduced to that.
    """

    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False
    cached_tokens: int = field(default=0, metadata=UNLESS_COUNTED)
    cache_write_tokens: int = field(default=0, metadata=UNLESS_COUNTED)
    reasoning_tokens: int = field(default=0, metadata=UNLESS_COUNTED)
    claimed_tokens: int = field(default=0, metadata=UNLESS_COUNTED)

    @property
    def total(self) -> int:
        """Return prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def by_kind(self) -> Mapping[TokenKind, int]:
        """The tokens of each kind; together they are ``total``."""
        return {
            TokenKind.INPUT: self.prompt_tokens - self.cached_tokens - self.cache_write_tokens,
            TokenKind.CACHED_INPUT: self.cached_tokens,
            TokenKind.CACHE_WRITE: self.cache_write_tokens,
            TokenKind.OUTPUT: self.completion_tokens - self.reasoning_tokens,
            TokenKind.REASONING: self.reasoning_tokens,
        }


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A model's answer: a text, or parts (texts, tool calls, a refusal, opaque items)."""

    content: Content
    finish_reason: str
    usage: Usage


class ProviderFailure(Exception):
    """A model call failed.

    Attributes:
        kind: its kind.
        retryable: this same call may be repeated.
        retry_after: the provider's delay before that, in seconds.
        lost: the call may have been paid for, and gave no answer.
        usage: the tokens that the provider reported: for a lost answer, or for a refusal, which is an answer.
        another: another model may be asked, although this one's failure is not a passing one.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        retryable: bool,
        retry_after: float | None = None,
        lost: bool = False,
        usage: Usage | None = None,
        another: bool = False,
    ) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after
        self.lost = lost
        self.usage = usage
        self.another = another

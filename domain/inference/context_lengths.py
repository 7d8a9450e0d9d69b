"""Context lengths: the maximum of prompt and answer together, by the policy's entry of the model."""

from collections.abc import Iterable, Mapping

from domain.inference.models import ModelEntry
from domain.inference.requests import InferenceRequest
from domain.inference.texts import texts_of
from domain.inference.token_estimates import estimate_tokens, least_tokens
from domain.ports import NO_TEXT_CACHE, TextCache
from domain.refusals import Kind, Refusal

_MOST_PER_CHAR = 2
"""Tokens of a code point that no estimate exceeds: a text of fewer code points need not be estimated."""


def fits(request: InferenceRequest, context_tokens: int, cache: TextCache = NO_TEXT_CACHE) -> bool:
    """Return False if prompt and answer exceed a context by the estimate's least count."""
    left = context_tokens - request.max_tokens
    if _MOST_PER_CHAR * sum(len(text.text) for text in texts_of(request)) <= left:
        return True
    return least_tokens(request, cache) <= left


def fitting(
    request: InferenceRequest,
    aliases: Iterable[str],
    models: Mapping[str, ModelEntry],
    cache: TextCache = NO_TEXT_CACHE,
) -> tuple[str, ...]:
    """Return the aliases of models that the request fits, in order: a fallback that is too short is not asked."""
    return tuple(alias for alias in aliases if fits(request, models[alias].context_tokens, cache))


def require_fit(
    request: InferenceRequest, context_tokens: int, field: str = "messages", cache: TextCache = NO_TEXT_CACHE
) -> None:
    """Refuse a request that no vocabulary of today makes short enough.

    Raises:
        Refusal: CONTEXT_EXCEEDED with the estimate, its least count, and the context.
    """
    if not fits(request, context_tokens, cache):
        estimate, least = estimate_tokens(request, cache), least_tokens(request, cache)
        detail = (
            f"about {estimate} tokens, at least {least} by the estimate, and the {request.max_tokens} of max_tokens "
            f"exceed the {context_tokens} of the model's context"
        )
        raise Refusal(Kind.CONTEXT_EXCEEDED, detail, field=field)

"""Failures of model calls as ``ProviderFailure``, without anything that was sent or received."""

import logging
import math
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp

from adapters.http.bounded import BodyTooLong
from adapters.models.error_bodies import codes_of, kind_of, parsed
from domain.inference.models import ProviderFailure, Usage
from domain.refusals import Kind

_log = logging.getLogger(__name__)

MAX_RETRY_AFTER = 60.0
"""Seconds. A longer delay requested by a provider ends this call."""

_MAX_TOLD = 86_400.0  # a longer delay is reported as a day: the number is untrusted and ends in timers
_BUSY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT})
_CLOUDFLARE_TIMEOUT = 524
_TIMED_OUT = frozenset({HTTPStatus.GATEWAY_TIMEOUT, _CLOUDFLARE_TIMEOUT})
_ANOTHER = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.PAYMENT_REQUIRED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.GONE,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    }
)
"""Statuses about this provider's account, address or limits, which another model's provider need not share."""


class NotCarried(Exception):
    """The format has no place for something in the request. Names its address and no text."""


class Unusable(Exception):
    """A body without an answer, as the failure that it is. Its content is not quoted."""

    def __init__(self, failure: ProviderFailure) -> None:
        super().__init__(failure.kind.value)
        self.failure = failure


def failure_of(error: Exception) -> ProviderFailure:
    """Return the failure for an error of a call."""
    match error:
        case aiohttp.ConnectionTimeoutError():  # nothing was sent
            return ProviderFailure(Kind.PROVIDER_TIMEOUT, retryable=True)
        case TimeoutError():  # a request without an answer may be charged: it is not repeated
            return timed_out()
        case aiohttp.InvalidURL():
            pass
        case aiohttp.ClientConnectorError():  # nothing was sent
            return ProviderFailure(Kind.PROVIDER_UNAVAILABLE, retryable=True)
        case aiohttp.ClientError():
            return ProviderFailure(Kind.PROVIDER_UNAVAILABLE, retryable=True, lost=True)
        case BodyTooLong():
            return garbled()
    # Its text could contain the prompt or the key: only its type is used.
    _log.error("unexpected %s in a model call", type(error).__name__)
    return ProviderFailure(Kind.INTERNAL, retryable=False, lost=not isinstance(error, aiohttp.InvalidURL))


def timed_out() -> ProviderFailure:
    """Return the failure for a call without an answer in its time."""
    return ProviderFailure(Kind.PROVIDER_TIMEOUT, retryable=False, lost=True)


def garbled(usage: Usage | None = None) -> ProviderFailure:
    """Return the failure for an unusable answer, with its reported usage. A repeat may succeed."""
    return ProviderFailure(Kind.PROVIDER_GARBLED, retryable=True, lost=True, usage=usage)


def filtered(usage: Usage | None = None) -> ProviderFailure:
    """Return the failure for a request or an answer that the provider's content filter refused."""
    return ProviderFailure(Kind.PROVIDER_FILTERED, retryable=False, usage=usage)


def unrequested_tool_call(usage: Usage) -> ProviderFailure:
    """Return the failure for an answer of calls alone, of tools that were not offered."""
    return ProviderFailure(Kind.UNREQUESTED_TOOL_CALL, retryable=False, usage=usage)


def not_carried() -> ProviderFailure:
    """The provider's format has no place for a part of the request."""
    return ProviderFailure(Kind.UNSUPPORTED_CONTENT, retryable=False)


def rejected(*, another: bool = False) -> ProviderFailure:
    """Return the failure for a call that the provider always rejects. ``another``: another's need not."""
    return ProviderFailure(Kind.PROVIDER_REJECTED, retryable=False, another=another)


def status_failure(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> ProviderFailure:
    """Return the failure for a response without an answer.

    Args:
        status: the HTTP status, not 2xx.
        headers: the response's, in any case of name.
        body: the part that was read.
        now: for a Retry-After with a date.
    """
    return error_failure(status, parsed(body), retry_after(headers, now))


def error_failure(
    status: int, document: object, wait: float | None = None, usage: Usage | None = None
) -> ProviderFailure:
    """Return the failure for an error.

    Args:
        status: the HTTP status, or the one that the body names.
        document: the body as JSON.
        wait: the delay that the provider asks for, in seconds.
        usage: reported tokens.
    """
    patient = wait is None or wait <= MAX_RETRY_AFTER
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        # OpenAI uses 429 for an unpaid bill too, which no delay resolves.
        broke = "insufficient_quota" in codes_of(document)
        return ProviderFailure(Kind.PROVIDER_RATE_LIMITED, retryable=patient and not broke, retry_after=wait)
    if status in _TIMED_OUT:  # a server before the model has waited: the model may still answer, and be paid for it
        return timed_out()
    if (failure := request_failure(document, usage)) is not None:
        return failure
    if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ProviderFailure(Kind.PROVIDER_UNAVAILABLE, retryable=patient, retry_after=wait)
    return rejected(another=status in _ANOTHER)


def request_failure(document: object, usage: Usage | None = None) -> ProviderFailure | None:
    """Return the failure for an error about the request itself: too long, or filtered. None for any other."""
    match kind_of(document):
        case Kind.PROVIDER_FILTERED:
            return filtered(usage)
        case Kind.CONTEXT_EXCEEDED:
            return ProviderFailure(Kind.CONTEXT_EXCEEDED, retryable=False)
        case _:
            return None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the delay in seconds: ``retry-after-ms`` (OpenAI's), else ``retry-after`` (RFC 9110 section 10.2.3), at
    most a day.

    None if neither is given or understood.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        number = _number(headers.get(name))
        if number is not None:
            return _told(number * unit)
    try:
        # A date without a zone (RFC 5322's "-0000") comes back naive: the subtraction is then a TypeError.
        return _told((parsedate_to_datetime(headers.get("retry-after", "")) - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _told(seconds: float) -> float:
    return min(max(seconds, 0.0), _MAX_TOLD)

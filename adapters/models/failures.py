"""Failures of model calls as ``ProviderFailure``, without anything that was sent or received."""

import json
import logging
import math
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp

from adapters.http.bounded import BodyTooLong
from domain.inference.models import ProviderFailure
from domain.refusals import Kind

_log = logging.getLogger(__name__)

MAX_RETRY_AFTER = 60.0
"""Seconds. A longer delay requested by a provider ends this call."""

_MAX_TOLD = 86_400.0  # a longer delay is reported as a day: the number is untrusted and ends in timers
_TOO_LONG = frozenset({"context_length_exceeded", "exceed_context_size_error"})  # the codes of OpenAI and of llama.cpp
_BUSY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT})


def failure_of(error: Exception) -> ProviderFailure:
    """Return the failure for an error of a call."""
    match error:
        case aiohttp.ConnectionTimeoutError():  # nothing was sent
            return ProviderFailure(Kind.PROVIDER_TIMEOUT, retryable=True)
        case TimeoutError():  # a request without an answer may be charged: it is not repeated
            return ProviderFailure(Kind.PROVIDER_TIMEOUT, retryable=False)
        case aiohttp.InvalidURL():
            pass
        case aiohttp.ClientError():
            return ProviderFailure(Kind.PROVIDER_UNAVAILABLE, retryable=True)
        case BodyTooLong():
            return garbled()
    # Its text could contain the prompt or the key: only its type is used.
    _log.error("unexpected %s in a model call", type(error).__name__)
    return ProviderFailure(Kind.INTERNAL, retryable=False)


def garbled() -> ProviderFailure:
    """Return the failure for an unusable answer. Models are not deterministic, so a retry may succeed."""
    return ProviderFailure(Kind.PROVIDER_GARBLED, retryable=True)


def not_carried() -> ProviderFailure:
    """The provider's format has no place for a part of the request."""
    return ProviderFailure(Kind.UNSUPPORTED_CONTENT, retryable=False)


def rejected() -> ProviderFailure:
    """Return the failure for a call that the provider always rejects."""
    return ProviderFailure(Kind.PROVIDER_REJECTED, retryable=False)


def status_failure(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> ProviderFailure:
    """Return the failure for a response without an answer.

    Args:
        status: the HTTP status, not 2xx.
        headers: the response's, in any case of name.
        body: the part that was read.
        now: for a Retry-After with a date.
    """
    wait = retry_after(headers, now)
    patient = wait is None or wait <= MAX_RETRY_AFTER
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        # OpenAI uses 429 for an unpaid bill too, which no delay resolves.
        broke = "insufficient_quota" in _reasons(body)
        return ProviderFailure(Kind.PROVIDER_RATE_LIMITED, retryable=patient and not broke, retry_after=wait)
    if status == HTTPStatus.GATEWAY_TIMEOUT:
        return ProviderFailure(Kind.PROVIDER_TIMEOUT, retryable=patient, retry_after=wait)
    if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ProviderFailure(Kind.PROVIDER_UNAVAILABLE, retryable=patient, retry_after=wait)
    if _TOO_LONG & _reasons(body):
        return ProviderFailure(Kind.CONTEXT_EXCEEDED, retryable=False)
    return rejected()


def _reasons(body: bytes) -> frozenset[str]:
    """Return the ``code`` and the ``type`` of an error in OpenAI's form. None of any other."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return frozenset()
    error = document.get("error", document) if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return frozenset()
    return frozenset(reason for reason in (error.get("code"), error.get("type")) if isinstance(reason, str))


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

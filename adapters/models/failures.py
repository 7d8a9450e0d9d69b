"""What goes wrong in a call of a model, as a ``ProviderFailure`` that repeats nothing of what was sent or received."""

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
"""Seconds. A provider that asks for more is given up for this call."""

_MAX_TOLD = 86_400.0  # a longer wait is told as a day: the number comes from outside and ends in timers
_TOO_LONG = frozenset({"context_length_exceeded", "exceed_context_size_error"})  # OpenAI's word for it; llama.cpp's
_BUSY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT})


def failure_of(error: Exception) -> ProviderFailure:
    """The failure that an error of a call stands for."""
    match error:
        case aiohttp.ConnectionTimeoutError():  # nothing was sent
            return ProviderFailure(Kind.PROVIDER_TIMEOUT, retryable=True)
        case TimeoutError():  # whatever was sent may be charged, also without its answer: it is not paid for again
            return ProviderFailure(Kind.PROVIDER_TIMEOUT, retryable=False)
        case aiohttp.InvalidURL():
            pass
        case aiohttp.ClientError():
            return ProviderFailure(Kind.PROVIDER_UNAVAILABLE, retryable=True)
        case BodyTooLong():
            return garbled()
    # Its text could hold the prompt or the key: its type has to do.
    _log.error("unexpected %s in a model call", type(error).__name__)
    return ProviderFailure(Kind.INTERNAL, retryable=False)


def garbled() -> ProviderFailure:
    """The provider answered, but not with an answer. Models are not deterministic, so another try may do."""
    return ProviderFailure(Kind.PROVIDER_GARBLED, retryable=True)


def rejected() -> ProviderFailure:
    """This call can't be made with this provider, however often."""
    return ProviderFailure(Kind.PROVIDER_REJECTED, retryable=False)


def status_failure(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> ProviderFailure:
    """The failure that a response without an answer stands for.

    Args:
        status: the HTTP status, none of 2xx.
        headers: the response's, by whatever case of name.
        body: as much of it as was read.
        now: for a Retry-After that gives a date.
    """
    wait = retry_after(headers, now)
    patient = wait is None or wait <= MAX_RETRY_AFTER
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        # OpenAI uses 429 for an unpaid bill too, which no wait cures.
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
    """The ``code`` and the ``type`` of an error in OpenAI's form; none of any other."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return frozenset()
    error = document.get("error", document) if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return frozenset()
    return frozenset(reason for reason in (error.get("code"), error.get("type")) if isinstance(reason, str))


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait: ``retry-after-ms`` (OpenAI's), else ``retry-after`` (RFC 9110 section 10.2.3), at most a day.

    None where neither is given or understood.
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

"""Clients of the Vault API: how one is built, and what its errors mean to us."""

from collections.abc import Mapping
from typing import Any

import hvac
import requests
from hvac import exceptions
from hvac.adapters import JSONAdapter
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from config.settings import VaultSettings
from domain.refusals import Kind, Refusal

RETRY_AFTER_SECONDS = 1.0

# A kept-alive connection may die between two requests, so one repeat at once. POST included, as Transit is POST.
_RETRY = Retry(total=1, connect=0, read=1, redirect=0, status=0, other=0, allowed_methods=None, backoff_factor=0)
_NO_RETRY = Retry(total=0, redirect=0)


class _NoRedirects(JSONAdapter):
    """Refuses redirects: following one would hand the token to whatever host the answer names."""

    def request(self, *args: object, **kwargs: object) -> requests.Response | dict[Any, Any]:
        answer = super().request(*args, **kwargs)
        if isinstance(answer, requests.Response) and answer.is_redirect:
            raise exceptions.UnexpectedError("a redirect was refused", method="request", url="")
        return answer


def new_client(settings: VaultSettings, token: str = "", *, connections: int = 1, retry: bool = True) -> hvac.Client:
    """A client of one token. Without a retry for logins, which must not be sent twice. No proxy, no environment."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(settings.ca_file) if settings.ca_file else True
    transport = HTTPAdapter(pool_maxsize=connections, max_retries=_RETRY if retry else _NO_RETRY)
    session.mount("http://", transport)
    session.mount("https://", transport)
    return hvac.Client(
        url=settings.address,
        token=token,
        verify=session.verify,
        timeout=settings.timeout_seconds,  # type: ignore[arg-type]  # the stub says int; requests takes a float
        session=session,
        allow_redirects=False,
        adapter=_NoRedirects,
    )


def unavailable(detail: str = "the key store can't be reached") -> Refusal:
    """The refusal for a Vault that is away, sealed, or does not let us in."""
    return Refusal(Kind.VAULT_UNAVAILABLE, detail, retry_after=RETRY_AFTER_SECONDS)


def as_refusal(error: Exception) -> Refusal:
    """What an error of a call means. Nothing of Vault's own text is passed on: it may quote what was sent."""
    if isinstance(error, exceptions.InvalidPath):
        return Refusal(Kind.NOT_FOUND, "there is no such secret")
    if isinstance(error, (exceptions.InvalidRequest, exceptions.ParamValidationError)):
        return Refusal(Kind.INTERNAL, "the key store did not accept a request")
    return unavailable()


def answer_data(answer: object) -> Mapping[str, Any]:
    """The ``data`` of an answer.

    Raises:
        Refusal: VAULT_UNAVAILABLE if this is no answer of Vault's.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise unavailable("the key store gave no usable answer")
    return data

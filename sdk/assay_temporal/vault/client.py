"""Clients of the Vault API: how one is built, and what its errors mean to us."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import hvac
import requests
from hvac import exceptions
from hvac.adapters import JSONAdapter
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

# A kept-alive connection may die between two requests, so one repeat at once. POST included, as Transit is POST.
_RETRY = Retry(total=1, connect=0, read=1, redirect=0, status=0, other=0, allowed_methods=None, backoff_factor=0)
_NO_RETRY = Retry(total=0, redirect=0)


class VaultAway(Exception):
    """Vault is away, sealed, too slow, or does not let us in. ``reason`` is for people and quotes nothing."""

    def __init__(self, reason: str = "the key store can't be reached") -> None:
        super().__init__(reason)
        self.reason = reason


class VaultPlace(Protocol):
    """Where Vault is, and where in it things are."""

    @property
    def address(self) -> str:
        """Its URL; plaintext on loopback only."""
        ...

    @property
    def ca_file(self) -> Path | None:
        """The CA of its certificate; None for those that the system trusts."""
        ...

    @property
    def timeout_seconds(self) -> float:
        """For each call."""
        ...

    @property
    def approle_mount(self) -> str:
        """Where AppRoles log in."""
        ...


class AppRoleFiles(Protocol):
    """The files with an AppRole's credentials."""

    @property
    def role_id_file(self) -> Path | None:
        """The role ID."""
        ...

    @property
    def secret_id_file(self) -> Path | None:
        """The secret ID, or the token that unwraps it."""
        ...

    @property
    def wrapped(self) -> bool:
        """Whether that file holds a response-wrapping token."""
        ...


class _PlainSession(requests.Session):
    """Sends what it is given: nothing of what requests merges, remembers and follows is of use to a call of Vault's.

    That was a third of a call's work here.
    """

    def request(  # type: ignore[override]  # hvac names every argument
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,  # noqa: ANN401 - what hvac is given
        timeout: float | None = None,
        verify: bool | str = True,
        **_: object,
    ) -> requests.Response:
        """Send one request. No cookies, no proxies, no environment, no redirects."""
        prepared = requests.PreparedRequest()
        prepared.prepare_method(method)
        prepared.prepare_url(url, params)
        prepared.prepare_headers(headers)
        prepared.prepare_body(None, None, json)
        response = self.get_adapter(url).send(prepared, timeout=timeout, verify=verify)
        if not response.content:  # read, so that the connection is free again
            response.close()
        return response


class _NoRedirects(JSONAdapter):
    """Refuses redirects: following one would hand the token to whatever host the answer names."""

    def request(self, *args: object, **kwargs: object) -> requests.Response | dict[Any, Any]:
        answer = super().request(*args, **kwargs)
        if isinstance(answer, requests.Response) and answer.is_redirect:
            raise exceptions.UnexpectedError("a redirect was refused", method="request", url="")
        return answer


def new_client(place: VaultPlace, token: str = "", *, connections: int = 1, retry: bool = True) -> hvac.Client:
    """A client of one token. Without a retry for logins, which must not be sent twice. No proxy, no environment."""
    session = _PlainSession()
    session.verify = str(place.ca_file) if place.ca_file else True
    transport = HTTPAdapter(pool_maxsize=connections, max_retries=_RETRY if retry else _NO_RETRY)
    session.mount("http://", transport)
    session.mount("https://", transport)
    return hvac.Client(
        url=place.address,
        token=token,
        verify=session.verify,
        timeout=place.timeout_seconds,  # type: ignore[arg-type]  # the stub says int; requests takes a float
        session=session,
        allow_redirects=False,
        adapter=_NoRedirects,
    )


def answer_data(answer: object) -> Mapping[str, Any]:
    """The ``data`` of an answer.

    Raises:
        VaultAway: this is no answer of Vault's.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise VaultAway("the key store returned no usable answer")
    return data

"""Clients of the Vault API: construction, and mapping of errors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import hvac
import requests
from hvac import exceptions
from hvac.adapters import JSONAdapter
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

# A kept-alive connection may die between two requests, so one immediate repeat. POST included, as Transit uses POST.
_RETRY = Retry(total=1, connect=0, read=1, redirect=0, status=0, other=0, allowed_methods=None, backoff_factor=0)
_NO_RETRY = Retry(total=0, redirect=0)


_REASONS = (
    ((TimeoutError, requests.Timeout), "Vault did not answer in time at the configured address"),
    (
        requests.exceptions.SSLError,
        "Vault's TLS certificate is not accepted: check its CA, and the address's name",
    ),
    (requests.RequestException, "Vault can't be reached at the configured address"),
    (exceptions.VaultDown, "Vault is sealed, or not initialised"),
    (exceptions.InvalidPath, "the configured address does not answer as Vault, or lacks the configured mount"),
    ((exceptions.Forbidden, exceptions.InvalidRequest), "Vault does not accept this process's token or request"),
)


class VaultAway(Exception):
    """Vault is unreachable, sealed, too slow, or rejects the login. ``reason`` is for people and quotes nothing."""

    def __init__(self, reason: str = "the key store can't be reached") -> None:
        super().__init__(reason)
        self.reason = reason


def reason_of(error: Exception) -> str:
    """Return why a call failed, for people: the cause as far as the client can tell, and nothing that Vault said."""
    if isinstance(error, VaultAway):
        return error.reason
    for kinds, reason in _REASONS:
        if isinstance(error, kinds):
            return reason
    return "Vault can't be used: it fails, or the configured address is another server's"


class VaultPlace(Protocol):
    """Address of Vault, and its mounts."""

    @property
    def address(self) -> str:
        """Return its URL; plaintext on loopback only."""
        ...

    @property
    def ca_file(self) -> Path | None:
        """Return the CA of its certificate; None for the system's CAs."""
        ...

    @property
    def timeout_seconds(self) -> float:
        """Return the timeout of each call."""
        ...

    @property
    def approle_mount(self) -> str:
        """Return the mount of AppRoles."""
        ...


class AppRoleFiles(Protocol):
    """Files with an AppRole's credentials."""

    @property
    def role_id_file(self) -> Path | None:
        """Return the role ID's file."""
        ...

    @property
    def secret_id_file(self) -> Path | None:
        """Return the file of the secret ID, or of the token that unwraps it."""
        ...

    @property
    def wrapped(self) -> bool:
        """Return True if that file contains a response-wrapping token."""
        ...


class _PlainSession(requests.Session):
    """Sends requests unchanged: the features of requests (merging, cookies, redirects) are useless for Vault.

    They took a third of a call's time here.
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
        if not response.content:  # read it, so that the connection is free again
            response.close()
        return response


class _NoRedirects(JSONAdapter):
    """Refuses redirects: following one would send the token to the host it names."""

    def request(self, *args: object, **kwargs: object) -> requests.Response | dict[Any, Any]:
        answer = super().request(*args, **kwargs)
        if isinstance(answer, requests.Response) and answer.is_redirect:
            raise exceptions.UnexpectedError("a redirect was refused", method="request", url="")
        return answer


def new_client(place: VaultPlace, token: str = "", *, connections: int = 1, retry: bool = True) -> hvac.Client:
    """Build a client with one token. No retry for logins, which must not be sent twice; no proxy or environment."""
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
    """Return the ``data`` of an answer.

    Raises:
        VaultAway: the answer is not Vault's.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise VaultAway("the key store returned no usable answer")
    return data

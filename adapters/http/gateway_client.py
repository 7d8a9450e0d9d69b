"""Client of Assay's HTTP API, for ``assay token``, ``submit`` and the demo."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx2

from domain.refusals import Kind, Refusal

_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class GatewayReply:
    """Response: status, headers in lower case, and the body as JSON, or as text if it is plain text."""

    status: int
    headers: Mapping[str, str]
    body: Any
    text: str | None = None


class GatewayClient:
    """Client of one Assay API. Follows no redirects and uses no proxy."""

    def __init__(self, base_url: str, *, patience_seconds: float = 330.0) -> None:
        self._http = httpx2.AsyncClient(
            base_url=base_url,
            timeout=httpx2.Timeout(patience_seconds, connect=_CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> GatewayReply:
        """Send one request.

        Raises:
            Refusal: ENGINE_UNAVAILABLE if the API does not answer.
        """
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        try:
            response = await self._http.request(method, path, json=json, headers=sent)
        except httpx2.HTTPError as error:
            raise self._away(error) from None
        return _reply(response)

    async def download(self, path: str, write: Callable[[bytes], object], *, token: str) -> GatewayReply:
        """Write the body of a successful response in chunks. Of others it is in the reply.

        Raises:
            Refusal: ENGINE_UNAVAILABLE if the API does not answer, or stops in the middle.
        """
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with self._http.stream("GET", path, headers=headers) as response:
                if response.status_code != httpx2.codes.OK:
                    await response.aread()
                    return _reply(response)
                async for part in response.aiter_bytes():
                    write(part)
                return GatewayReply(response.status_code, dict(response.headers), None)
        except httpx2.HTTPError as error:
            raise self._away(error) from None

    async def token(self, client_id: str, client_secret: str) -> str:
        """Return an access token by client credentials.

        Raises:
            Refusal: INVALID_CLIENT; ENGINE_UNAVAILABLE.
        """
        form = {"grant_type": "client_credentials"}
        try:
            response = await self._http.post("/oauth/token", data=form, auth=(client_id, client_secret))
        except httpx2.HTTPError as error:
            raise self._away(error) from None
        reply = _reply(response)
        if reply.status != httpx2.codes.OK:
            raise Refusal(Kind.INVALID_CLIENT, str(_member(reply.body, "error_description")))
        return str(reply.body["access_token"])

    def _away(self, error: httpx2.HTTPError) -> Refusal:
        return Refusal(Kind.ENGINE_UNAVAILABLE, f"{self._http.base_url} did not answer ({type(error).__name__})")


def _reply(response: httpx2.Response) -> GatewayReply:
    try:
        body = response.json()
    except ValueError:
        body = None
    headers = {name.lower(): value for name, value in response.headers.items()}
    text = response.text if headers.get("content-type", "").startswith("text/plain") else None
    return GatewayReply(response.status_code, headers, body, text)


def _member(body: object, name: str) -> object:
    return body.get(name) if isinstance(body, Mapping) else None

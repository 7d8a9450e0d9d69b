"""Calls of Vault from the event loop, for those that a request waits for.

hvac's calls block, so each is passed to a thread and back, competing with a busy loop. Errors are hvac's own, by
status. See decision 31.
"""

import json
import ssl
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import hvac
from hvac.exceptions import UnexpectedError, VaultDown, VaultError

from adapters.http.sessions import plain_session, system_tls
from assay_temporal.vault.client import VaultPlace, answer_data

_KEPT_ALIVE: Final = 60.0  # seconds; Vault closes idle connections after five minutes
_OK: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)


class VaultHttp:
    """One pool of connections to Vault."""

    def __init__(self, place: VaultPlace, *, connections: int) -> None:
        """Take the place, for address and CA, and the maximum number of calls in flight."""
        self._place = place
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def post(self, client: hvac.Client, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write to ``path`` with the token of ``client``; return the answer's data. It may be sent twice, so it should
        be idempotent. The caller limits its duration.

        Raises:
            VaultError: by status; VaultDown if no server answers.
            VaultAway: the answer is not Vault's.
        """
        status, answer = await self._sent(client, f"{client.url}/v1/{path}", json.dumps(body).encode())
        if status in _REDIRECTS:  # following one would send the token to the host it names
            raise UnexpectedError("a redirect was refused", method="post", url="")
        if status not in _OK:
            raise VaultError.from_status(status, "refused", method="post", url="")
        try:
            return answer_data(json.loads(answer))
        except ValueError:
            return answer_data(None)

    async def close(self) -> None:
        """Close every connection. A later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _sent(self, client: hvac.Client, url: str, body: bytes) -> tuple[int, bytes]:
        for last in (False, True):
            try:
                return await self._once(client, url, body)
            except aiohttp.ClientError as error:
                # a kept connection may die between two requests, so one immediate repeat
                if last or isinstance(error, aiohttp.ClientConnectorError):
                    break
        raise VaultDown("no server answers", method="post", url="")

    async def _once(self, client: hvac.Client, url: str, body: bytes) -> tuple[int, bytes]:
        if self._session is None:
            self._session = self._new_session()
        headers = {"X-Vault-Token": client.token}
        async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            return response.status, await response.read()

    def _new_session(self) -> aiohttp.ClientSession:
        return plain_session(
            aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=_KEPT_ALIVE, ssl=_tls(self._place)),
            aiohttp.ClientTimeout(total=None),
            {"X-Vault-Request": "true"},  # an agent or proxy in between may require it
        )


def _tls(place: VaultPlace) -> ssl.SSLContext:
    if place.ca_file is not None:
        return ssl.create_default_context(cafile=place.ca_file)
    return system_tls()

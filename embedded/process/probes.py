"""Small HTTP requests to servers on loopback, for readiness and first set-up.

On ``http.client``, since it knows no proxy settings: nothing in the environment can lead these requests elsewhere.
"""

import asyncio
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embedded.process.ports import LOOPBACK

_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class ProbeResponse:
    """A response: its status and body. The body may hold secrets, so it has no part in ``repr``."""

    status: int
    body: bytes

    def __repr__(self) -> str:
        return f"Answer(status={self.status})"

    def json(self) -> Any:  # noqa: ANN401 - JSON has no narrower type
        """The body, parsed."""
        return json.loads(self.body)


def _request(
    method: str, port: int, path: str, *, body: bytes | None, headers: Mapping[str, str], timeout_seconds: float
) -> ProbeResponse:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout_seconds)
    try:
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return ProbeResponse(response.status, response.read())
    finally:
        connection.close()


async def request(
    method: str,
    port: int,
    path: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> ProbeResponse:
    """Send one request to the loopback ``port``, with ``body`` as JSON.

    Raises:
        OSError, http.client.HTTPException: if no answer comes.
    """
    payload = None if body is None else json.dumps(body).encode()
    return await asyncio.to_thread(
        _request, method, port, path, body=payload, headers=headers or {}, timeout_seconds=timeout_seconds
    )


async def http_ready(port: int, path: str) -> bool:
    """Whether a GET of ``path`` answers 200: for ``ChildSpec.ready``, as ``partial(http_ready, 8080, "/readyz")``."""
    try:
        return (await request("GET", port, path)).status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False

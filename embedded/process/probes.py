"""Small HTTP requests to servers on loopback, for readiness and first set-up.

Based on ``http.client``, which has no proxy settings: the environment can't redirect these requests.
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
    """Status and body of a response. The body may contain secrets, so it is excluded from ``repr``."""

    status: int
    body: bytes

    def __repr__(self) -> str:
        return f"Answer(status={self.status})"

    def json(self) -> Any:  # noqa: ANN401 - JSON has no narrower type
        """Return the parsed body."""
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
    """Return True if a GET of ``path`` answers 200.

    For ``ChildSpec.ready``, as ``partial(http_ready, 8080, "/readyz")``.
    """
    try:
        return (await request("GET", port, path)).status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False

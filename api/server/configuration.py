"""Configuration of the HTTP server by the settings of the edge."""

from typing import Final

import uvicorn
from fastapi import FastAPI

from api.server.limits import ServerLimits, ServerLoad
from api.server.protocol import limited_protocol
from config.settings import ApiSettings

_SHUTDOWN_SECONDS: Final = 10


def server_config(app: FastAPI, api: ApiSettings) -> uvicorn.Config:
    """Return uvicorn's configuration, with the limits of connections, heads and bodies."""
    return uvicorn.Config(
        app,
        host=api.host,
        port=api.port,
        http=limited_protocol(_load(api)),
        proxy_headers=bool(api.trusted_proxies),
        forwarded_allow_ips=[str(network) for network in api.trusted_proxies],
        log_config=None,
        log_level="error",  # a line for each malformed request would let clients fill the disk
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )


def _load(settings: ApiSettings) -> ServerLoad:
    limits = ServerLimits(
        connections=settings.max_connections,
        connections_per_address=settings.max_connections_per_address,
        head_bytes=settings.max_header_bytes,
        body_bytes_in_flight=settings.max_body_bytes_in_flight,
    )
    return ServerLoad(limits, settings.trusted_proxies)

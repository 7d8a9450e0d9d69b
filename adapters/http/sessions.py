"""aiohttp sessions without implicit behaviour and independent of the environment."""

import ssl
from collections.abc import Mapping

import aiohttp
import httpx2


def plain_session(
    connector: aiohttp.BaseConnector, timeout: aiohttp.ClientTimeout, headers: Mapping[str, str]
) -> aiohttp.ClientSession:
    """Return a session for JSON: no proxy, netrc, cookies or decompression. Calls refuse redirects."""
    return aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        headers={
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": "assay",
            **headers,
        },
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),  # calls for different tenants stay separate
        auto_decompress=False,
    )


def system_tls() -> ssl.SSLContext:
    """Return the certificate store of all clients."""
    return httpx2.create_ssl_context(trust_env=False)

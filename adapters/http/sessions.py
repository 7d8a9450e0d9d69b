"""Sessions of aiohttp that add nothing of their own, and take nothing from the environment."""

import ssl
from collections.abc import Mapping

import aiohttp
import httpx2


def plain_session(
    connector: aiohttp.BaseConnector, timeout: aiohttp.ClientTimeout, headers: Mapping[str, str]
) -> aiohttp.ClientSession:
    """A session that sends JSON: no proxy, no netrc, no cookies, nothing decompressed. Calls refuse redirects."""
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
        cookie_jar=aiohttp.DummyCookieJar(),  # calls for different tenants stay apart
        auto_decompress=False,
    )


def system_tls() -> ssl.SSLContext:
    """The certificate store of all our clients."""
    return httpx2.create_ssl_context(trust_env=False)

"""Plaintext is permitted on loopback only: every address in the settings is checked here, by the SDK's rule."""

import re
from urllib.parse import urlsplit

from assay_temporal.transport import is_loopback, require_private_transport

__all__ = ["is_loopback", "require_origin", "require_private_transport"]

_HOST = re.compile(r"[a-z0-9.-]+|\[[0-9a-f:.]+\]")


def require_origin(url: str) -> str:
    """Return ``url`` if it is a private origin as sent by browsers (RFC 6454).

    Raises:
        ValueError: for any other form, and as ``require_private_transport``.
    """
    parts = urlsplit(require_private_transport(url))
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    if default is None or not _HOST.fullmatch(str(host)) or url != f"{parts.scheme}://{host}{port}":
        raise ValueError(
            "must be an origin as browsers send it: https://host or https://host:port, lower case, no path"
        )
    return url

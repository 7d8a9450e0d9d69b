"""Plaintext is for loopback only: every address in the settings passes through here."""

import ipaddress
import re
from urllib.parse import urlsplit

_HOST = re.compile(r"[a-z0-9.-]+|\[[0-9a-f:.]+\]")
_PRIVATE_SCHEMES = frozenset({"https", "grpcs", "postgresqls"})


def is_loopback(host: str) -> bool:
    """Whether ``host`` names this machine's loopback interface. ``localhost`` does, by RFC 6761 section 6.3."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require_private_transport(url: str) -> str:
    """Give ``url`` back if it is encrypted or stays on loopback.

    Raises:
        ValueError: for plaintext to any other host, credentials inside the address, or no host at all.
    """
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("the address needs a scheme and a host, such as https://vault.internal:8200")
    if parts.username or parts.password:
        raise ValueError("the address must not carry credentials: they belong in Vault")
    if parts.scheme not in _PRIVATE_SCHEMES and not is_loopback(parts.hostname):
        raise ValueError(f"plaintext to {parts.hostname} is refused: use TLS, or a loopback address")
    return url


def require_origin(url: str) -> str:
    """Give ``url`` back if it is the origin of a private place, just as browsers write it (RFC 6454 section 6.2).

    Raises:
        ValueError: for anything that no browser would send, and as ``require_private_transport``.
    """
    parts = urlsplit(require_private_transport(url))
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    if default is None or not _HOST.fullmatch(str(host)) or url != f"{parts.scheme}://{host}{port}":
        raise ValueError("write the origin as browsers do: https://host or https://host:port, lower case, no path")
    return url

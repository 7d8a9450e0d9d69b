"""Plaintext is permitted on loopback only: every server address is checked here."""

import ipaddress
from urllib.parse import urlsplit

_PRIVATE_SCHEMES = frozenset({"https", "grpcs", "postgresqls"})


def is_loopback(host: str) -> bool:
    """Return True if ``host`` is loopback, also as ``localhost`` (RFC 6761 section 6.3)."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require_private_transport(url: str) -> str:
    """Return ``url`` if it is encrypted or on loopback.

    Raises:
        ValueError: for plaintext to any other host, credentials inside the address, or no host at all.
    """
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("the address needs a scheme and a host, such as https://vault.internal:8200")
    if parts.username or parts.password:
        raise ValueError("the address must not contain credentials: keep them in Vault")
    if parts.scheme not in _PRIVATE_SCHEMES and not is_loopback(parts.hostname):
        raise ValueError(f"plaintext to {parts.hostname} is refused: use TLS, or a loopback address")
    return url

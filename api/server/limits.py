"""Limits of the HTTP server, and what its connections hold together."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Limits of one process. Sizes are bytes as received, times seconds.

    Attributes:
        connections: connections in all.
        connections_per_address: of one peer address that is not a trusted proxy.
        head_bytes: request line and headers together.
        headers: header fields of a request.
        url_bytes: the request target.
        head_seconds: from a connection's start, or a request's first byte, to the end of its headers.
        body_seconds: from the end of the headers to the end of the body.
        write_seconds: without progress, while a client does not read a response.
        body_bytes_in_flight: bodies of all requests in work.
    """

    connections: int = 2_000
    connections_per_address: int = 256
    head_bytes: int = 32_768
    headers: int = 100
    url_bytes: int = 8_192
    head_seconds: float = 10.0
    body_seconds: float = 60.0
    write_seconds: float = 30.0
    body_bytes_in_flight: int = 67_108_864


class ServerLoad:
    """Connections and body bytes that a process holds, against its limits."""

    def __init__(self, limits: ServerLimits, trusted_proxies: Collection[IPv4Network | IPv6Network] = ()) -> None:
        """Take the limits; connections of ``trusted_proxies`` count in all, but not by address."""
        self.limits = limits
        self._proxies = tuple(trusted_proxies)
        self._by_address: Counter[str] = Counter()
        self.connections = 0
        self.body_bytes = 0

    def admit(self, address: str) -> bool:
        """Count a new connection, unless a limit is reached. ``release`` it exactly once if it was counted."""
        if self.connections >= self.limits.connections:
            return False
        if not self._is_proxy(address):
            if self._by_address[address] >= self.limits.connections_per_address:
                return False
            self._by_address[address] += 1
        self.connections += 1
        return True

    def release(self, address: str) -> None:
        """Take a counted connection back."""
        self.connections -= 1
        if not self._is_proxy(address):
            self._by_address[address] -= 1
            if self._by_address[address] <= 0:
                del self._by_address[address]

    def hold_body(self, count: int) -> bool:
        """Count body bytes, and tell if all fit the budget. They count either way until ``release_body``."""
        self.body_bytes += count
        return self.body_bytes <= self.limits.body_bytes_in_flight

    def release_body(self, count: int) -> None:
        """Take body bytes back."""
        self.body_bytes -= count

    @property
    def addresses(self) -> int:
        """Number of addresses with a connection: bounded by the connections."""
        return len(self._by_address)

    def _is_proxy(self, address: str) -> bool:
        if not self._proxies:
            return False
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._proxies)

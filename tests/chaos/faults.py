"""Ways to take a server away, and to wait until all serve again."""

import contextlib
from collections.abc import Iterator

import httpx2
import psutil

from tests.gateway import Gateway, eventually


async def ready(gateway: Gateway, wanted: int = 200) -> None:
    async def is_so() -> bool:
        with contextlib.suppress(httpx2.HTTPError):
            return (await gateway.http.get("/readyz")).status_code == wanted
        return False

    await eventually(is_so, 60)


def process(gateway: Gateway, name: str) -> psutil.Process:
    [status] = [status for status in gateway.servers.status() if status.name == name]
    return psutil.Process(status.pid)


@contextlib.contextmanager
def suspended(gateway: Gateway, name: str) -> Iterator[None]:
    """Stop a server and its children (SIGSTOP): its clients wait until their time-outs."""
    parent = process(gateway, name)
    family = [parent, *parent.children(recursive=True)]
    for one in family:
        one.suspend()
    try:
        yield
    finally:
        for one in reversed(family):
            one.resume()

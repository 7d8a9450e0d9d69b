"""Signals that end a supervisor in the foreground."""

import asyncio
import signal
from types import TracebackType
from typing import Self

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndSignals:
    """Catches SIGINT (Ctrl-C), SIGTERM and SIGHUP (a closed terminal) from ``with`` on.

    The first is only noted. A second has the system's usual effect, for a stop that takes too long. Main thread only.
    """

    def __init__(self) -> None:
        self._received: asyncio.Future[signal.Signals] | None = None

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._received = loop.create_future()
        for which in _ENDING:
            loop.add_signal_handler(which, self._note, which)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _restore()

    async def wait(self) -> signal.Signals:
        """Wait for the first signal and return it; at once if it has come already."""
        if self._received is None:
            raise RuntimeError("EndSignals must be entered as a context manager before waiting for it")
        return await asyncio.shield(self._received)

    def _note(self, which: signal.Signals) -> None:
        _restore()
        if self._received is not None and not self._received.done():
            self._received.set_result(which)


def _restore() -> None:
    loop = asyncio.get_running_loop()
    for which in _ENDING:
        loop.remove_signal_handler(which)

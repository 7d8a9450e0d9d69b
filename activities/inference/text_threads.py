"""Threads for guards of long texts: short ones are judged in the event loop, which others share.

Guards are pure Python and hold the interpreter's lock, so a thread makes nothing faster; but the loop gets its turn
every few milliseconds. Their work is bounded and is not interrupted: the result of a cancelled one is dropped.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from domain.inference.texts import Text

MOST_IN_LOOP: Final = 500
"""Maximum code points of the texts that are judged in the loop: 5 ms at the costliest, about 1 ms usually."""
_USUAL: Final = 4_000

_REQUEST_IN_LOOP: Final = 32_000
"""Maximum characters of a request that is parsed and measured in the loop: about a millisecond."""

Given = ParamSpec("Given")
Found = TypeVar("Found")


class TextThreads:
    """Two threads: one for texts of usual length, one for longer ones, so that these don't hold up the others."""

    def __init__(self) -> None:
        """Start no thread yet: the first long text does."""
        self._usual = ThreadPoolExecutor(1, "assay-texts")
        self._long = ThreadPoolExecutor(1, "assay-long-texts")

    async def run(
        self, texts: tuple[Text, ...], work: Callable[Given, Found], *args: Given.args, **kwargs: Given.kwargs
    ) -> Found:
        """Return the result of ``work``, which reads these texts, and raise what it raises.

        Raises:
            RuntimeError: the threads are closed.
        """
        length = sum(len(text.text) for text in texts)
        if length <= MOST_IN_LOOP:
            return work(*args, **kwargs)
        threads = self._usual if length <= _USUAL else self._long
        return await asyncio.wrap_future(threads.submit(work, *args, **kwargs))

    def close(self) -> None:
        """Take no more work, and drop what has not begun. Does not wait for the rest."""
        for threads in (self._usual, self._long):
            threads.shutdown(wait=False, cancel_futures=True)


async def beside_loop(
    characters: int, work: Callable[Given, Found], *args: Given.args, **kwargs: Given.kwargs
) -> Found:
    """Return the result of ``work`` on a request of that many characters: of long ones from a thread."""
    if characters <= _REQUEST_IN_LOOP:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)

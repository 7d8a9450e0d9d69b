"""Exponential backoff with a cap."""


class Backoff:
    """Doubles from ``first`` to ``cap`` seconds. No jitter: each process has one loop of each kind."""

    def __init__(self, first: float = 0.1, cap: float = 2.0) -> None:
        self._first = first
        self._cap = cap
        self._wait = first

    def next(self) -> float:
        """Return the next delay in seconds."""
        wait = self._wait
        self._wait = min(self._cap, wait * 2)
        return wait

    def reset(self) -> None:
        """Return to the first delay after a success."""
        self._wait = self._first

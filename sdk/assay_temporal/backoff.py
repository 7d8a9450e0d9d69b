"""Waiting longer after each failure, up to a cap."""


class Backoff:
    """Doubles from ``first`` to ``cap`` seconds. No jitter: each process has one loop of each kind, not a herd."""

    def __init__(self, first: float = 0.1, cap: float = 2.0) -> None:
        self._first = first
        self._cap = cap
        self._wait = first

    def next(self) -> float:
        """The seconds to wait now."""
        wait = self._wait
        self._wait = min(self._cap, wait * 2)
        return wait

    def reset(self) -> None:
        """All is well again."""
        self._wait = self._first

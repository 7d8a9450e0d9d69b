"""The clock of the machine."""

from datetime import UTC, datetime


class SystemClock:
    """``domain.ports.Clock`` on the operating system's clock."""

    def now(self) -> datetime:
        """Return the current time, aware, UTC."""
        return datetime.now(UTC)

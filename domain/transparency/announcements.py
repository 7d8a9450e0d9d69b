"""Announcements of archiving: signed statements that a month is about to leave the log for its files.

Between its removal from the log and the manifests of its files, the announcement accounts for a month. It expires, so
that an old one excuses nothing later.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

ANNOUNCEMENT_TYPE = "assay-archiving+jwt"
ANNOUNCED_FOR = timedelta(hours=24)
"""Validity of an announcement. Archiving a month takes minutes; each attempt announces it again."""
_CLOCKS = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Announcement:
    """The month, and the time of the announcement (aware)."""

    month: date
    made_at: datetime

    def claims(self) -> dict[str, str]:
        """Return the claims to be signed."""
        return {"month": self.month.isoformat(), "made_at": self.made_at.isoformat(timespec="seconds")}

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> "Announcement":
        """Parse verified claims.

        Raises:
            ValueError, KeyError, TypeError: they have another form.
        """
        made_at = datetime.fromisoformat(claims["made_at"])
        if made_at.tzinfo is None:
            raise ValueError("the time of an announcement has no zone")
        return cls(date.fromisoformat(claims["month"]), made_at)

    def valid_at(self, now: datetime) -> bool:
        """Test whether it is in force."""
        return -_CLOCKS <= now - self.made_at <= ANNOUNCED_FOR


def month_of(event: UUID) -> date:
    """Return the month (UTC) of an event, from its ID (RFC 9562 section 5.7)."""
    return datetime.fromtimestamp((event.int >> 80) / 1000, UTC).date().replace(day=1)

"""Export of a part of the log: header and entries as JSON Lines. The export is recorded before the first line."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from domain.access.ports import AccessDecider
from domain.access.principals import Action, Principal
from domain.access.resources import Resource, ResourceKind
from domain.budgets.ports import Ledger
from domain.ports import Clock
from domain.records.access_events import reading_record
from domain.records.queries import require_time
from domain.records.records import EventKind
from domain.refusals import Kind, Refusal
from domain.transparency.checkpoints import parse_checkpoint, parse_note
from domain.transparency.exports import header_of
from domain.transparency.ports import LogEntries, LogProofs

_AT_ONCE = 200


class LogExport:
    """Exports the log of a principal's own tenant."""

    def __init__(
        self,
        entries: LogEntries,
        proofs: LogProofs,
        ledger: Ledger,
        access: AccessDecider,
        clock: Clock,
        random_tag: Callable[[], str],
    ) -> None:
        """Take the ports; ``entries`` by a login that only reads."""
        self._entries = entries
        self._proofs = proofs
        self._ledger = ledger
        self._access = access
        self._clock = clock
        self._random_tag = random_tag

    async def begin(self, principal: Principal, since: datetime | None, until: datetime | None) -> AsyncIterator[bytes]:
        """Record the export; return its lines. Entries not covered by a checkpoint are not included.

        Raises:
            Refusal: INVALID_REQUEST for a time that no record has; FORBIDDEN; NOT_FOUND before the first checkpoint;
                STORE_UNAVAILABLE, also if it can't be recorded.
        """
        tenant = principal.tenant
        require_time("since", since)
        require_time("until", until)
        await self._access.require(principal, Action.READ_AUDIT, Resource(tenant, ResourceKind.LOG))
        note = await self._proofs.checkpoint(tenant)
        if note is None:
            raise Refusal(Kind.NOT_FOUND, "no checkpoint of this log has been signed yet")
        newest = parse_checkpoint(parse_note(note).text)
        first, after = await self._entries.span(tenant, newest.size, since, until)
        edge = await self._entries.edge(tenant, first)
        consistency = await self._proofs.consistency(tenant, after, newest.size)
        filters = tuple(name for name, value in (("since", since), ("until", until)) if value is not None)
        made = reading_record(
            EventKind.EXPORTED,
            principal,
            self._clock.now(),
            self._random_tag(),
            filters=filters,
            count=after - first,
        )
        await self._ledger.append(made)
        return self._lines(tenant, header_of(newest.origin, edge, after, note, consistency), first, after)

    async def _lines(self, tenant: str, header: object, first: int, after: int) -> AsyncIterator[bytes]:
        yield _line(header)
        for at in range(first, after, _AT_ONCE):
            entries = await self._entries.read(tenant, at, min(at + _AT_ONCE, after))
            yield b"".join(_line(entry) for entry in entries)


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

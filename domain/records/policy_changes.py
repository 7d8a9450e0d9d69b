"""Changes of the current policy, as the log records them: Assay's own log, since a policy holds for all tenants."""

from dataclasses import dataclass
from datetime import datetime

from domain.access.principals import SYSTEM_TENANT
from domain.identity import epoch_ms, event_id
from domain.records.records import EventKind, OpenFields, Record, SealedFields


@dataclass(frozen=True, slots=True)
class PolicyTurn:
    """The policy that is current, and its turn: turns only grow. Before the first there is none, and the turn is 0."""

    number: int
    hash: str | None


def policy_changed(before: PolicyTurn, policy_hash: str, login: str, now: datetime) -> Record:
    """The record of a change, one event for each turn that it follows.

    ``login`` is the operator's login to the database. Nothing is sealed: an operator has no key to seal with.
    """
    return Record(
        event_id=event_id(epoch_ms(now), SYSTEM_TENANT, "policy", str(before.number), policy_hash),
        tenant=SYSTEM_TENANT,
        kind=EventKind.POLICY_CHANGED,
        recorded_at=now,
        fields=OpenFields(policy=policy_hash, policy_before=before.hash, login=login),
        sealed=SealedFields(),
    )

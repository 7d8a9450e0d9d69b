"""Records of policy changes, in Assay's own log, since a policy applies to all tenants."""

from dataclasses import dataclass
from datetime import datetime

from domain.access.principals import SYSTEM_TENANT
from domain.identity import epoch_ms, event_id
from domain.records.fields import PolicyChangedFields
from domain.records.records import EncryptedFields, EventKind, Record


@dataclass(frozen=True, slots=True)
class PolicyTurn:
    """The current policy, and its turn: turns only increase. Before the first there is none, and the turn is 0."""

    number: int
    hash: str | None


def policy_changed(before: PolicyTurn, policy_hash: str, login: str, now: datetime) -> Record:
    """Return the record of a change, one event for each turn that it follows.

    ``login`` is the operator's login to the database. Nothing is encrypted: an operator has no key for it.
    """
    return Record(
        event_id=event_id(epoch_ms(now), SYSTEM_TENANT, "policy", str(before.number), policy_hash),
        tenant=SYSTEM_TENANT,
        kind=EventKind.POLICY_CHANGED,
        recorded_at=now,
        fields=PolicyChangedFields(policy=policy_hash, policy_before=before.hash, login=login),
        sealed=EncryptedFields(),
    )

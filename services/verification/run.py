"""Verification of several tenants' logs in one run."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.access.principals import SYSTEM_TENANT, require_tenant
from domain.transparency.verification import TenantAudit
from services.verification.verifier import LogAudit


@dataclass(frozen=True, slots=True)
class LogReport:
    """Verification results of tenants' logs."""

    tenants: tuple[TenantAudit, ...]

    @property
    def holds(self) -> bool:
        """Return True if none of them has a fault."""
        return all(audit.holds for audit in self.tenants)

    @property
    def events(self) -> int:
        """Return the number of leaves read."""
        return sum(audit.size - audit.since for audit in self.tenants)


def require_log_tenant(tenant: str | None) -> None:
    """Check that a tenant may have that name, or none is given. Raises ``Refusal`` INVALID_REQUEST."""
    if tenant is not None and tenant != SYSTEM_TENANT:
        require_tenant(tenant)


async def verify_logs(
    audit: LogAudit, *, tenant: str | None = None, since: int = 0, kept: Sequence[str] = ()
) -> LogReport:
    """Verify one tenant's log, or all; ``kept`` are signed notes kept outside the installation.

    Raises:
        Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE, INTERNAL: it can't be told; INVALID_REQUEST for a name that is no
            tenant's, or a note of another log.
    """
    require_log_tenant(tenant)
    notes = [audit.open_kept(note) for note in kept]
    names = [tenant] if tenant else sorted({*await audit.tenants(), *(owner for owner, _ in notes)})
    found = {
        name: await audit.verify(name, since=since, kept=[note for owner, note in notes if owner == name])
        for name in names
    }
    for owner, finding in (await audit.unplaced(tenant)).items():
        found.setdefault(owner, TenantAudit(owner)).found(finding)
    return LogReport(tuple(found.values()))

"""Keys of a team: its login to Vault, and a key ring of its tenant only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from assay_temporal.keyring import DataKey, KeyRing, KeyUnavailable
from assay_temporal.transport import require_private_transport
from assay_temporal.vault.keyring import VaultKeyRing
from assay_temporal.vault.session import VaultSession


@dataclass(frozen=True, slots=True)
class TeamVault:
    """Address of Vault, and the team's credential files as written by ``assay team create``.

    Attributes:
        address: its URL; plaintext on loopback only.
        role_id_file: the AppRole's role ID.
        secret_id_file: the secret ID, or the token that unwraps it. It is read again when a login fails.
        wrapped: True for such a token: it can be unwrapped once, so a restarted process needs a new one.
        ca_file: the CA of Vault's certificate; None for the system's CAs.
        timeout_seconds: for each call.
        data_key_max_age_seconds: maximum time a data key encrypts. Use the same value as Assay.
    """

    address: str
    role_id_file: Path
    secret_id_file: Path
    wrapped: bool = True
    ca_file: Path | None = None
    timeout_seconds: float = 2.0
    approle_mount: str = "assay-teams"
    kv_mount: str = "assay"
    transit_mount: str = "transit"
    data_key_max_age_seconds: float = 86_400.0

    def __post_init__(self) -> None:
        """Refuse an address that would send the token in plaintext.

        Raises:
            ValueError: see ``assay_temporal.transport``.
        """
        require_private_transport(self.address)


@asynccontextmanager
async def team_keys(vault: TeamVault, tenant: str, *, wait_seconds: float = 5.0) -> AsyncIterator[KeyRing]:
    """Open the tenant's key ring, over a session that recovers by itself.

    ``wait_seconds`` is for the first login. While Vault is unavailable for longer, so are the keys.
    """
    session = VaultSession(vault, vault)
    try:
        await session.start(wait_seconds)
        keys = VaultKeyRing(
            session,
            kv_mount=vault.kv_mount,
            transit_mount=vault.transit_mount,
            key_life=timedelta(seconds=vault.data_key_max_age_seconds),
        )
        yield OneTenantKeyRing(keys, tenant)
    finally:
        await session.close()


class OneTenantKeyRing:
    """``KeyRing`` limited to one tenant.

    For another tenant's payload Vault is not called: its refusal would look like an outage, and a worker would retry
    for ever.
    """

    def __init__(self, keyring: KeyRing, tenant: str) -> None:
        """Take the key ring of the tenant."""
        self._keyring = keyring
        self._tenant = tenant

    async def current(self, tenant: str) -> DataKey:
        """See ``KeyRing``."""
        self._require(tenant)
        return await self._keyring.current(tenant)

    async def by_id(self, tenant: str, key_id: str) -> DataKey:
        """See ``KeyRing``."""
        self._require(tenant)
        return await self._keyring.by_id(tenant, key_id)

    def _require(self, tenant: str) -> None:
        if tenant != self._tenant:
            raise KeyUnavailable(tenant, gone=True)

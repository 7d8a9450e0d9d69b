"""What the API and the worker have in common: a session with Vault, keys, and a pool. The one place that builds
them."""

import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass

from adapters.identity_vault import VaultIdentity
from adapters.keyring_vault import VaultKeyRing
from adapters.ledger_postgres import PostgresLedger
from adapters.payloads_postgres import PostgresPayloads
from adapters.policies_postgres import PostgresPolicies
from adapters.pool_postgres import PostgresPool
from adapters.public_keys_vault import VaultPublicKeys
from adapters.record_sealer import RecordSealer
from adapters.signer_vault import VaultSigner
from adapters.subject_keys_postgres import PostgresSubjectKeys
from adapters.vault_session import VaultSession
from config.settings import AppRoleSettings, Settings
from domain.ports import Clock


@dataclass(frozen=True)
class Platform:
    """A process's adapters on Vault and PostgreSQL, under one AppRole and one kind of database login."""

    session: VaultSession
    keyring: VaultKeyRing
    identities: VaultIdentity
    public_keys: VaultPublicKeys
    signer: VaultSigner
    pool: PostgresPool
    sealer: RecordSealer
    ledger: PostgresLedger
    policies: PostgresPolicies
    payloads: PostgresPayloads

    @classmethod
    async def open(
        cls, stack: AsyncExitStack, settings: Settings, approle: AppRoleSettings, database_role: str, clock: Clock
    ) -> "Platform":
        """Start the owners of session and pool; ``stack`` stops them. Returns whether or not the servers answer yet."""
        vault = settings.vault
        session = VaultSession(vault, approle)
        stack.push_async_callback(session.close)
        await session.start()
        keyring = VaultKeyRing(session, vault, clock)
        public_keys = VaultPublicKeys(session, transit_mount=vault.transit_mount)
        identities = VaultIdentity(session, kv_mount=vault.kv_mount)
        pool = PostgresPool(session, settings.database, database_role, mount=vault.database_mount)
        stack.push_async_callback(pool.close)
        await pool.start()
        sealer = RecordSealer(keyring, identities, PostgresSubjectKeys(pool, keyring))
        return cls(
            session=session,
            keyring=keyring,
            identities=identities,
            public_keys=public_keys,
            signer=VaultSigner(session, public_keys, transit_mount=vault.transit_mount),
            pool=pool,
            sealer=sealer,
            ledger=PostgresLedger(pool, sealer),
            policies=PostgresPolicies(pool, sealer, clock, f"{database_role} on {socket.gethostname()}"),
            payloads=PostgresPayloads(pool),
        )
